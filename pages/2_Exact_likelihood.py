"""The exact likelihood lab: bounds on log p(x), and models whose likelihood is unbounded."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.likelihood import front

frame.page(
    "Exact likelihood",
    "The likelihood of a deep latent variable model has no closed form. Compute bounds from both "
    "sides, and see why the likelihood of a Gaussian decoder can grow without limit.",
    "Exact_likelihood",
    shortcuts.LIKELIHOOD,
)
with frame.loading("Exact_likelihood", front.picture):
    from dgm_core import zoo
    from ui import cache, figures, links
    from ui.likelihood.bounds import Bounds
    from ui.likelihood.floor import Floor
    from ui.likelihood.plane import Plane
    from ui.likelihood.variational import Variational

VIEWS = {view.name: view for view in (Bounds, Floor, Variational, Plane)}
VIEW = links.Setting("likelihood view", next(iter(VIEWS)), options=tuple(VIEWS), link="view")

st.html(figures.ONCE)
links.receive("likelihood", [VIEW, *links.settings_of(VIEWS.values())])
chosen = VIEW.widget(st.segmented_control, "View", required=True, label_visibility="collapsed")
controls, results = st.columns([3, 8], gap="large")
try:
    view = VIEWS[chosen](controls)
    links.send(links.texts([VIEW, *view.settings]))
    with results:
        st.markdown(view.about)
        view.show()
except (zoo.BrokenModel, OSError) as error:
    results.error(cache.how_to_mend(error))
