"""The training pictures nearest to the picture at hand, on demand."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dgm_core import data
from dgm_core.studies.latent import nearest_images
from ui import jobs
from ui.latent import pictures, position
from ui.latent.spaces import Space

WORK = "latent nearest"
WIDTH = 84


def show(space: Space) -> None:
    """A button, then the search as it goes; nothing where the data are not."""
    if not data.is_available(space.dataset):
        st.caption("The nearest training pictures can be shown where the data set is.")
        return
    worker, z = jobs.worker(WORK), position.here(space).z
    drawn = space.pictures(z[None])[0]
    key = (space.dataset, drawn.tobytes())
    run = worker.run if worker.run is not None and worker.run.key == key else None
    live = run is not None and run.live
    if live:
        st.button("Stop", icon=":material/stop:", on_click=worker.stop, key="stop nearest")
    else:
        st.button(
            "Nearest training pictures",
            icon=":material/image_search:",
            on_click=lambda: worker.start(key, lambda: nearest_images.run(space.dataset, drawn)),
            help="Euclidean distance over all pixels. Has the generator learned them by heart?",
        )
    if run is None:
        return
    jobs.follow(run, lambda: _nearest(drawn, run), 0.5, live=live)


def _nearest(drawn: np.ndarray, run: jobs.Run) -> None:
    if not run.items:
        return
    found = run.items[-1]
    if run.live:
        st.progress(found.done, f"{found.done:.0%} of the training pictures")
    row = st.container(horizontal=True, gap="small")
    tiles = [("made", drawn)]
    distances = zip(found.distances, found.pictures, strict=True)
    tiles += [(f"{distance:.2f}", picture) for distance, picture in distances]
    for caption, picture in tiles:
        with row.container(width=WIDTH):
            st.image(
                pictures.png(picture, 168),
                width="stretch",
                caption=caption,
                output_format="PNG",
                alt="The picture made" if caption == "made" else "Near to it",
            )
