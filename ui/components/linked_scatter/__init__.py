"""Linked scatter: the same points in several planes, coloured, and selected by a lasso.

The browser owns the selection, the colouring and what is emphasised. Python hears of the
selection when a lasso, a key or a button ends it, as packed bits; what is not exactly of that
form, or belongs to another `revision` or another number of points, is ignored. Python's own
`selected` replaces it only when `revision` changes.

Streamlit forgets the state of a component that was not on screen, so the caller keeps what was
returned and hands it in again; it can, too, at every rerun:

    saved.chosen = linked_scatter("codes", [Panel("Latent codes", z)], [Categories("digit", y,
                                  names)], label="Codes of the test set", selected=saved.chosen)

A rerun that a selection brings sends nothing anew: what the browser was told stays as it was
until points, colours or `revision` change. New places of as many points are moved to in sight of
the visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ui.components import inline_component
from ui.components.bits import pack
from ui.components.linked_scatter.parts import Categories, Colouring, Ellipse, Panel, Ramp
from ui.components.linked_scatter.wire import colouring_message, panel_message, parse
from ui.components.picture_sheet import Sheet, picture_sheet, sheet_of

__all__ = [
    "Categories",
    "Ellipse",
    "Panel",
    "Ramp",
    "Sheet",
    "linked_scatter",
    "parse",
    "sheet_of",
]

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements"),
    *("steering", "radio_group", "lasso", "sheets"),
)

MOST = 10_000
"""Points at most: a frame has to be drawn in its time."""


def linked_scatter(
    key: str,
    panels: Sequence[Panel],
    colourings: Sequence[Colouring],
    *,
    label: str,
    pictures: Sheet | np.ndarray | None = None,
    height: int = 440,
    width: int | None = None,
    selected: np.ndarray | None = None,
    revision: int | str = 0,
    on_change: Callable[[], None] | None = None,
) -> np.ndarray | None:
    """Show the points; return which of them are selected.

    Args:
        key: Streamlit key, one for each on screen.
        panels: of the same N ≤ 10,000 points, side by side; on narrow screens one below another.
        colourings: to choose from, of names that differ; the first is shown first.
        label: of the whole.
        pictures: one a point, shown with it: a sheet made before, or (N, H, W) uint8, of which one
            is made at every call.
        height: of a panel, at most, in CSS pixels.
        width: of the whole, at most; None: the page's.
        selected: (N,) bool, shown when the component appears or `revision` changes.
        revision: another value replaces what the visitor has selected by `selected`.
        on_change: called before the rerun that a selection brings.

    Returns:
        (N,) bool, None where nothing is selected.

    Raises:
        ValueError: no panel or colouring, or the numbers of points differ.
    """
    count = _check(panels, colourings, selected)
    if isinstance(pictures, np.ndarray):
        pictures = sheet_of(pictures)
    if pictures is not None and pictures.count != count:
        raise ValueError(f"expected {count} pictures, got {pictures.count}")
    wanted = np.zeros(count, bool) if selected is None else selected
    turn, told, now = _selection(key, wanted, revision)
    with st.container(gap=None):  # the sheet takes no place
        if pictures is not None:
            picture_sheet(f"{key}, pictures", pictures)
        _COMPONENT(
            key=key,
            data={
                "key": key,
                "label": label,
                "count": count,
                "panels": [panel_message(panel) for panel in panels],
                "colourings": [colouring_message(colouring) for colouring in colourings],
                "sheet": None if pictures is None else _sheet_message(pictures),
                "height": height,
                "width": width,
                "selected": pack(told),
                "rev": revision,
                "turn": turn,
            },
            on_selection_change=on_change or (lambda: None),
        )
    return now if now.any() else None


def _check(
    panels: Sequence[Panel], colourings: Sequence[Colouring], selected: np.ndarray | None
) -> int:
    """N, once everything is found to be of as many points."""
    if not panels or not colourings:
        raise ValueError("expected a panel and a colouring at least")
    count = len(panels[0].xy)
    if not 1 <= count <= MOST:
        raise ValueError(f"expected 1 to {MOST} points, got {count}")
    lengths = {f"panel {panel.title!r}": len(panel.xy) for panel in panels}
    for each in colourings:
        points = each.codes if isinstance(each, Categories) else each.values
        lengths[f"colouring {each.name!r}"] = len(points)
    for what, length in lengths.items():
        if length != count:
            raise ValueError(f"expected {count} points in {what}, got {length}")
    names = [each.name for each in colourings]
    if len(set(names)) < len(names):
        raise ValueError(f"expected a name of its own for each colouring, got {names}")
    if selected is not None and (selected.shape != (count,) or selected.dtype != bool):
        raise ValueError(
            f"expected selected of shape {(count,)} and type bool, "
            f"got {selected.shape} and {selected.dtype}"
        )
    return count


def _selection(
    key: str, wanted: np.ndarray, revision: int | str
) -> tuple[int, np.ndarray, np.ndarray]:
    """How often the browser was told a selection, the last told, and what is selected now.

    What is told changes only with the revision, the number of points, or when Streamlit has
    forgotten what the browser had sent.
    """
    state = st.session_state.get(key)
    message = state.get("selection") if isinstance(state, Mapping) else None
    chosen = parse(message, len(wanted), revision)
    memory: dict[str, Any] = st.session_state.setdefault(f"{key}, told", {})
    known = memory.get("rev") == revision and memory["bits"].shape == wanted.shape
    if not known or (chosen is None and memory["answered"]):
        memory.update(rev=revision, bits=wanted, turn=memory.get("turn", 0) + 1)
    memory["answered"] = chosen is not None
    return memory["turn"], memory["bits"], memory["bits"] if chosen is None else chosen


def _sheet_message(sheet: Sheet) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "columns": sheet.columns,
        "height": sheet.height,
        "width": sheet.width,
    }
