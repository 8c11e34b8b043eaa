"""The notes' picture on the front door: what the seen values say when the high ones go missing."""

from __future__ import annotations

import numpy as np

from ui import front_drawings

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 118, 34, 48
ROWS, SEED, THRESHOLD = 60, 3, 0.7
REACH = 3.0


def points() -> tuple[np.ndarray, np.ndarray]:
    """Draws of N(0, 1), and which of them are seen: those below the threshold, mostly."""
    source = np.random.default_rng(SEED)
    values = source.standard_normal(ROWS).clip(-REACH, REACH)
    seen = source.random(ROWS) > 1 / (1 + np.exp(-8 * (values - THRESHOLD)))
    return values, seen


def picture() -> None:
    """Values on a line, those that went missing in grey, and the means with and without them."""
    words = "High values went missing: the mean of those that are seen lies below that of all."
    front_drawings.show(drawing(), WIDTH, HEIGHT, words)


def drawing() -> list[str]:
    """Points, stacked a little so that none hides another, and two means."""
    values, seen = points()

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (float(value) + REACH) / (2 * REACH)

    low = HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT},{low} H{WIDTH - RIGHT}" class="grid"/>']
    for value in (-2, 0, 2):
        sign = "−" if value < 0 else ""
        at = f'x="{x(value):.1f}" y="{low + 18}"'
        parts.append(f'<text {at} class="under">{sign}{abs(value)}</text>')
    for row, (value, there) in enumerate(zip(values, seen, strict=True)):
        at = f'cx="{x(value):.1f}" cy="{low - 12 - 9 * (row % 8):.1f}" r="4"'
        kind = "ours" if there else "lost"
        parts.append(f'<circle {at} class="{kind}"/>')
    for mean, kind, words, side in (
        (values[seen].mean(), "ours", "mean of what is seen", "end"),
        (values.mean(), "other", "mean of all", "start"),
    ):
        parts.append(f'<path d="M{x(mean):.1f},{low} V{TOP - 8}" class="{kind}"/>')
        where = x(mean) + (8 if side == "start" else -8)
        at = f'x="{where:.1f}" y="{TOP - 12}" text-anchor="{side}"'
        text_kind = ' class="ours"' if kind == "ours" else ""
        parts.append(f"<text {at}{text_kind}>{words}</text>")
    words = "60 values, of which the high ones tend to go missing (grey)"
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" class="axis">{words}</text>')
    return parts
