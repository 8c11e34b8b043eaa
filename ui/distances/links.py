"""The settings of the lab in the page's address. Drawn clouds are not in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dgm_core.studies.distances import toy_gan
from ui import links
from ui.distances.games import TARGETS
from ui.distribution_choice import DIVERGENCES, TITLES
from ui.frame import last_value
from ui.links import as_text, between, one_of, whole


def _several(text: str) -> list[str]:
    names = text.split(",")
    if not 1 <= len(names) <= 3 or not set(names) <= set(DIVERGENCES):
        raise ValueError(text)
    return names


STEPS = one_of(100, 200, 500, 1000)
FIELDS: dict[str, Callable[[str], Any]] = {
    "sweep pair": one_of(*TITLES),
    "sweep distances": _several,
    "sweep steps": STEPS,
    "sweep penalty": one_of(1.0, 5.0, 10.0, 50.0, 200.0),
    "sweep seed": whole(0, 9999),
    "critic pair": one_of(*TITLES),
    "critic distance": one_of(*DIVERGENCES),
    "critic theta": between(0.0, 2.0, 0.1),
    "critic steps": STEPS,
    "critic penalty": one_of(0.1, 1.0, 10.0, 50.0, 200.0),
    "critic seed": whole(0, 9999),
    "game target": one_of(*TARGETS),
    "game left": one_of(*toy_gan.OBJECTIVES),
    "game right": one_of(*toy_gan.OBJECTIVES),
    "game preset": one_of(*toy_gan.PRESETS),
    "game seed": whole(0, 9999),
}
"""Kept widget → how its value is read."""
PREFIX = {"Sweep": "sweep", "Critic": "critic", "Small GANs": "game", "Spiral": "spiral"}


def receive(views: tuple[str, ...]) -> None:
    """Take over what the address says, once in a visit; say so if a part is not understood."""
    readers = {name.replace(" ", "-"): (name, read) for name, read in FIELDS.items()}
    readers["view"] = ("distance view", one_of(*views))
    links.receive_kept("distance link", readers)


def send(view: str) -> None:
    """Write the settings of a view into the address."""
    texts = {"view": view}
    for name in FIELDS:
        value = last_value(name, None)
        if name.startswith(PREFIX[view]) and value is not None:
            text = ",".join(value) if isinstance(value, list) else as_text(value)
            texts[name.replace(" ", "-")] = text
    links.send(texts)
