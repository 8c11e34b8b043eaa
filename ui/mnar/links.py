"""The settings of the lab in the page's address, so that a link shows what its sender saw.

Every value is read as text, checked against what its widget could hold, and dropped if it could
not be that. An uploaded table is not in the link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dgm_core.studies.mnar import side_by_side
from ui import links
from ui.frame import last_value, remember
from ui.links import Read, as_text, between, one_of, whole
from ui.mnar import mechanism, table_choice


def receive(views: tuple[str, ...]) -> None:
    """Take over what the address says, once in a visit; say so if a part of it is not understood.

    Args:
        views: names of the views.
    """

    def take(address: dict[str, str]) -> list[str]:
        unread = []
        for name, read in _fields(views):
            if name not in address:
                continue
            try:
                remember(*_kept(name, read(address[name])))
            except (ValueError, KeyError, IndexError, OverflowError):
                unread.append(name)
        return unread

    links.receive_texts("mnar link", take)


def send(views: tuple[str, ...]) -> None:
    """Write the settings into the address; what stands at its first value stays out."""
    first = dict(_first(views))
    texts = {}
    for name, _ in _fields(views):
        value = _held(name)
        if value is not None and value != first.get(name):
            texts[name] = _written(name, value)
    links.send(texts)


def _fields(views: tuple[str, ...]) -> Iterator[tuple[str, Read]]:
    """Name in the address → how it is read; the table comes before what depends on it."""
    yield "view", lambda text: one_of(*views)(OLD_NAMES.get(text, text))
    yield "table", one_of(*table_choice.available())
    yield "why", one_of(*mechanism.WHY)
    yield "columns", _columns
    yield "driver", _column
    yield "direction", one_of("high", "low")
    yield "threshold", between(-2, 2, 0.1)
    yield "strength", one_of(*mechanism.STRENGTHS)
    yield "rate", between(0, 0.5, 0.05)
    yield "chance", between(0.05, 0.9, 0.05)
    yield "seed", whole(0, 9999)
    yield "assumed", one_of(*side_by_side.ASSUMPTIONS)
    yield "decoder", one_of(*side_by_side.DECODERS)
    yield "length", one_of("Short", "Normal", "Long")
    yield "k", one_of(1, 5, 10, 20, 50)
    yield "training", whole(0, 9999)


_KEYS: Mapping[str, str] = {
    "view": "mnar view",
    "rate": "base rate",
    "chance": "chance rate",
    "seed": "mnar seed",
    "k": "draws",
    "training": "training seed",
}
"""Name in the address → name of the kept widget, where they differ."""
OLD_NAMES = {"One entry": "One cell"}
"""Earlier name of a view, still found in links → its name."""
_OF_TABLE = ("why", "columns", "driver")
"""Widgets that each table has for itself."""


def _table() -> str:
    return last_value("table", table_choice.FIRST)


def _key(name: str) -> str:
    return f"{name}.{_table()}" if name in _OF_TABLE else _KEYS.get(name, name)


def _kept(name: str, value: Any) -> tuple[str, Any]:
    return _key(name), value


def _held(name: str) -> Any:
    return last_value(_key(name), None)


def _columns(text: str) -> list[str]:
    names = list(table_choice.st_table(_table()).numeric)
    chosen = sorted({int(number) for number in text.split(".")} if text else ())
    if min(chosen, default=0) < 0:
        raise ValueError(text)
    return [names[number] for number in chosen]


def _column(text: str) -> str:
    return _columns(text)[0]


def _written(name: str, value: Any) -> str:
    if name in ("columns", "driver"):
        names = list(table_choice.st_table(_table()).numeric)
        some = value if name == "columns" else [value]
        return ".".join(str(names.index(each)) for each in some if each in names)
    return as_text(value)


def _first(views: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    yield "view", views[0]
    yield "table", table_choice.FIRST
    yield "why", "self-masking"
    names = list(table_choice.st_table(_table()).numeric)
    yield "columns", names[: max(1, len(names) // 2)]
    yield "direction", "high"
    yield "threshold", 0.0
    yield "strength", 50.0
    yield "rate", 0.0
    yield "chance", 0.3
    yield "seed", 0
    yield "assumed", next(iter(side_by_side.ASSUMPTIONS))
    yield "decoder", next(iter(side_by_side.DECODERS))
    yield "length", "Normal"
    yield "k", 10
    yield "training", 0
