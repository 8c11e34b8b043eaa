"""Component: a scatter plot whose points are hidden and shown by clicks, sweeps, taps and keys.

Some points are hidden from the start. The browser owns the visitor's changes, the *flips*; Python
replaces them only when `rev` changes. The browser sends the flips as packed bits. Any other
message, or one with another `rev`, is ignored. Streamlit forgets the state of a component that was
not on screen, so the caller stores what was returned and passes it in again:

    flips = toggled_points("scatter", x, hidden, saved.flips, rev=settings, label="A sample")
    if flips is not None:
        saved.flips = flips
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from ui.components import inline_component
from ui.components.bits import pack, unpack

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements", "numbers", "steering"),
)


class Line(NamedTuple):
    """A straight line in the plot, named in the legend.

    Attributes:
        name: in the legend.
        at_low, at_high: its heights at the left and at the right edge.
        style: "solid", "dashed" or "dotted".
        strong: in the accent colour, else grey.
    """

    name: str
    at_low: float
    at_high: float
    style: str = "solid"
    strong: bool = False


def toggled_points(
    key: str,
    xy: np.ndarray,
    hidden: np.ndarray,
    flips: np.ndarray,
    *,
    rev: int | str,
    label: str,
    axes: tuple[str, str],
    reach: float,
    lines: Sequence[Line] = (),
    on_change: Callable[[], None] | None = None,
) -> np.ndarray | None:
    """Show the points; return the flips made since `rev`.

    Args:
        key: Streamlit key, unique on the page.
        xy: (N, 2).
        hidden: (N,) bool, points hidden by the mechanism.
        flips: (N,) bool, used when the component appears or `rev` changes.
        rev: a new value sends `flips` to the browser.
        label: of the plot.
        axes: names of both coordinates.
        reach: both axes go from −reach to reach; points beyond are drawn at the edge.
        lines: drawn over the points.
        on_change: called before the rerun that a flip starts.

    Returns:
        (N,) bool; None if nothing was flipped since `rev`.

    Raises:
        ValueError: shapes differ, or a number is not finite.
    """
    for name, each in (("hidden", hidden), ("flips", flips)):
        if each.shape != (len(xy),) or each.dtype != bool:
            raise ValueError(
                f"expected {name} of shape {(len(xy),)} and type bool, "
                f"got {each.shape} and {each.dtype}"
            )
    if xy.shape != (len(xy), 2) or not np.isfinite(xy).all():
        raise ValueError(f"expected finite xy of shape (N, 2), got {xy.shape}")
    state = st.session_state.get(key)
    message = state.get("flips") if isinstance(state, Mapping) else None
    now = parse(message, len(xy), rev)
    _COMPONENT(
        key=key,
        data={
            "xy": np.clip(xy, -reach, reach).round(3).tolist(),
            "hidden": pack(hidden),
            "flips": pack(flips if now is None else now),
            "rev": rev,
            "label": label,
            "axes": list(axes),
            "reach": reach,
            "lines": [line._asdict() for line in lines],
        },
        on_flips_change=on_change or (lambda: None),
    )
    return now


def parse(message: object, count: int, rev: int | str) -> np.ndarray | None:
    """The flips (N,) bool in a message of the browser, or None for any other. Never raises."""
    if not isinstance(message, Mapping):
        return None
    sent = message.get("rev")
    if type(sent) is not type(rev) or sent != rev:  # True is not 1 here
        return None
    try:
        return unpack(message.get("bits"), count)
    except ValueError:
        return None
