"""The lab's drawing on the front page, made from the shipped file before torch is imported."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from ui import front_drawings

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 24, 24, 34, 34
BINS = 22
COLUMN = "income"


@st.cache_resource(show_spinner=False)
def st_values() -> tuple[np.ndarray, np.ndarray]:
    """Observed and imputed incomes of the sample table."""
    from dgm_core.studies.your_table.sample import sample_csv

    rows = csv.DictReader(io.StringIO(sample_csv().decode()))
    observed = np.array([float(row[COLUMN]) for row in rows if row[COLUMN]])
    with np.load(ASSETS / "your_table.npz") as file:
        return observed, file[f"filled {COLUMN}"].ravel().astype(float)


def picture() -> None:
    """Densities of the observed and of the imputed incomes."""
    description = (
        "Observed incomes and imputed ones as two densities; the imputed incomes are lower."
    )
    front_drawings.show(drawing(), WIDTH, HEIGHT, description)


def drawing() -> list[str]:
    """The two densities, their names and an axis."""
    values = dict(zip(("observed", "imputed"), st_values(), strict=True))
    edges = np.linspace(0, max(map(np.max, values.values())), BINS + 1)
    density = {name: np.histogram(v, edges, density=True)[0] for name, v in values.items()}
    highest = max(map(np.max, density.values()))

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / edges[-1]

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / highest

    parts = [f'<path d="M{LEFT},{y(0):.1f} H{WIDTH - RIGHT}" class="grid"/>']
    for name, kind in (("observed", "other"), ("imputed", "ours")):
        xs, ys = np.repeat(edges, 2)[1:-1], np.repeat(density[name], 2)
        line = front_drawings.path([(x(a), y(b)) for a, b in zip(xs, ys, strict=True)])
        parts.append(f'<path d="{line}" class="{kind}"/>')
    for place, (name, kind) in zip(
        (0, 110), (("observed", "other"), ("imputed", "ours")), strict=True
    ):
        parts.append(f'<text x="{WIDTH - 200 + place}" y="22" class="{kind}">{name}</text>')
    for tick in range(0, int(edges[-1]), 2000):
        parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - 18}" class="tick">{tick:,}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 2}" class="axis">income</text>')
    return parts
