"""Telling cases, each a link with a sentence; one click away.

They lie in `assets/gallery.toml`: a name, a sentence on what to look at, and what the page's
address says of the case. Their pictures are samples of the models and scikit-learn's digits.
"""

from __future__ import annotations

import tomllib
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.studies.inpainting.two_samplers import SIDE
from ui.assets import ASSETS
from ui.components.bits import from_link
from ui.components.thumbnails import parse, thumbnails
from ui.inpainting import drawn_frames, links

FILE = ASSETS / "gallery.toml"
KEY, SHOWN = "gallery", "gallery case"


class Case(NamedTuple):
    """One of them."""

    name: str
    about: str
    link: dict[str, str]
    picture: np.ndarray  # (3, 28, 28) uint8, what is seen of it


@st.cache_resource(show_spinner=False)
def st_cases() -> tuple[Case, ...]:
    """All, as the file has them."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(_case(**fields) for fields in read["case"])


def _case(name: str, about: str, link: dict[str, str]) -> Case:
    ink = from_link(link["drawn"], SIDE, SIDE)
    hidden = links.mask_of(link.get("hide", "top"), SIDE)[0]
    seen = np.where(hidden[..., None], np.uint8(drawn_frames.HIDDEN), drawn_frames.grey(ink))
    return Case(name, about, link, seen.transpose(2, 0, 1))


def show(views: links.Views, link: dict[str, str]) -> None:
    """The cases in a row, and the sentence of the one that the page shows: `link` is its own."""
    cases = st_cases()
    at = next((i for i, case in enumerate(cases) if case.link == link), None)
    with st.container(key="telling-cases"):
        thumbnails(
            KEY,
            np.stack([case.picture for case in cases]),
            [case.name for case in cases],
            -1 if at is None else at,
            set_name=KEY,
            label="Telling cases",
            named=True,
            on_change=partial(_open, cases, views),
        )
        if at is not None:
            st.markdown(f"**{cases[at].name}.** {cases[at].about}")


def _open(cases: tuple[Case, ...], views: links.Views) -> None:
    at = parse(st.session_state[KEY].get("chosen"), KEY, len(cases))
    if at is not None:
        links.renewed(cases[at].link, views)
