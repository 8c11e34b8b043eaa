"""The gallery: instructive cases, each with a name, a short text and a link.

They are listed in `assets/gallery.toml`. Their images are samples of the shipped models.
"""

from __future__ import annotations

import tomllib
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.data.sizes import DIGIT_SIDE
from ui.components.bits import from_link
from ui.components.thumbnails import parse, thumbnails
from ui.inpainting import drawn_frames, links

FILE = ASSETS / "gallery.toml"
KEY, SHOWN = "gallery", "gallery case"


class Case(NamedTuple):
    """One case of the gallery."""

    name: str
    about: str
    link: dict[str, str]
    picture: np.ndarray  # (3, 28, 28) uint8, its hidden pixels in one colour


@st.cache_resource(show_spinner=False)
def st_cases() -> tuple[Case, ...]:
    """All cases, in the order of the file."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(_case(**fields) for fields in read["case"])


def _case(name: str, about: str, link: dict[str, str]) -> Case:
    ink = from_link(link["drawn"], DIGIT_SIDE, DIGIT_SIDE)
    hidden = links.mask_of(link.get("hide", "top"), DIGIT_SIDE)[0]
    picture = np.where(hidden[..., None], np.uint8(drawn_frames.HIDDEN), drawn_frames.grey(ink))
    return Case(name, about, link, picture.transpose(2, 0, 1))


def show(views: links.Views, link: dict[str, str]) -> None:
    """Show the cases in a row, and the text of the case whose link equals that of the page."""
    cases = st_cases()
    at = next((i for i, case in enumerate(cases) if case.link == link), None)
    with st.container(key="gallery-cases"):
        thumbnails(
            KEY,
            np.stack([case.picture for case in cases]),
            [case.name for case in cases],
            -1 if at is None else at,
            set_name=KEY,
            label="Gallery",
            named=True,
            on_change=partial(_open, cases, views),
        )
        if at is not None:
            st.markdown(f"**{cases[at].name}.** {cases[at].about}")


def _open(cases: tuple[Case, ...], views: links.Views) -> None:
    at = parse(st.session_state[KEY].get("chosen"), KEY, len(cases))
    if at is not None:
        links.open_link(cases[at].link, views)
