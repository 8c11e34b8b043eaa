"""The bar above every page: links to the labs, copy link, list of keys, and the tour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "theme", "elements", "visually_hidden")

Keys = Mapping[str, Mapping[str, str]]
"""Part of the page → keys, separated by blanks → their effect."""


class Card(NamedTuple):
    """A stop of the tour. Addresses are relative, and valid on every page."""

    number: int  # 1 for the first
    count: int  # of stops
    title: str
    text: str
    previous: str | None  # address of the previous stop
    next: str | None  # address of the next stop


class Request(NamedTuple):
    """What the visitor pressed since the last run of the script."""

    page: str | None  # path of the requested page
    leave: bool  # leave the tour


def page_bar(
    key: str, pages: Sequence[tuple[str, str]], here: str, keys: Keys, card: Card | None = None
) -> Request:
    """Draw the bar, and return what the visitor pressed.

    A press on the name of a page is returned, so that the page opens in the same session. The key
    `?` opens the list of keys unless the visitor is typing.

    Args:
        key: of the component.
        pages: path and label of each page; the first is the start page.
        here: path of the current page.
        keys: the list of keys; without keys there is no button.
        card: the current stop of the tour, if there is one.
    """
    groups = [
        {"part": part, "keys": [[names.split(), effect] for names, effect in own.items()]}
        for part, own in keys.items()
    ]
    answer = _COMPONENT(
        key=key,
        data={
            "pages": [list(page) for page in pages],
            "here": here,
            "groups": groups,
            "card": card and card._asdict(),
        },
        on_go_change=lambda: None,
        on_leave_change=lambda: None,
        on_reconnected_change=lambda: None,
    )
    return parse(getattr(answer, "go", None), getattr(answer, "leave", None), pages)


def parse(go: Any, leave: Any, pages: Sequence[tuple[str, str]]) -> Request:
    """The message of the browser; anything invalid in it is ignored."""
    known = isinstance(go, str) and go in {path for path, _ in pages}
    return Request(go if known else None, leave is True)
