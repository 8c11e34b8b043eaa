"""The training images nearest to the current image, on demand."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dgm_core import data
from dgm_core.studies.latent import nearest_images
from ui import jobs
from ui.latent import files, position
from ui.latent.spaces import Space

WORKER = "latent nearest"
WIDTH = 84


def show(space: Space) -> None:
    """Draw a button that starts the search, and its results. It needs the data set."""
    if not data.is_available(space.dataset):
        st.caption(
            "The nearest training images cannot be shown: the data set is not on this server."
        )
        return
    worker, z = jobs.worker(WORKER), position.current(space).z
    image = space.images(z[None])[0]
    key = (space.dataset, image.tobytes())
    run = worker.run if worker.run is not None and worker.run.key == key else None
    live = run is not None and run.live
    if live:
        st.button("Stop", icon=":material/stop:", on_click=worker.stop, key="stop nearest")
    else:
        st.button(
            "Nearest training images",
            icon=":material/image_search:",
            on_click=lambda: worker.start(key, lambda: nearest_images.run(space.dataset, image)),
            help="Euclidean distance over all pixels. A copied training image would have a "
            "distance near 0.",
        )
    if run is None:
        return
    jobs.follow(run, lambda: _nearest(image, run), 0.5, live=live)


def _nearest(image: np.ndarray, run: jobs.Run) -> None:
    if not run.items:
        return
    frame = run.items[-1]
    if run.live:
        st.progress(frame.done, f"{frame.done:.0%} of the training images")
    row = st.container(horizontal=True, gap="small")
    tiles = [("generated", image)]
    nearest = zip(frame.distances, frame.images, strict=True)
    tiles += [(f"{distance:.2f}", each) for distance, each in nearest]
    for caption, each in tiles:
        with row.container(width=WIDTH):
            st.image(
                files.png(each, 168),
                width="stretch",
                caption=caption,
                output_format="PNG",
                alt="Generated image" if caption == "generated" else "Training image",
            )
