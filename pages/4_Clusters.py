"""The clusters lab: a VAE and a mixture of Gaussians that learn from each other."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.clusters import front

frame.page(
    "Clusters",
    "A VAE and a mixture of Gaussians learn from each other to group images into clusters, "
    "without labels.",
    "Clusters",
    shortcuts.CLUSTERS,
)
with frame.loading("Clusters", front.picture):
    from dgm_core import zoo
    from ui import cache, figures, links
    from ui.clusters import training
    from ui.clusters.compare import Compare
    from ui.clusters.learn import Learn
    from ui.clusters.mixture import Inside
    from ui.clusters.own_picture import OwnPicture
    from ui.clusters.runs import FIRST_BEFORE, TITLES, available, offer_images, trained_run

VIEWS = {view.name: view for view in (Compare, Learn, Inside, OwnPicture)}
VIEW = links.Setting("cluster view", next(iter(VIEWS)), options=tuple(VIEWS), link="view")

st.html(figures.ONCE)
training.open_finished()
names = available()
if not names:
    st.info(
        "The shipped runs are missing. Put the files back, or train the recipe `digits-vaegmm`."
    )
    st.stop()
titles = {name: TITLES[name] for name in names}
before = FIRST_BEFORE if FIRST_BEFORE in names else None
run = links.Setting("cluster run", names[0], options=titles, link="run", unnamed=before)
links.receive("cluster", [VIEW, run, *links.settings_of(VIEWS.values())])
chosen = VIEW.widget(st.segmented_control, "View", required=True, label_visibility="collapsed")
controls, results = st.columns([3, 8], gap="large")
try:
    with controls:
        name = run.widget(st.selectbox, "Run")
        offer_images(name)
    view = VIEWS[chosen](trained_run(name), controls)
    links.send(links.texts([VIEW, run, *view.settings]))
    with results:
        st.markdown(view.about)
        view.show()
except (zoo.BrokenModel, OSError, ValueError) as error:
    results.error(cache.how_to_mend(error))
