"""The WGAN latent space lab: move through the latent space of a generator."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from dgm_core import zoo
from ui import cache, figures, shortcuts
from ui.latent import links
from ui.latent.spaces import TITLES, Space, available
from ui.latent.views import VIEWS

frame.page(
    "WGAN latent space",
    "A generator turns a few numbers into an image. Change the numbers to see what the generator "
    "has learned.",
    "WGAN_latent_space",
    shortcuts.LATENT,
)
st.html(figures.ONCE)
spaces = available()
if not spaces:
    st.info("The shipped WGANs are missing. Put the files back, or train the recipe `mnist-wgan`.")
    st.stop()
links.receive(spaces, list(VIEWS))
frame.kept("latent view", next(iter(VIEWS)))
chosen = st.segmented_control(
    "View", list(VIEWS), required=True, key="keep.latent view", label_visibility="collapsed"
)
controls, results = st.columns([3, 8], gap="large")
try:
    with controls:
        frame.kept("latent space", spaces[0])
        dataset = st.segmented_control(
            "Images", spaces, required=True, key="keep.latent space", format_func=TITLES.get
        )
    space = Space(dataset)
    view = VIEWS[chosen](space, controls)
    links.send(space, chosen)
    with results:
        st.markdown(view.about)
        view.show()
except zoo.BrokenModel as error:
    results.error(cache.how_to_mend(error))
