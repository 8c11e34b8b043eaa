"""The settings of the lab in the page's address. Drawings and selections are not in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dgm_core.training.mixture_fits import FITS
from ui import links
from ui.clusters.compare import METHODS, PERPLEXITIES
from ui.clusters.runs import TITLES
from ui.clusters.training import BLURS, FORMS, LATENTS, NAMES, SIZES, WEIGHTS
from ui.frame import last_value
from ui.links import as_text, one_of, whole


def _moment(text: str) -> str:
    """Before, After, Control, Round n or Epoch n."""
    if text not in ("Before", "After", "Control"):
        word, _, number = text.partition(" ")
        if word not in ("Round", "Epoch") or not 0 < int(number) < 100:
            raise ValueError(text)
    return text


def _switch(text: str) -> bool:
    return {"True": True, "False": False}[text]


FIELDS: dict[str, dict[str, Callable[[str], Any]]] = {
    "Before and after": {
        "cluster left": _moment,
        "cluster right": _moment,
        "cluster method": one_of(*METHODS),
        "cluster perplexity": one_of(*PERPLEXITIES),
    },
    "Watch them learn": {
        "train set": one_of(*NAMES),
        "train images": one_of(*SIZES),
        "train clusters": whole(2, 30),
        "train form": one_of(*FORMS),
        "train rounds": whole(1, 12),
        "train upright": _switch,
        "train spread": _switch,
        "train hard": _switch,
        "train diagonal": _switch,
        "train fit": one_of(*FITS),
        "train blur": one_of(*BLURS),
        "train weight": one_of(*WEIGHTS),
        "train latents": one_of(*LATENTS),
        "train seed": whole(0, 9999),
    },
    "Inside the mixture": {
        "cluster across": whole(0, 49),
        "cluster up": whole(0, 49),
        "cluster temperature": links.between(0.0, 2.0, 0.1),
        "cluster other": whole(0, 49),
        "cluster seed": whole(0, 9999),
    },
    "Place a picture": {
        "place source": one_of("Draw", "Upload", "Test images"),
        "place plane": one_of("t-SNE", "PCA", "clusters apart"),
    },
}
"""View → kept widget → how its value is read."""


def receive(stories: list[str]) -> None:
    """Take over what the address says, once in a visit; say so if a part is not understood."""
    readers = {
        name.replace(" ", "-"): (name, read)
        for fields in FIELDS.values()
        for name, read in fields.items()
    }
    readers["view"] = ("cluster view", one_of(*FIELDS))
    readers["run"] = ("cluster story", one_of(*(name for name in TITLES if name in stories)))
    links.receive_kept("cluster link", readers)


def send(story: str, view: str) -> None:
    """Write the settings of a view into the address."""
    texts = {"view": view, "run": story}
    for name in FIELDS[view]:
        if (value := last_value(name, None)) is not None:
            texts[name.replace(" ", "-")] = as_text(value)
    links.send(texts)
