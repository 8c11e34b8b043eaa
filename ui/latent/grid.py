"""The view of perturbations: one direction a row, one step a column, as in the source's figure."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from dgm_core.studies.latent.paths import perturbed
from ui.components.thumbnails import thumbnails
from ui.frame import kept
from ui.latent import pictures, position
from ui.latent.sliders import ALL, PRINCIPAL, TRAITS, labels, vectors
from ui.latent.spaces import Space

STEPS = tuple(float(step) for step in range(-5, 5))
"""ε of the columns, in standard deviations of the prior."""
ROWS, MOST = 6, 12


class Grid:
    """z + ε v for several directions v and steps ε; a click goes there.

    Args:
        space: whose.
        controls: where the directions are chosen.
    """

    name = "Grid"
    about = (
        "One picture, moved by ε along one direction a row; the marked column, ε = 0, is the "
        "picture itself. **Look first** along a row: how evenly does it change? **Then** at the "
        "ends, 4 or 5 standard deviations out, where hardly a draw ever lies. **Click** a "
        "picture to go there."
    )

    def __init__(self, space: Space, controls: DeltaGenerator) -> None:
        self.space = space
        with controls, st.container(border=True):
            kept("grid basis", PRINCIPAL)
            self.basis = st.segmented_control(
                "Directions", [PRINCIPAL, TRAITS, ALL], required=True, key="keep.grid basis"
            )
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
        """The rows."""
        if not self.rows:
            st.info("Choose at least one direction.")
            return
        at = position.here(self.space)
        directions = torch.from_numpy(vectors(self.space, self.basis)[self.rows])
        grid = perturbed(torch.from_numpy(at.z), directions, STEPS)
        drawn = self.space.pictures(grid.flatten(0, 1).numpy())
        drawn = drawn.reshape(len(self.rows), len(STEPS), *drawn.shape[1:])
        titles = [f"ε = {step:+.0f}".replace("-", "−").replace("+0", "0") for step in STEPS]
        st.html(_header(titles))
        for row, number in enumerate(self.rows):
            st.caption(self.names[number])
            found = thumbnails(
                f"grid {row}",
                drawn[row],
                titles,
                STEPS.index(0.0),
                columns=len(STEPS),
                set_name=f"{self.space.dataset} {at.revision} {self.basis} {number}",
                label=f"Direction {self.names[number]}",
            )
            if found is not None and STEPS[found] != 0:
                position.go(self.space, grid[row, found].numpy())
                st.rerun()
        st.download_button(
            "PNG",
            lambda: _sheet(drawn),
            f"{self.space.dataset}-perturbations.png",
            "image/png",
            icon=":material/download:",
            on_click="ignore",
        )


def _header(titles: list[str]) -> str:
    cells = "".join(f"<span>{title.removeprefix('ε = ')}</span>" for title in titles)
    style = (
        f"display:grid;grid-template-columns:repeat({len(titles)},minmax(0,1fr));gap:6px;"
        "text-align:center;font-size:12px;opacity:.7"
    )
    return f'<div style="{style}" aria-hidden="true">{cells}</div>'


def _sheet(drawn: np.ndarray) -> bytes:
    """(R, E, C, H, W) as one picture."""
    rows, columns, channels, height, width = drawn.shape
    sheet = drawn.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    return pictures.png(sheet, 2 * rows * height)
