"""The pages of the app, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from ui.assets import entries
from ui.components.page_bar import Card, Keys, page_bar


class Place(NamedTuple):
    """A page: its address, its script, and its name in the bar."""

    path: str
    script: str
    label: str


PLACES = {
    place.path: place
    for place in (
        Place("", "app.py", "DGM Lab"),
        Place("Inpainting", "pages/1_Inpainting.py", "Inpainting"),
        Place("Exact_likelihood", "pages/2_Exact_likelihood.py", "Exact likelihood"),
        Place(
            "Missing_not_at_random", "pages/3_Missing_not_at_random.py", "Missing not at random"
        ),
        Place("Clusters", "pages/4_Clusters.py", "Clusters"),
        Place("WGAN_latent_space", "pages/5_WGAN_latent_space.py", "WGAN latent space"),
        Place("GAN_distances", "pages/6_GAN_distances.py", "GAN distances"),
        Place("Theory", "pages/7_Theory.py", "Theory"),
    )
}
"""By address, the front door first."""

TOUR = "tour"
"""In an address: which stop of the tour it is, counted from 1."""
_TOURED = "stop of the tour"


class Stop(NamedTuple):
    """Of the tour: a place in a state of its own, and what to do and to see there."""

    title: str
    text: str
    page: str
    link: dict[str, str]


class Lesson(NamedTuple):
    """For a class: a place in a state of its own, and questions that it answers."""

    title: str
    minutes: int
    about: str
    page: str
    link: dict[str, str]
    questions: list[str]
    answers: list[str]


def stops() -> tuple[Stop, ...]:
    """The tour."""
    return entries("tour.toml", Stop)


def lessons() -> tuple[Lesson, ...]:
    """All of them."""
    return entries("lessons.toml", Lesson)


def address(page: str, link: Mapping[str, Any]) -> str:
    """Of a page in a state, as a browser on any of the pages resolves it."""
    return (page or "./") + (f"?{urlencode(link)}" if link else "")


def of_stop(number: int) -> str | None:
    """The address of a stop of the tour, counted from 1; None beyond its ends."""
    if not 1 <= number <= len(stops()):
        return None
    stop = stops()[number - 1]
    return address(stop.page, stop.link | {TOUR: str(number)})


def bar(here: str, keys: Keys) -> None:
    """The bar above the page `here`; leads on to where the visitor asks to go."""
    number = _stop_at(here)
    card = None
    if number is not None:
        stop = stops()[number - 1]
        back, on = of_stop(number - 1), of_stop(number + 1)
        card = Card(number, len(stops()), stop.title, stop.text, back, on)
    names = [(place.path, place.label) for place in PLACES.values()]
    asked = page_bar("page bar", names, here, keys, card)
    if asked.leave and number is not None:
        st.session_state[_TOURED] = None
        st.rerun()
    if asked.page is not None and asked.page != here:
        st.switch_page(PLACES[asked.page].script)


def touring() -> dict[str, str]:
    """What the address says of the tour, if the page on screen is one of its stops."""
    number = st.session_state.get(_TOURED)
    return {} if number is None else {TOUR: str(number)}


def _stop_at(here: str) -> int | None:
    """The stop of the tour that the visitor came to this page for."""
    if _TOURED not in st.session_state:
        asked = st.query_params.get(TOUR, "")
        known = asked.isdecimal() and 1 <= len(asked) <= 2 and of_stop(int(asked)) is not None
        st.session_state[_TOURED] = int(asked) if known else None
    number = st.session_state[_TOURED]
    if number is not None and stops()[number - 1].page != here:
        number = st.session_state[_TOURED] = None  # gone another way
    return number
