"""The GAN distances lab: distances between two distributions, estimated by critics."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.distances import front

frame.page(
    "GAN distances",
    "The critic of a GAN estimates a distance between two distributions. The choice of the "
    "distance decides what the generator can learn from it.",
    "GAN_distances",
    shortcuts.DISTANCES,
)
with frame.loading("GAN_distances", front.picture):
    from ui import figures, links
    from ui.distances.critic import Critic
    from ui.distances.games import Games
    from ui.distances.spiral import Spiral
    from ui.distances.sweep import Sweeps

VIEWS = {view.name: view for view in (Sweeps, Critic, Games, Spiral)}
VIEW = links.Setting("distance view", next(iter(VIEWS)), options=tuple(VIEWS), link="view")

st.html(figures.ONCE)
links.receive("distance", [VIEW, *links.settings_of(VIEWS.values())])
chosen = VIEW.widget(st.segmented_control, "View", required=True, label_visibility="collapsed")
controls, results = st.columns([3, 8], gap="large")
view = VIEWS[chosen](controls)
links.send(links.texts([VIEW, *view.settings]))
with results:
    st.markdown(view.about)
    view.show()
