"""The front door: what the labs show, one picture each; the tour, lessons, sources."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import importlib
import threading

import streamlit as st

from ui import front_door
from ui.clusters import front as clusters_front
from ui.components.chain_player import chain_player
from ui.distances import front as distances_front
from ui.inpainting import shipped
from ui.latent import front as latent_front
from ui.likelihood import front as likelihood_front
from ui.mnar import front
from ui.theory import front as theory_front


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import what the labs need while the visitor reads: torch takes seconds.

    Not at once: importing would hold up the picture on its way to the browser.
    """
    timer = threading.Timer(1.5, importlib.import_module, ["ui.inpainting.all_methods"])
    timer.daemon = True
    timer.start()


frame.page(
    "Deep generative models with missing data",
    "An interactive lab: hide part of the data, and see how deep generative models fill it in, "
    "how sure they are, and when they are wrong.",
)
front_door.tour()
text, picture = front_door.room("Inpainting")
with text:
    st.markdown(
        "The top half of this handwritten digit was hidden from a deep latent variable model. "
        "Two samplers guess it: **pseudo-Gibbs**, fast and slightly wrong, and "
        "**Metropolis-within-Gibbs**, exact if it is given time.\n\n"
        "In the lab you choose or draw the digit, paint over any part of it, and see what each "
        "sampler makes of it while it runs. Or you set **all methods** side by side on one "
        "picture, a digit or a face: samplers, MIWAE, mixtures of factor analysers, and simple "
        "baselines that they have to beat."
    )
    st.page_link("pages/1_Inpainting.py", label="Open the inpainting lab", icon=":material/brush:")
with picture:
    chain_player("player", shipped.st_showcase().message)
st.divider()
text, picture = front_door.room("Exact likelihood")
with text:
    st.markdown(
        "How likely is this image? A deep latent variable model cannot say, but it can be "
        "**caught between bounds**: here of a small model whose integral is known.\n\n"
        "In the lab you grow the number of draws, lower the floor that keeps a likelihood from "
        "being infinite, train a VAE and watch its latents collapse, and see **why Metropolis "
        "sticks**: posterior, proposals and chains in one plane."
    )
    st.page_link("pages/2_Exact_likelihood.py", label="Open the lab", icon=":material/show_chart:")
with picture:
    likelihood_front.picture()
st.divider()
text, picture = front_door.room("Missing not at random")
with text:
    st.markdown(
        "Half of this table's columns lost every value above their mean. **MIWAE** takes what is "
        "missing for chance, and is misled; **not-MIWAE** also learns *why* values are missing."
        "\n\n"
        "In the lab you set the mechanism, or bring a table of your own, watch both train side by "
        "side, move assumptions that no data can settle, and take the completed table home."
    )
    st.page_link(
        "pages/3_Missing_not_at_random.py", label="Open the lab", icon=":material/table_chart:"
    )
with picture:
    front.picture()
st.divider()
text, picture = front_door.room("Clusters")
with text:
    st.markdown(
        "A **VAE** puts alike images near each other, a **mixture of Gaussians** finds the groups "
        "and tells the VAE, and so on in turns: nobody says what a digit is. Draw a lasso on one "
        "side and see where the points went.\n\n"
        "In the lab you play the rounds, look into each cluster, place a digit of your own among "
        "them, and train one with settings of your own beside an honest control."
    )
    st.page_link("pages/4_Clusters.py", label="Open the clusters", icon=":material/scatter_plot:")
with picture:
    clusters_front.picture()
st.divider()
text, picture = front_door.room("WGAN latent space")
with text:
    st.markdown(
        "Between two of its digits a **WGAN** draws digits, where a cross-fade shows ghosts.\n\n"
        "In the lab you move along the directions of its latent space, add and subtract pictures, "
        "and find a digit of your own in it."
    )
    st.page_link(
        "pages/5_WGAN_latent_space.py", label="Open the latent space", icon=":material/tune:"
    )
with picture:
    latent_front.picture()
st.divider()
text, picture = front_door.room("GAN distances")
with text:
    st.markdown(
        "Behind a GAN stands a **distance between laws**, estimated by a critic. Wasserstein "
        "tells a generator where to go; Hellinger says the same wherever two laws do not "
        "overlap.\n\n"
        "In the lab you train critics, too little and enough, and small GANs that circle, "
        "collapse or settle."
    )
    st.page_link(
        "pages/6_GAN_distances.py", label="Open the distances", icon=":material/straighten:"
    )
with picture:
    distances_front.picture()
st.divider()
text, picture = front_door.room("Theory notes")
with text:
    st.markdown(
        "The ideas behind the labs, one live figure each: autoregressive models, the "
        "reparameterisation trick, VAEs and their gap, normalising flows, GANs, **missing data**, "
        "importance sampling, optimal transport. Each has its formula, and the code that is it."
    )
    st.page_link("pages/7_Theory.py", label="Open the notes", icon=":material/menu_book:")
with picture:
    theory_front.picture()
st.divider()
front_door.lessons()
st.divider()
front_door.shipped()
warm_up()
