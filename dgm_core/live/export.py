"""The live view as one file: `dgm export live --model mnist-dlvm --out digits.html`.

The file contains the weights, the engine, the view, pictures drawn by the model, and the lesson.
It loads nothing: its content security policy forbids every connection.
"""

from __future__ import annotations

import base64
import html
import json
import re

import numpy as np
import torch

from dgm_core import zoo
from dgm_core.live import scripts, weights
from dgm_core.models.vae import VAE
from dgm_core.rng import draw, generator

KINDS = {"omniglot": ("Letters with missing pixels", "letters")}
"""Data of a model → title of its page, and what the pictures are."""
DIGITS = ("Digits with missing pixels", "digits")
PICTURES = 10
DRAWN = 400
"""Pictures are chosen from this number of draws."""


def page(name: str) -> str:
    """The page of a model, in HTML.

    Raises:
        ValueError, ModelsUnavailable, BrokenModel, NotLive: as `weights.packed` does.
    """
    about, content = zoo.card(name), weights.packed(name)
    title, kind = KINDS.get(about["data"], DIGITS)
    settings = {"pictures": [_bits(each) for each in pictures(name)], "first": 3}
    filled = {
        "title": title,
        "kind": kind,
        "name": html.escape(name),
        "summary": html.escape(about["summary"]),
        "licence": html.escape(_text("licence.txt")),
        "style": scripts.colours() + _text("page.css") + scripts.view_style(),
        "page": json.dumps(settings),
        "weights": base64.b64encode(content).decode("ascii"),
        "script": "\n".join([scripts.view(), _text("page.js")]),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], _text("page.html"))


def pictures(name: str, seed: int = 0) -> np.ndarray:
    """Pictures that the model draws, (10, 28, 28) bool.

    For digits, one of each class: the draw that a classifier is most certain about. Otherwise the
    first draws.
    """
    model: VAE = zoo.load(name)
    with torch.inference_mode():
        z = draw(model.prior(), generator(seed), DRAWN)
        drawn = model.decode(z).mean > 0.5
        if zoo.card(name)["data"] in ("mnist", "digits"):
            certain = zoo.load("mnist-classifier").predict(drawn.float()).logits
            drawn = drawn[certain.argmax(0)]
    return drawn[:PICTURES, 0].numpy()


def _bits(picture: np.ndarray) -> str:
    text = base64.urlsafe_b64encode(np.packbits(picture).tobytes()).decode("ascii")
    return text.rstrip("=")


def _text(name: str) -> str:
    return (scripts.PAGE / name).read_text(encoding="utf-8")
