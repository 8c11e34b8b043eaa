"""The WGAN latent space lab: move through the latent space of a generator."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.latent import front

frame.page(
    "WGAN latent space",
    "A generator turns a few numbers into an image. Change the numbers to see what the generator "
    "has learned.",
    "WGAN_latent_space",
    shortcuts.LATENT,
)
with frame.loading("WGAN_latent_space", front.picture):
    from dgm_core import zoo
    from ui import cache, figures, links
    from ui.latent.links import in_link
    from ui.latent.spaces import TITLES, Space, available
    from ui.latent.views import VIEWS

VIEW = links.Setting("latent view", next(iter(VIEWS)), options=tuple(VIEWS), link="view")

st.html(figures.ONCE)
spaces = available()
if not spaces:
    st.info("The shipped WGANs are missing. Put the files back, or train the recipe `mnist-wgan`.")
    st.stop()
titles = {name: TITLES[name] for name in spaces}
dataset = links.Setting("latent space", spaces[0], options=titles, link="space")
links.receive("latent", [VIEW, *in_link(dataset)])
chosen = VIEW.widget(st.segmented_control, "View", required=True, label_visibility="collapsed")
controls, results = st.columns([3, 8], gap="large")
try:
    with controls:
        space = Space(dataset.widget(st.segmented_control, "Images", required=True))
    view = VIEWS[chosen](space, controls)
    links.send(links.texts([VIEW, *in_link(dataset)]))
    with results:
        st.markdown(view.about)
        view.show()
except zoo.BrokenModel as error:
    results.error(cache.how_to_mend(error))
