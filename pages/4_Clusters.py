"""A VAE and a mixture of Gaussians that learn from each other, seen from four sides."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from dgm_core import zoo
from ui import cache, figures, shortcuts
from ui.clusters import links, training
from ui.clusters.compare import Compare
from ui.clusters.learn import Learn
from ui.clusters.mixture import Inside
from ui.clusters.own_picture import Place
from ui.clusters.runs import TITLES, offered, story

VIEWS = {view.name: view for view in (Compare, Learn, Inside, Place)}

frame.page(
    "Clusters",
    "A VAE and a mixture of Gaussians teach each other what kinds of images there are, without a "
    "single label.",
    "Clusters",
    shortcuts.CLUSTERS,
)
st.html(figures.ONCE)
training.take_over()
stories = offered()
if not stories:
    st.info("No run is here: put the shipped files back, or train the recipe `digits-vaegmm`.")
    st.stop()
links.receive(stories)
frame.kept("cluster view", next(iter(VIEWS)))
chosen = st.segmented_control(
    "View", list(VIEWS), required=True, key="keep.cluster view", label_visibility="collapsed"
)
controls, results = st.columns([3, 8], gap="large")
try:
    with controls:
        frame.kept("cluster story", stories[0])
        name = st.selectbox("Run", stories, key="keep.cluster story", format_func=TITLES.get)
    view = VIEWS[chosen](story(name), controls)
    links.send(name, chosen)
    with results:
        st.markdown(view.about)
        view.show()
except (zoo.BrokenModel, OSError, ValueError) as error:
    results.error(cache.how_to_mend(error))
