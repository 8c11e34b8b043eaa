"""The bar above every page: the labs, the page's link, its keys, and where a tour stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "theme", "elements", "visually_hidden")

Keys = Mapping[str, Mapping[str, str]]
"""Where they work → the keys, separated by blanks → what they do."""


class Card(NamedTuple):
    """A stop of a tour. Addresses are as a browser on any of the pages resolves them."""

    at: int  # 1 for the first
    of: int
    title: str
    text: str
    back: str | None
    on: str | None


class Asked(NamedTuple):
    """What the visitor has pressed just now."""

    page: str | None  # its path
    leave: bool  # the tour


def page_bar(
    key: str, pages: Sequence[tuple[str, str]], here: str, keys: Keys, card: Card | None = None
) -> Asked:
    """Show the bar; a press on a page's name asks for it, and keeps the visit.

    `?` opens the list of keys wherever nothing is typed in.

    Args:
        key: of the component.
        pages: path and label of each; the first is the front door.
        here: path of the one on screen.
        keys: in the order of the list; no list, no button.
        card: of a tour under way.
    """
    groups = [
        {"where": where, "keys": [[names.split(), does] for names, does in own.items()]}
        for where, own in keys.items()
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
        on_again_change=lambda: None,
    )
    return parse(getattr(answer, "go", None), getattr(answer, "leave", None), pages)


def parse(go: Any, leave: Any, pages: Sequence[tuple[str, str]]) -> Asked:
    """What the browser sent, if it could have."""
    known = isinstance(go, str) and go in {path for path, _ in pages}
    return Asked(go if known else None, leave is True)
