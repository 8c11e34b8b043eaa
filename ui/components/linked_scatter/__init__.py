"""Linked scatter: the same points in several planes, coloured, and selected by a lasso.

The browser keeps the selection, the colouring and the emphasis. It sends the selection to Python
as packed bits when a lasso, a key or a button ends it. A message of another form, of another
`revision` or with another number of points is ignored. `selected` replaces the selection only when
`revision` changes.

Streamlit forgets the state of a component that is not on screen, so the caller keeps the returned
selection and passes it again, at every rerun if it likes:

    saved.chosen = linked_scatter("codes", [Panel("Latent codes", z)], [Categories("digit", y,
                                  names)], label="Codes of the test set", selected=saved.chosen)

A rerun caused by a selection sends the same data again, until points, colours or `revision`
change. New positions of the same number of points are animated.
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
"""Points at most; more would make the animation slow."""


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
    """Draw the points; return the selected ones.

    Args:
        key: Streamlit key, unique on the page.
        panels: planes of the same N ≤ 10,000 points, side by side; stacked on narrow screens.
        colourings: to choose from, with different names; the first is shown first.
        label: of the component.
        pictures: one per point, shown on hover: a sheet, or (N, H, W) uint8, from which a sheet is
            made at every call.
        height: maximum height of a panel, in CSS pixels.
        width: maximum width of the component; None: the width of the page.
        selected: (N,) bool, used when the component appears or `revision` changes.
        revision: a new value replaces the visitor's selection by `selected`.
        on_change: called before the rerun that a selection causes.

    Returns:
        (N,) bool, or None if nothing is selected.

    Raises:
        ValueError: no panel or colouring, or the numbers of points differ.
    """
    count = _check(panels, colourings, selected)
    if isinstance(pictures, np.ndarray):
        pictures = sheet_of(pictures)
    if pictures is not None and pictures.count != count:
        raise ValueError(f"expected {count} pictures, got {pictures.count}")
    wanted = np.zeros(count, bool) if selected is None else selected
    turn, sent, current = _selection(key, wanted, revision)
    with st.container(gap=None):  # the sheet is invisible
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
                "selected": pack(sent),
                "rev": revision,
                "turn": turn,
            },
            on_selection_change=on_change or (lambda: None),
        )
    return current if current.any() else None


def _check(
    panels: Sequence[Panel], colourings: Sequence[Colouring], selected: np.ndarray | None
) -> int:
    """N, after checking that everything has this number of points."""
    if not panels or not colourings:
        raise ValueError("expected at least one panel and one colouring")
    count = len(panels[0].xy)
    if not 1 <= count <= MOST:
        raise ValueError(f"expected 1 to {MOST} points, got {count}")
    lengths = {f"panel {panel.title!r}": len(panel.xy) for panel in panels}
    for each in colourings:
        points = each.codes if isinstance(each, Categories) else each.values
        lengths[f"colouring {each.name!r}"] = len(points)
    for name, length in lengths.items():
        if length != count:
            raise ValueError(f"expected {count} points in {name}, got {length}")
    names = [each.name for each in colourings]
    if len(set(names)) < len(names):
        raise ValueError(f"expected colourings with different names, got {names}")
    if selected is not None and (selected.shape != (count,) or selected.dtype != bool):
        raise ValueError(
            f"expected selected of shape {(count,)} and type bool, "
            f"got {selected.shape} and {selected.dtype}"
        )
    return count


def _selection(
    key: str, wanted: np.ndarray, revision: int | str
) -> tuple[int, np.ndarray, np.ndarray]:
    """How often a selection was sent to the browser, the last one sent, and the current one.

    A selection is sent only if the revision or the number of points changes, or if Streamlit has
    forgotten what the browser had sent.
    """
    state = st.session_state.get(key)
    message = state.get("selection") if isinstance(state, Mapping) else None
    chosen = parse(message, len(wanted), revision)
    memory: dict[str, Any] = st.session_state.setdefault(f"{key}, sent", {})
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
