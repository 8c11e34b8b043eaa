"""Which drawings on the canvas a model made: they have no original, and nothing is scored.

A link holds a black-and-white image pixel by pixel, whether a visitor or a model drew it. The
cases of the gallery and the lessons are samples of models; the link of any other sample says so.
"""

from __future__ import annotations

import tomllib
from functools import cache

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.data.sizes import DIGIT_SIDE
from ui.components.bits import from_link, pack

GALLERY = ASSETS / "gallery.toml"
_KEY = "images drawn by a model"
_MOST = 50
"""Images of links that a session remembers."""


@cache
def of_gallery() -> frozenset[str]:
    """The images of the gallery, as packed bits."""
    read = tomllib.loads(GALLERY.read_text(encoding="utf-8"))
    links = (case["link"] for case in read["case"])
    return frozenset(pack(from_link(link["drawn"], DIGIT_SIDE, DIGIT_SIDE)) for link in links)


def is_by_model(pixels: np.ndarray) -> bool:
    """Whether a model drew this image, bool (28, 28), as far as the session knows."""
    bits = pack(pixels)
    return bits in of_gallery() or bits in st.session_state.get(_KEY, ())


def remember(pixels: np.ndarray) -> None:
    """Remember that a model drew this image."""
    known = st.session_state.setdefault(_KEY, [])
    known.append(pack(pixels))
    del known[:-_MOST]


def is_of_gallery(pixels: np.ndarray) -> bool:
    """Whether the image is one of the gallery, whose links need not say that a model drew it."""
    return pack(pixels) in of_gallery()
