"""The training images nearest to the current image, on demand."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dgm_core import data
from dgm_core.studies.latent import nearest_images
from ui import data_fetching, jobs
from ui.latent import files, position
from ui.latent.spaces import Space
from ui.percent import percent
from ui.run_panel import Progress, RunPanel

WIDTH = 84


def show(space: Space) -> None:
    """Draw a button that starts the search, and its results. It needs the data set."""
    if not data.is_available(space.dataset):
        data_fetching.offer(
            space.dataset,
            part="nearest",
            why="The nearest training images cannot be shown: the data set is not on this server.",
        )
        return
    st.markdown("**Nearest training images**")
    if counts := data.part_counts(space.dataset):
        st.caption(
            f"Only {counts.train:,} of {counts.train_in_whole:,} training images are on this "
            "server, so a nearer one may exist."
        )
    image = space.images(position.current(space).z[None])[0]
    panel = RunPanel(
        "latent nearest",
        (space.dataset, image.tobytes()),
        lambda _: nearest_images.run(space.dataset, image),
        action="Search",
    )
    panel.buttons(
        "Search the training images for those nearest to the current image, by Euclidean "
        "distance over all pixels. A copied image would have a distance near 0."
    )
    panel.show(lambda run: _nearest(image, run.items[-1]), progress=_progress, seconds=0.5)


def _progress(run: jobs.Run) -> Progress | None:
    if not run.items:
        return None
    done = run.items[-1].done
    return Progress(done, f"{percent(done)} of the training images searched")


def _nearest(image: np.ndarray, frame: nearest_images.Frame) -> None:
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
