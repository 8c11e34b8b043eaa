"""Component: a sample on a line, whose points the visitor drags, adds and removes.

The browser owns the points and marks their mean and median while they move. Python replaces them
only when `rev` changes (a preset, a link). After each change the browser sends all values. Any
other message, or one with another `rev`, is ignored. Streamlit forgets the state of a component
that was not on screen, so the caller stores what was returned and passes it in again:

    values = number_line("sample", saved.values, low=-4, high=8, rev=preset, label="The sample")
    if values is not None:
        saved.values = values
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from ui.components import inline_component

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements", "numbers", "weighted_sample"),
)

MOST = 30
"""Maximal number of points; more could not be dragged on a phone."""


def number_line(
    key: str,
    values: Sequence[float],
    *,
    low: float,
    high: float,
    rev: int | str,
    label: str,
    step: float = 0.1,
    on_change: Callable[[], None] | None = None,
) -> tuple[float, ...] | None:
    """Show the points; return them if they were changed since `rev`.

    Args:
        key: Streamlit key, unique on the page.
        values: 1 to 30 values, used when the component appears or `rev` changes.
        low, high: the range.
        rev: a new value sends `values` to the browser.
        label: of the line.
        step: values are rounded to multiples of it.
        on_change: called before the rerun that a change starts.

    Returns:
        Values in the browser's order; None if nothing was changed since `rev`.

    Raises:
        ValueError: no value, more than 30, or one out of range.
    """
    if _points(values, low, high) is None:
        raise ValueError(f"expected 1 to {MOST} values from {low} to {high}, got {values}")
    state = st.session_state.get(key)
    message = state.get("values") if isinstance(state, Mapping) else None
    now = parse(message, low, high, rev)
    _COMPONENT(
        key=key,
        data={
            "values": list(values if now is None else now),
            "low": low,
            "high": high,
            "step": step,
            "most": MOST,
            "rev": rev,
            "label": label,
        },
        on_values_change=on_change or (lambda: None),
    )
    return now


def parse(message: object, low: float, high: float, rev: int | str) -> tuple[float, ...] | None:
    """The values in a message of the browser, or None for any other message. Never raises."""
    if not isinstance(message, Mapping):
        return None
    sent = message.get("rev")
    if type(sent) is not type(rev) or sent != rev:  # True is not 1 here
        return None
    return _points(message.get("values"), low, high)


def _points(values: object, low: float, high: float) -> tuple[float, ...] | None:
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= MOST:
        return None
    if not all(type(v) in (int, float) and low <= v <= high for v in values):  # NaN fails
        return None
    return tuple(float(v) for v in values)
