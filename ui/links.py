"""Share links: settings that are declared once, drawn as widgets, and written into the address.

A `Setting` says beside its view what a setting is called, which value it has at first, and which
values it may have. Its widget and the reader of share links both take the range from there:

    STEPS = Setting("sweep steps", 500, options=(100, 200, 500, 1000))
    SEED = Setting("sweep seed", 0, low=0, high=9999)

    class Sweep:
        settings = (STEPS, SEED)

        def __init__(self, controls):
            steps = STEPS.widget(controls.select_slider, "Steps")
            seed = SEED.widget(controls.number_input, "Seed")

A page reads the address before its first widget and writes it after its last:

    VIEW = Setting("distance view", "Sweep", options=tuple(VIEWS), link="view")

    links.receive("distance", [VIEW, *links.settings_of(VIEWS.values())])
    chosen = VIEW.widget(st.segmented_control, "View", required=True)
    …
    links.send(links.texts([VIEW, *VIEWS[chosen].settings]))

Values arrive as text from anybody, so a reader raises ValueError or KeyError for a text that its
widget could not have written. Numbers outside the range are clamped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, Protocol

import streamlit as st

from ui import navigation
from ui.frame import KEPT, kept, last_value, remember, renew

LONGEST = 1000
"""Characters of one value, at most: a random mask of a face takes 700."""
UNREADABLE = (ValueError, KeyError, IndexError, OverflowError)
"""Raised by readers for texts that no widget has written."""
Read = Callable[[str], Any]


class InLink(Protocol):
    """Anything that a share link can hold: a `Setting` or a `Value`."""

    @property
    def link(self) -> str:
        """Its name in the address."""

    def take(self, text: str) -> None:
        """Adopt what the address says; before the widgets are drawn, or in a callback.

        Raises:
            ValueError, KeyError, IndexError, OverflowError: the text is not understood.
        """

    def text(self) -> str | None:
        """What the address says of its present value; None: nothing."""

    def is_first(self) -> bool:
        """Does it have the value that it has on a fresh page?"""


class Value(NamedTuple):
    """Something in a share link that no kept widget holds, such as a drawing.

    Args:
        link: its name in the address.
        take: adopts the text of an address.
        text: its present value as text; None: it is left out.
    """

    link: str
    take: Callable[[str], None]
    text: Callable[[], str | None]

    def is_first(self) -> bool:
        """Its `text` is None where the address need not mention it."""
        return False


@dataclass(frozen=True)
class Setting:
    """A kept widget's name, first value and range; what its share link says.

    What may be chosen is given in one of these ways:

    - `options`: one of them; with `several`, a list of some of them;
    - `low` and `high`: a number between them, whole if `first` is, and rounded to `step`;
    - neither, and `first` is a bool: on or off;
    - `read`: anything that this function makes of a text.

    Args:
        name: of the kept widget: its session key is "keep.NAME".
        first: the value on a fresh page.
        options: what can be chosen; a mapping gives each option its title on the page.
        several: how many of the options can be chosen at once; 0: exactly one.
        low, high, step: the range of a number.
        read: from text to value, where options and range do not say it.
        write: from value to text, where `as_text` does not do.
        link: name in the address; empty: the name with hyphens for spaces.
        unnamed: its value in a link that names other settings but not this one, if that is not
            `first`. Such links stem from a time when another value was the first.
    """

    name: str
    first: Any
    options: Iterable[Any] | Mapping[Any, str] | None = None
    several: int = 0
    low: float | None = None
    high: float | None = None
    step: float | None = None
    read: Read | None = None
    write: Callable[[Any], str] | None = None
    link: str = ""
    unnamed: Any = None

    def __post_init__(self) -> None:
        if not self.link:
            object.__setattr__(self, "link", self.name.replace(" ", "-"))
        if self.read is None:
            object.__setattr__(self, "read", self._reader())

    def _reader(self) -> Read:
        if self.options is not None:
            return some_of(self.several, *self.options) if self.several else one_of(*self.options)
        if isinstance(self.first, bool):
            return one_of(True, False)
        if self.low is None or self.high is None:
            raise TypeError(f"expected options, low and high, or read for {self.name!r}")
        if isinstance(self.first, int):
            return whole(int(self.low), int(self.high), int(self.step or 1))
        if self.step is None:
            raise TypeError(f"expected a step for the fractions of {self.name!r}")
        return between(self.low, self.high, self.step)

    @property
    def key(self) -> str:
        """Session key of its widget."""
        return KEPT + self.name

    @property
    def value(self) -> Any:
        """Its present value, whether its widget is on screen or not."""
        return last_value(self.name, self.first)

    def widget(
        self,
        draw: Callable[..., Any],
        label: str,
        *,
        options: Iterable[Any] | None = None,
        first: Any = None,
        **more: Any,
    ) -> Any:
        """Draw its widget and return the widget's value.

        Args:
            draw: the widget: `st.slider`, `column.selectbox`, …
            label: of the widget.
            options: those of its options that are available here; None: all of them. A value
                that is not available is replaced by `first`, or else by the first option.
            first: the option on a fresh page if it depends on what is shown; None: the setting's
                own first value.
            more: passed on to the widget.
        """
        if self.options is None and options is None:
            if self.low is not None:
                more |= {"min_value": self.low, "max_value": self.high, "step": self.step}
            return draw(label, key=kept(self.name, self.first), **more)
        shown = list(self.options if options is None else options)
        fallback = first if first in shown else shown[0]
        initial = fallback if first is not None or self.first not in shown else self.first
        key = kept(self.name, self.first if self.several else initial)
        if not self.several and st.session_state[key] not in shown:
            del st.session_state[key]  # the widget may be on screen with other options
            st.session_state[key] = fallback
        if isinstance(self.options, Mapping):
            more.setdefault("format_func", self.options.get)
        return draw(label, shown, key=key, **more)

    def remember(self, value: Any) -> None:
        """Set its value for the next time that its widget is drawn again."""
        remember(self.name, value)

    def take(self, text: str) -> None:
        """See `InLink`."""
        renew(self.name, self.read(text))

    def reset(self) -> None:
        """Go back to the first value: in a callback, or before its widget is drawn."""
        renew(self.name, self.first)

    def text(self) -> str | None:
        """See `InLink`; None if its widget was never drawn."""
        value = last_value(self.name, None)
        return None if value is None else (self.write or as_text)(value)

    def is_first(self) -> bool:
        """See `InLink`."""
        return self.value == self.first


class Part(Protocol):
    """A part of a page, of which one is shown at a time: a view, or a note."""

    settings: tuple[InLink, ...]


def settings_of(parts: Iterable[type[Part]]) -> Iterable[InLink]:
    """The settings of all parts of a page."""
    return chain.from_iterable(part.settings for part in parts)


def receive(page: str, settings: Iterable[InLink]) -> None:
    """Let settings begin with what the address says, once in a visit.

    Says so if a part of the address is not understood.

    Args:
        page: its name in the session.
        settings: all that the address may hold. They are requested one after the other, so a
            generator can yield what others depend on first.
    """
    visit = f"{page} link"
    if visit in st.session_state:
        return
    st.session_state[visit] = True
    requested = st.query_params.to_dict()
    requested.pop(navigation.TOUR, None)
    if unread := take(requested, settings):
        st.toast(f"A part of the link was not understood and left out: {', '.join(unread)}.")


def take(requested: Mapping[str, str], settings: Iterable[InLink]) -> list[str]:
    """Give settings the values that an address names.

    Before the widgets are drawn, or in a callback.

    Returns:
        The names in the address that were not understood.
    """
    unread = []
    for setting in settings:
        if setting.link in requested:
            try:
                setting.take(requested[setting.link][:LONGEST])
            except UNREADABLE:
                unread.append(setting.link)
        elif requested and getattr(setting, "unnamed", None) is not None:
            setting.take(as_text(setting.unnamed))
    return sorted(unread)


def texts(settings: Iterable[InLink], *, skip_first: bool = False) -> dict[str, str]:
    """What the address says of settings: name → text.

    Args:
        settings: of the part of the page that is on screen.
        skip_first: leave out settings with their first value.
    """
    found = {}
    for setting in settings:
        text = setting.text()
        if text is not None and not (skip_first and setting.is_first()):
            found[setting.link] = text
    return found


def send(texts: Mapping[str, str]) -> None:
    """Let the address hold these settings and the stop of the tour, and nothing else."""
    wanted = dict(texts) | navigation.touring()
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


# --- readers and writers --------------------------------------------------------------------


def one_of(*options: Any) -> Read:
    """The option whose text it is."""
    by_text = {as_text(option): option for option in options}
    return lambda text: by_text[text]


def some_of(most: int, *options: Any) -> Read:
    """A list of one to `most` options, separated by commas."""
    by_text = {as_text(option): option for option in options}

    def read(text: str) -> list[Any]:
        names = text.split(",")
        if len(names) > most:
            raise ValueError(text)
        return [by_text[name] for name in names]

    return read


def between(low: float, high: float, step: float) -> Read:
    """A number, clamped to a range and rounded to its steps."""

    def read(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        steps = round((min(max(value, low), high) - low) / step)
        return round(low + steps * step, 6)

    return read


def whole(low: int, high: int, step: int = 1) -> Read:
    """An integer, clamped to a range and rounded to its steps."""

    def read(text: str) -> int:
        value = min(max(int(text), low), high)
        return low + round((value - low) / step) * step

    return read


def as_text(value: Any) -> str:
    """A value as an address writes it: 2.0 as 2, a list with commas."""
    if isinstance(value, list | tuple):
        return ",".join(as_text(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
