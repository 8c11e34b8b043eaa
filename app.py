"""The front page: one figure per lab, the tour, lessons for classes, and data sources."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import importlib
import threading

import streamlit as st

from ui import front_door
from ui.clusters import front as clusters_front
from ui.distances import front as distances_front
from ui.inpainting import front as inpainting_front
from ui.latent import front as latent_front
from ui.likelihood import front as likelihood_front
from ui.mnar import front
from ui.theory import front as theory_front
from ui.your_table import front as your_table_front


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what the labs need while the visitor reads; torch takes seconds.

    The import starts after a moment, so that it does not delay the first figure.
    """
    timer = threading.Timer(1.5, importlib.import_module, ["ui.inpainting.all_methods"])
    timer.daemon = True
    timer.start()


frame.page(
    "Deep generative models with missing data",
    "An interactive lab. Hide part of the data, and see how deep generative models fill it in, "
    "how certain they are, and when they are wrong.",
)
front_door.tour()
text, figure = front_door.room("Inpainting")
with text:
    st.markdown(
        "The top half of this handwritten digit was hidden from a deep latent variable model. "
        "Two samplers fill it in. **Pseudo-Gibbs** is only as good as the model's encoder, and on "
        "some images it is far off. **Metropolis-within-Gibbs** is exact in the limit of many "
        "iterations, but that limit may be out of reach.\n\n"
        "In the lab you choose or draw a digit, paint over any part of it, and watch both "
        "samplers while they run. The view Live runs them **in your browser** while you paint. "
        "You can also compare **all methods** on one image, a digit or a face: samplers, MIWAE, "
        "mixtures of factor analysers, and simple baselines."
    )
    st.page_link("pages/1_Inpainting.py", label="Open the inpainting lab", icon=":material/brush:")
with figure:
    inpainting_front.picture()
st.divider()
text, figure = front_door.room("Exact likelihood")
with text:
    st.markdown(
        "How likely is this image? The likelihood of a deep latent variable model has no closed "
        "form, but **bounds from both sides** can be computed. Here the model is so small that "
        "the exact value is known as well.\n\n"
        "In the lab you increase the number of draws, lower the variance floor that keeps a "
        "likelihood finite, and train a VAE whose latents collapse. You also see **why Metropolis "
        "gets stuck**: posterior, proposals and chains in one plane."
    )
    st.page_link("pages/2_Exact_likelihood.py", label="Open the lab", icon=":material/show_chart:")
with figure:
    likelihood_front.picture()
st.divider()
text, figure = front_door.room("Missing not at random")
with text:
    st.markdown(
        "Half of this table's columns lost every value above their mean. **MIWAE** assumes that "
        "whether a value is missing depends only on what is observed; here that is wrong, and its "
        "imputations are biased. **not-MIWAE** also learns *why* values are missing.\n\n"
        "In the lab you choose the mechanism or upload a table of your own. You watch both models "
        "train side by side, vary assumptions that no data can test, and download the completed "
        "table."
    )
    st.page_link(
        "pages/3_Missing_not_at_random.py", label="Open the lab", icon=":material/table_chart:"
    )
with figure:
    front.picture()
st.divider()
text, figure = front_door.room("Clusters")
with text:
    st.markdown(
        "A **VAE** places similar images together, a **mixture of Gaussians** finds groups among "
        "them and becomes the VAE's prior, and they alternate. No labels are used. Draw a lasso "
        "around points on one side to find the same images on the other side.\n\n"
        "In the lab you replay the rounds, look into each cluster, and place a digit of your own "
        "among the images. You can also train with settings of your own, beside a control without "
        "a mixture."
    )
    st.page_link("pages/4_Clusters.py", label="Open the clusters", icon=":material/scatter_plot:")
with figure:
    clusters_front.picture()
st.divider()
text, figure = front_door.room("WGAN latent space")
with text:
    st.markdown(
        "A path through the latent space of a **WGAN** shows digits between two of its digits. A "
        "cross-fade of their pixels shows both at once.\n\n"
        "In the lab you move along directions of the latent space, add and subtract images, and "
        "search for the latent of a digit of your own."
    )
    st.page_link(
        "pages/5_WGAN_latent_space.py", label="Open the latent space", icon=":material/tune:"
    )
with figure:
    latent_front.picture()
st.divider()
text, figure = front_door.room("GAN distances")
with text:
    st.markdown(
        "A GAN's critic estimates a **distance between two distributions**. The Wasserstein "
        "distance shows a generator in which direction to move. The Hellinger distance is the "
        "same for all pairs of distributions that do not overlap.\n\n"
        "In the lab you train critics for a few steps or many, and small GANs that oscillate, "
        "collapse or converge."
    )
    st.page_link(
        "pages/6_GAN_distances.py", label="Open the distances", icon=":material/straighten:"
    )
with figure:
    distances_front.picture()
st.divider()
text, figure = front_door.room("Theory notes")
with text:
    st.markdown(
        "The ideas behind the labs, each with an interactive figure: autoregressive models, the "
        "reparameterisation trick, VAEs and their gap, normalising flows, GANs, **missing data**, "
        "importance sampling, optimal transport. Each note shows the formula and the library's "
        "code for it."
    )
    st.page_link("pages/7_Theory.py", label="Open the notes", icon=":material/menu_book:")
with figure:
    theory_front.picture()
st.divider()
text, figure = front_door.room("Your table")
with text:
    st.markdown(
        "In this invented table, older visitors of a clinic tell their **income** less often. The "
        "imputed incomes are therefore lower than the observed ones.\n\n"
        "In the lab you upload or paste a table of your own. Known cells show **which method** "
        "completes it best. Every imputed value has an interval, and you see how your conclusion "
        "changes if the missing values are different."
    )
    st.page_link("pages/8_Your_table.py", label="Open the lab", icon=":material/table_edit:")
with figure:
    your_table_front.picture()
st.divider()
front_door.lessons()
st.divider()
front_door.shipped()
warm_up()
