"""The pages of the app, the bar above them, the tour and the lessons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from ui.assets import entries
from ui.components.page_bar import Card, Keys, page_bar


class Page(NamedTuple):
    """A page: its path in the address, its script, and its name in the bar."""

    path: str
    script: str
    label: str


PAGES = {
    page.path: page
    for page in (
        Page("", "app.py", "DGM Lab"),
        Page("Inpainting", "pages/1_Inpainting.py", "Inpainting"),
        Page("Exact_likelihood", "pages/2_Exact_likelihood.py", "Exact likelihood"),
        Page("Missing_not_at_random", "pages/3_Missing_not_at_random.py", "Missing not at random"),
        Page("Clusters", "pages/4_Clusters.py", "Clusters"),
        Page("WGAN_latent_space", "pages/5_WGAN_latent_space.py", "WGAN latent space"),
        Page("GAN_distances", "pages/6_GAN_distances.py", "GAN distances"),
        Page("Theory", "pages/7_Theory.py", "Theory"),
        Page("Your_table", "pages/8_Your_table.py", "Your table"),
    )
}
"""Path → page; the front page is first."""

TOUR = "tour"
"""Name in the address: the number of a stop of the tour, counted from 1."""
_TOURED = "stop of the tour"


class Stop(NamedTuple):
    """A stop of the tour: a page with given settings, and what to do and see there."""

    title: str
    text: str
    page: str
    link: dict[str, str]


class Lesson(NamedTuple):
    """A lesson for a class: a page with given settings, and questions about it."""

    title: str
    minutes: int
    about: str
    page: str
    link: dict[str, str]
    questions: list[str]
    answers: list[str]


def stops() -> tuple[Stop, ...]:
    """The stops in `assets/tour.toml`."""
    return entries("tour.toml", Stop)


def lessons() -> tuple[Lesson, ...]:
    """The lessons in `assets/lessons.toml`."""
    return entries("lessons.toml", Lesson)


def address(page: str, link: Mapping[str, Any]) -> str:
    """Relative address of a page with settings; it works on every page of the app."""
    return (page or "./") + (f"?{urlencode(link)}" if link else "")


def of_stop(number: int) -> str | None:
    """Address of a stop of the tour, counted from 1; None if there is no such stop."""
    if not 1 <= number <= len(stops()):
        return None
    stop = stops()[number - 1]
    return address(stop.page, stop.link | {TOUR: str(number)})


def bar(here: str, keys: Keys) -> None:
    """Draw the bar above the page `here`, and switch to the page that the visitor chooses."""
    number = _stop_at(here)
    card = None
    if number is not None:
        stop = stops()[number - 1]
        previous, following = of_stop(number - 1), of_stop(number + 1)
        card = Card(number, len(stops()), stop.title, stop.text, previous, following)
    names = [(page.path, page.label) for page in PAGES.values()]
    request = page_bar("page bar", names, here, keys, card)
    if request.leave and number is not None:
        st.session_state[_TOURED] = None
        st.rerun()
    if request.page is not None and request.page != here:
        st.switch_page(PAGES[request.page].script)


def touring() -> dict[str, str]:
    """The stop of the tour in the address, if the page on screen is one."""
    number = st.session_state.get(_TOURED)
    return {} if number is None else {TOUR: str(number)}


def _stop_at(here: str) -> int | None:
    """The stop of the tour that this page is; None outside the tour."""
    if _TOURED not in st.session_state:
        text = st.query_params.get(TOUR, "")
        known = text.isdecimal() and 1 <= len(text) <= 2 and of_stop(int(text)) is not None
        st.session_state[_TOURED] = int(text) if known else None
    number = st.session_state[_TOURED]
    if number is not None and stops()[number - 1].page != here:
        number = st.session_state[_TOURED] = None  # the visitor went to another page
    return number
