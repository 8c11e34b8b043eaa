"""The settings of the lab in the page's address. Drawings and selections are not part of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dgm_core.training.mixture_fits import FITS
from ui import links
from ui.clusters.compare import METHODS, PERPLEXITIES
from ui.clusters.runs import TITLES
from ui.clusters.training import BLURS, DATASETS, FORMS, LATENTS, SIZES, WEIGHTS
from ui.frame import last_value
from ui.links import as_text, one_of, whole


def _snapshot(text: str) -> str:
    """Name of a snapshot: Before, After, Control, Round n or Epoch n."""
    if text not in ("Before", "After", "Control"):
        word, _, number = text.partition(" ")
        if word not in ("Round", "Epoch") or not 0 < int(number) < 100:
            raise ValueError(text)
    return text


def _switch(text: str) -> bool:
    return {"True": True, "False": False}[text]


FIELDS: dict[str, dict[str, Callable[[str], Any]]] = {
    "Before and after": {
        "cluster left": _snapshot,
        "cluster right": _snapshot,
        "cluster method": one_of(*METHODS),
        "cluster perplexity": one_of(*PERPLEXITIES),
    },
    "Watch them learn": {
        "train set": one_of(*DATASETS),
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
"""View → kept widget → reader of its value."""


def receive(available: list[str]) -> None:
    """Read the settings from the address, once per visit."""
    readers = {
        name.replace(" ", "-"): (name, read)
        for fields in FIELDS.values()
        for name, read in fields.items()
    }
    readers["view"] = ("cluster view", one_of(*FIELDS))
    readers["run"] = ("cluster run", one_of(*(name for name in TITLES if name in available)))
    links.receive_kept("cluster link", readers)


def send(run: str, view: str) -> None:
    """Write the run and the settings of a view into the address."""
    texts = {"view": view, "run": run}
    for name in FIELDS[view]:
        if (value := last_value(name, None)) is not None:
            texts[name.replace(" ", "-")] = as_text(value)
    links.send(texts)
