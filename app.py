"""The front door: what the labs show, one live picture each."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import cache, figures

frame.page(
    "Deep generative models with missing data",
    "An interactive lab: hide part of the data, and see how deep generative models fill it in, "
    "how sure they are, and when they are wrong.",
)

result = cache.st_default_result()
text, picture = st.columns([4, 7], gap="large")
with text:
    st.subheader("Inpainting", anchor=False)
    st.markdown(
        "The top half of this handwritten digit was hidden from a deep latent variable model. "
        "Two samplers guess it: **pseudo-Gibbs**, fast and slightly wrong, and "
        "**Metropolis-within-Gibbs**, exact if it is given time.\n\n"
        "In the lab you choose or draw the digit, paint over any part of it, and see what each "
        "sampler makes of it while it runs."
    )
    st.page_link("pages/1_Inpainting.py", label="Open the inpainting lab", icon=":material/brush:")
with picture:
    figures.chains(
        "player", result.config, result.frames, run="shipped", state="finished", autoplay=True
    )
