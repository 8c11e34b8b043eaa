"""A page's address: taken over once in a visit, written as settings change.

Its values are read as text. A reader raises ValueError or KeyError for a text that its widget
could not have written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import streamlit as st

from ui import navigation
from ui.frame import last_value, remember

LONGEST = 400
"""Characters of one value, at most."""
Read = Callable[[str], Any]


def receive(
    visit: str, take: Callable[[dict[str, str]], list[str]], longest: int = LONGEST
) -> None:
    """Hand what the address says to `take`, once in a visit; say so if a part is not understood.

    Args:
        visit: name of the page in the session.
        take: name → text, to the names that were not understood.
        longest: characters of one value, at most.
    """
    if visit in st.session_state:
        return
    st.session_state[visit] = True
    asked = st.query_params.to_dict()
    asked.pop(navigation.TOUR, None)
    if unread := take({name: text[:longest] for name, text in asked.items()}):
        st.toast(f"A part of the link was not understood and left out: {', '.join(unread)}.")


def receive_kept(visit: str, readers: Mapping[str, tuple[str, Read]]) -> None:
    """Let kept widgets begin with what the address says, once in a visit.

    Args:
        visit: as of `receive`.
        readers: place in the address → name of the kept widget, and how its value is read.
    """

    def take(asked: dict[str, str]) -> list[str]:
        unread = []
        for place in asked.keys() & readers.keys():
            name, read = readers[place]
            try:
                remember(name, read(asked[place]))
            except (ValueError, KeyError, OverflowError):
                unread.append(place)
        return sorted(unread)

    receive(visit, take)


class Part(Protocol):
    """A part of a page, of which one is shown at a time: a view, or a note."""

    name: str
    fields: Mapping[str, Read]  # kept widget → how its value is read


def receive_parts(page: str, choice: str, parts: Mapping[str, type[Part]]) -> None:
    """Let the kept widgets of all parts begin with what the address says, once in a visit.

    Args:
        page: its name, of which the kept widget "PAGE CHOICE" says which part is shown.
        choice: place of that in the address, "view" or "note".
        parts: by name.
    """
    readers = {
        name.replace(" ", "-"): (name, read)
        for part in parts.values()
        for name, read in part.fields.items()
    }
    readers[choice] = (f"{page} {choice}", one_of(*parts))
    receive_kept(f"{page} link", readers)


def send_part(choice: str, part: type[Part]) -> None:
    """Let the address say which part is shown, and its settings."""
    texts = {choice: part.name}
    for name in part.fields:
        value = last_value(name, None)
        if value is not None:
            text = ",".join(value) if isinstance(value, list) else as_text(value)
            texts[name.replace(" ", "-")] = text
    send(texts)


def send(texts: dict[str, str]) -> None:
    """Let the address say this, and where the tour stands, and nothing else."""
    texts = texts | navigation.touring()
    if st.query_params.to_dict() != texts:
        st.query_params.from_dict(texts)


def one_of(*options: Any) -> Read:
    """The option that is written so."""
    by_text = {as_text(option): option for option in options}
    return lambda text: by_text[text]


def between(low: float, high: float, step: float) -> Read:
    """A number, clamped to a range and rounded to its steps."""

    def read(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        steps = round((min(max(value, low), high) - low) / step)
        return round(low + steps * step, 6)

    return read


def whole(low: int, high: int) -> Read:
    """An integer, clamped to a range."""
    return lambda text: min(max(int(text), low), high)


def as_text(value: Any) -> str:
    """A value as an address writes it: 2.0 as 2."""
    return f"{value:g}" if isinstance(value, float) else str(value)
