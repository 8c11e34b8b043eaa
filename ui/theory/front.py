"""The notes' drawing on the front page: the mean of observed values when high ones are missing."""

from __future__ import annotations

import numpy as np

from ui import front_drawings

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 118, 34, 48
ROWS, SEED, THRESHOLD = 60, 3, 0.7
REACH = 3.0


def points() -> tuple[np.ndarray, np.ndarray]:
    """Draws of N(0, 1), and which are observed: mostly those below the threshold."""
    source = np.random.default_rng(SEED)
    values = source.standard_normal(ROWS).clip(-REACH, REACH)
    observed = source.random(ROWS) > 1 / (1 + np.exp(-8 * (values - THRESHOLD)))
    return values, observed


def picture() -> None:
    """Values on a line, missing ones in grey, with the mean of observed and of all values."""
    description = (
        "High values are missing: the mean of the observed values is below the mean of all."
    )
    front_drawings.show(drawing(), WIDTH, HEIGHT, description)


def drawing() -> list[str]:
    """The points, stacked so that all are visible, and two means."""
    values, observed = points()

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (float(value) + REACH) / (2 * REACH)

    low = HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT},{low} H{WIDTH - RIGHT}" class="grid"/>']
    for value in (-2, 0, 2):
        sign = "−" if value < 0 else ""
        at = f'x="{x(value):.1f}" y="{low + 18}"'
        parts.append(f'<text {at} class="under">{sign}{abs(value)}</text>')
    for row, (value, shown) in enumerate(zip(values, observed, strict=True)):
        at = f'cx="{x(value):.1f}" cy="{low - 12 - 9 * (row % 8):.1f}" r="4"'
        kind = "ours" if shown else "lost"
        parts.append(f'<circle {at} class="{kind}"/>')
    for mean, kind, label, side in (
        (values[observed].mean(), "ours", "mean of observed", "end"),
        (values.mean(), "other", "mean of all", "start"),
    ):
        parts.append(f'<path d="M{x(mean):.1f},{low} V{TOP - 8}" class="{kind}"/>')
        label_x = x(mean) + (8 if side == "start" else -8)
        at = f'x="{label_x:.1f}" y="{TOP - 12}" text-anchor="{side}"'
        text_kind = ' class="ours"' if kind == "ours" else ""
        parts.append(f"<text {at}{text_kind}>{label}</text>")
    label = f"{ROWS} values; high ones tend to go missing (grey)"
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">{label}</text>')
    return parts
