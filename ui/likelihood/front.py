"""The lab's figure on the front page: the shipped bounds, drawn before torch is imported."""

from __future__ import annotations

import json
import math

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from ui import front_drawings

BOUNDS = ASSETS / "bounds" / "digits-gaussian.npz"
WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 118, 18, 48


@st.cache_resource(show_spinner=False)
def st_bounds() -> dict[str, list[tuple[int, float]]]:
    """Method → (effort, mean in nats) on test images."""
    with np.load(BOUNDS) as file:
        lines = json.loads(str(file["test/lines"]))
    bounds: dict[str, list[tuple[int, float]]] = {}
    for method, _, effort, mean, *_ in lines:
        bounds.setdefault(method, []).append((effort, mean))
    return bounds


def picture() -> None:
    """IWAE between the ELBO and log p(x)."""
    words = "The IWAE bound rises from the ELBO as draws increase, and stays below log p(x)."
    front_drawings.show(drawing(), WIDTH, HEIGHT, words)


def drawing() -> list[str]:
    """The curve of IWAE, the ELBO, and the exact value above them."""
    bounds = st_bounds()
    curve = bounds["ELBO"] + bounds["IWAE"]
    ((_, exact),) = bounds["quadrature"]
    low, high, most = math.floor(curve[0][1]), math.ceil(exact), curve[-1][0]

    def x(draws: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(draws) / math.log(most)

    def y(nats: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (nats - low) / (high - low)

    parts = []
    for nats in range(low, high + 1, 2):
        parts.append(f'<path d="M{LEFT},{y(nats):.1f} H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(nats) + 4:.1f}" class="tick">{nats}</text>')
    for draws in (1, 10, 100, 1_000, 10_000):
        at = f'x="{x(draws):.1f}" y="{HEIGHT - BOTTOM + 18}"'
        parts.append(f'<text {at} class="under">{draws:,}</text>')
    parts.append(f'<path d="M{LEFT},{y(exact):.1f} H{WIDTH - RIGHT}" class="other"/>')
    parts.append(
        f'<path d="{front_drawings.path([(x(k), y(v)) for k, v in curve])}" class="ours"/>'
    )
    for draws, nats in curve:
        parts.append(f'<circle cx="{x(draws):.1f}" cy="{y(nats):.1f}" r="4" class="ours"/>')
    end = WIDTH - RIGHT + 10
    parts.append(f'<text x="{end}" y="{y(exact) + 4:.1f}">log p(x), exact</text>')
    parts.append(f'<text x="{end}" y="{y(curve[-1][1]) + 9:.1f}" class="ours">IWAE</text>')
    parts.append(
        f'<text x="{x(1) + 12:.1f}" y="{y(curve[0][1]) + 4:.1f}" class="ours">ELBO</text>'
    )
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">draws K →  mean of 20 digits, nats</text>'
    )
    return parts
