"""How far apart two laws are, as critics say and as it is; and what becomes of a GAN."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import figures, shortcuts
from ui.distances import links
from ui.distances.critic import Critic
from ui.distances.games import Games
from ui.distances.spiral import Spiral
from ui.distances.sweep import Sweeps

VIEWS = {view.name: view for view in (Sweeps, Critic, Games, Spiral)}

frame.page(
    "GAN distances",
    "A GAN's critic estimates how far two laws are apart. Which distance it is decides what the "
    "generator can learn from it.",
    "GAN_distances",
    shortcuts.DISTANCES,
)
st.html(figures.ONCE)
links.receive(tuple(VIEWS))
frame.kept("distance view", next(iter(VIEWS)))
chosen = st.segmented_control(
    "View", list(VIEWS), required=True, key="keep.distance view", label_visibility="collapsed"
)
controls, results = st.columns([3, 8], gap="large")
view = VIEWS[chosen](controls)
links.send(chosen)
with results:
    st.markdown(view.about)
    view.show()
