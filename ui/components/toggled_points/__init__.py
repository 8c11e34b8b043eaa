"""A scatter whose points are hidden and shown again by clicks, sweeps, taps and keys.

Some are hidden from the start. The browser owns what the visitor has changed of that, the *flips*;
Python's replace them only when `rev` changes. It sends the flips as packed bits, and what is not
exactly of that form, or belongs to another `rev`, is ignored. Streamlit forgets the state of a
component that was not on screen, so the caller keeps what was returned and hands it in again:

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
    """A straight line through the plane, named in the legend.

    Attributes:
        name: in the legend.
        at_low, at_high: its heights at the left and at the right edge.
        style: "solid", "dashed" or "dotted"; of the accent colour if `strong`, else grey.
        strong: it is what is to be seen first.
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
    """Show the points; return what was flipped since `rev`.

    Args:
        key: Streamlit key, one for each on screen.
        xy: (N, 2).
        hidden: (N,) bool, by the mechanism.
        flips: (N,) bool, shown when the component appears or `rev` changes.
        rev: another value puts `flips` into the browser.
        label: of the whole.
        axes: names of both coordinates.
        reach: both axes go from minus this to this; points beyond stand at the edge.
        lines: over the points.
        on_change: called before the rerun that a flip brings.

    Returns:
        (N,) bool, None if nothing was flipped since `rev`.

    Raises:
        ValueError: the arrays do not fit, or a number is not finite.
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
    """What the browser sent → the flips, (N,) bool, or None for anything else. Never raises."""
    if not isinstance(message, Mapping):
        return None
    sent = message.get("rev")
    if type(sent) is not type(rev) or sent != rev:  # True is not 1 here
        return None
    try:
        return unpack(message.get("bits"), count)
    except ValueError:
        return None
