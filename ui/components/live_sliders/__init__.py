"""Component: sliders that send while they are dragged, so that a figure follows the pointer.

`st.slider` sends when the pointer is released. These sliders send at once, at most one message at
a time: the browser numbers its messages, Python returns the number, and only then the browser
sends its newest values; values in between are never sent. Call it in an `@st.fragment`, whose runs
are not interrupted by its own widgets. A run of the whole page would be, before it draws.

    @st.fragment
    def latent_space() -> None:
        sliders = [LiveSlider(f"z{i}", f"z{i}", -3, 3, 0.05) for i in range(20)]
        z = live_sliders("z", sliders, start, rev=draw_number, label="Latent code", compact=True)
        st.image(decode(z))

The browser owns the values. Python replaces them only when `rev` changes (a new draw, a preset, a
link).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "theme", "elements", "numbers")


@dataclass(frozen=True)
class LiveSlider:
    """One slider over the values low, low + step, …, as far as high.

    Args:
        name: of its value, unique among the sliders.
        label: shown, and read by screen readers.
        low, high: the range.
        step: from one value to the next.
        unit: shown after the value.
        decimals: of the value shown.
        help: one line of explanation.
        default: the value that a double click and the reset button restore; None: the value that
            `live_sliders` received with the current `rev`.

    Raises:
        ValueError: the range or the step is empty, or `default` lies outside the range.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    unit: str = ""
    decimals: int = 2
    help: str = ""
    default: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"expected low < high, got {self.low} and {self.high}")
        if not 0 < self.step <= self.high - self.low:
            raise ValueError(f"expected a step within high - low, got {self.step}")
        if self.default is not None and not self.low <= self.default <= self.high:
            raise ValueError(f"expected a default in the range, got {self.default}")

    @property
    def steps(self) -> int:
        """Number of steps in the range."""
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def nearest(self, value: float) -> float:
        """The slider's value closest to a finite number."""
        step = min(max(round((value - self.low) / self.step), 0), self.steps)
        return float(f"{self.low + step * self.step:.12g}")

    def takes(self, value: object) -> bool:
        """Is `value` one of the slider's values, up to rounding? Never raises."""
        if type(value) not in (int, float) or not self.low <= value <= self.high:  # NaN, bool
            return False
        return abs(value - self.nearest(value)) <= 1e-6 * self.step


def live_sliders(
    key: str,
    sliders: Sequence[LiveSlider],
    values: Mapping[str, float],
    *,
    rev: int | str,
    label: str,
    compact: bool = False,
    on_change: Callable[[], None] | None = None,
) -> dict[str, float]:
    """Show the sliders; return their values by name.

    Args:
        key: Streamlit key, unique on the page.
        sliders: in the order shown.
        values: by name, used at first and whenever `rev` changes; rounded to the nearest step.
        rev: a new value replaces what the visitor has set by `values`.
        label: of the group.
        compact: many small sliders in a grid.
        on_change: called before the rerun that a move starts.

    Returns:
        The values set since `rev`, kept while the sliders are off screen. If a message is not
        valid, the last valid values.

    Raises:
        ValueError: two sliders have the same name, or a slider has no finite value.
    """
    names = [slider.name for slider in sliders]
    if len(set(names)) < len(names):
        raise ValueError(f"expected a unique name for each slider, got {names}")
    if not all(name in values and math.isfinite(values[name]) for name in names):
        raise ValueError(f"expected a finite value for each of {names}, got {dict(values)}")
    # Streamlit forgets components that are off screen, and a bad message must not lose the values.
    memory = st.session_state.setdefault(f"{key}, last values", {})
    kept = memory.get("values", {}) if memory.get("rev") == rev else {}
    last = {s.name: s.nearest(kept.get(s.name, values[s.name])) for s in sliders}
    state = st.session_state.get(key)
    sent = state.get("moved") if isinstance(state, Mapping) else None
    now = parse(sent, sliders, rev, last)
    memory.update(rev=rev, values=now)
    _COMPONENT(
        key=key,
        data={
            "sliders": [asdict(s) | {"high": s.nearest(s.high)} for s in sliders],
            "values": [now[name] for name in names],
            "defaults": [
                s.nearest(values[s.name] if s.default is None else s.default) for s in sliders
            ],
            "rev": rev,
            "answered": message_number(sent),
            "label": label,
            "compact": compact,
        },
        on_moved_change=on_change or (lambda: None),
    )
    return now


def parse(
    message: Any, sliders: Sequence[LiveSlider], rev: int | str, last: Mapping[str, float]
) -> dict[str, float]:
    """The values in a message of the browser, or of `last` if it is not valid. Never raises."""
    if not isinstance(message, Mapping) or not _same(message.get("rev"), rev):
        return dict(last)
    sent = message.get("values")
    if not isinstance(sent, Mapping):
        return dict(last)
    each = {s: sent.get(s.name) for s in sliders}
    return {s.name: s.nearest(v) if s.takes(v) else last[s.name] for s, v in each.items()}


def message_number(message: Any) -> int:
    """The number of a message of the browser; 0 if it has none."""
    number = message.get("number") if isinstance(message, Mapping) else None
    return number if type(number) is int and 0 <= number < 2**53 else 0


def _same(sent: object, rev: int | str) -> bool:
    return type(sent) is type(rev) and sent == rev  # True is not 1 here
