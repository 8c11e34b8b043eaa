"""The view "Grid": perturbations of an image, one direction per row and one step per column."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.latent.paths import perturbed
from ui.components.thumbnails import thumbnails
from ui.download_button import download_button
from ui.latent import files, position
from ui.latent.sliders import ALL, PRINCIPAL, TRAITS, labels, vectors
from ui.latent.spaces import Space
from ui.links import Setting

BASIS = Setting("grid basis", PRINCIPAL, options=(PRINCIPAL, TRAITS, ALL))
STEPS = tuple(float(step) for step in range(-5, 5))
"""ε of the columns, in standard deviations of the prior. The paper uses the same steps."""
ROWS, MOST = 6, 12
"""Rows at first, and rows at most."""


class Grid:
    """z + ε v for several directions v and steps ε; a click makes one of them the current latent.

    Args:
        space: the latent space.
        controls: container for the choice of the directions.
    """

    name = "Grid"
    about = (
        "Each row moves the current image along one direction by ε. The marked column, ε = 0, is "
        "the image itself. **First** look along a row: does the image change evenly? **Then** "
        "look at the ends of a row, 4 or 5 standard deviations from the image: almost no draws "
        "lie there. **Last** click an image to make it the current one."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        with controls, st.container(border=True):
            self.basis = BASIS.widget(st.segmented_control, "Directions", required=True)
            names = labels(space, self.basis)
            shown = st.multiselect(
                "Rows",
                range(len(names)),
                list(range(min(ROWS, len(names)))),
                format_func=lambda i: names[i],
                max_selections=MOST,
                key=f"grid rows {space.dataset} {self.basis}",
            )
        self.rows, self.names = shown, names

    def show(self) -> None:
        """Draw the rows."""
        if not self.rows:
            st.info("Choose at least one direction.")
            return
        current = position.current(self.space)
        directions = torch.from_numpy(vectors(self.space, self.basis)[self.rows])
        grid = perturbed(torch.from_numpy(current.z), directions, STEPS)
        images = self.space.images(grid.flatten(0, 1).numpy())
        images = images.reshape(len(self.rows), len(STEPS), *images.shape[1:])
        titles = [f"ε = {step:+.0f}".replace("-", "−").replace("+0", "0") for step in STEPS]
        st.html(_header(titles))
        for row, number in enumerate(self.rows):
            st.caption(self.names[number])
            clicked = thumbnails(
                f"grid {row}",
                images[row],
                titles,
                STEPS.index(0.0),
                columns=len(STEPS),
                set_name=f"{self.space.dataset} {current.revision} {self.basis} {number}",
                label=f"Direction {self.names[number]}",
            )
            if clicked is not None and STEPS[clicked] != 0:
                position.move_to(self.space, grid[row, clicked].numpy())
                st.rerun()
        download_button(
            "PNG",
            lambda: _sheet(images),
            f"{self.space.dataset}-perturbations.png",
            "image/png",
        )


def _header(titles: list[str]) -> str:
    cells = "".join(f"<span>{title.removeprefix('ε = ')}</span>" for title in titles)
    style = (
        f"display:grid;grid-template-columns:repeat({len(titles)},minmax(0,1fr));gap:6px;"
        "text-align:center;font-size:12px;opacity:.7"
    )
    return f'<div style="{style}" aria-hidden="true">{cells}</div>'


def _sheet(images: np.ndarray) -> bytes:
    """Images (R, E, C, H, W) as one PNG."""
    rows, columns, channels, height, width = images.shape
    sheet = images.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    return files.png(sheet, 2 * rows * height)
