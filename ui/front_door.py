"""The front page apart from the figures of the labs: the tour, lessons, and data sources."""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from dgm_core.checkout import PRETRAINED
from ui import colours, navigation
from ui.assets import entries

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_STYLE = """
.begin { align-items: center; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem }
.begin a {
  background: ACCENT; border-radius: 0.5rem; padding: 0.55rem 1.25rem;
  color: BACKGROUND; font-weight: 600; text-decoration: none;
}
.begin span { opacity: 0.75 }
.lesson a, .sources a { color: ACCENT; font-weight: 600 }
.sources {
  display: grid; gap: 0.75rem 2rem;
  grid-template-columns: max-content minmax(0, 5fr) max-content minmax(0, 6fr) max-content;
}
.sources code { font-size: 0.8em; overflow-wrap: anywhere; padding: 0 }
@media (max-width: 640px) {
  [class*=st-key-room] [data-testid=stColumn]:last-child { order: -1 }
}
@media (max-width: 900px) {
  .sources { gap: 0; grid-template-columns: minmax(0, 1fr) }
  .sources b:not(:first-child) { margin-top: 1rem }
}
""".replace("ACCENT", colours.accent.css).replace("BACKGROUND", colours.background.css)


class Source(NamedTuple):
    """A data set: which models of it are shipped, and where the data come from."""

    name: str
    data: list[str]  # its names on the cards of models
    about: str
    fetch: str  # arguments of `data fetch`; empty: always available
    licence: str
    address: str


def sources() -> tuple[Source, ...]:
    """The sources in `assets/sources.toml`."""
    return entries("sources.toml", Source)


@cache
def models_of() -> dict[str, list[tuple[str, int]]]:
    """Data set → (name, bytes) of every shipped model."""
    found: dict[str, list[tuple[str, int]]] = {}
    for card in sorted(PRETRAINED.glob("*.toml")):
        read = tomllib.loads(card.read_text(encoding="utf-8"))
        weights = card.with_suffix(".safetensors")
        if weights.exists():
            found.setdefault(read["data"], []).append((read["name"], weights.stat().st_size))
    return found


def tour() -> None:
    """The link to the first stop of the tour."""
    st.html(
        f"<style>{_STYLE}</style><div class=begin>"
        f'<a href="{escape(str(navigation.of_stop(1)))}">Take the tour</a>'
        f"<span>{len(navigation.stops())} stops, about five minutes</span></div>"
    )


def room(title: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The title of a lab, and columns for its text and figure; on a phone the figure is first."""
    with st.container(key=f"room {title}"):
        st.subheader(title, anchor=False)
        text, figure = st.columns([4, 7], gap="large")
    return text, figure


def lessons() -> None:
    """The lessons: a link, questions, and answers in a closed section."""
    st.subheader("For teachers", anchor="for-teachers")
    st.markdown(
        "Each lesson is a link that opens a lab with the settings that its questions refer to. "
        "Share the link with your class: everybody who opens it sees the same."
    )
    left, right = st.columns(2, gap="large")
    for i, each in enumerate(navigation.lessons()):
        with (left, right)[i % 2], st.expander(f"{each.title} · {each.minutes} min"):
            st.html(_lesson(each))


def _lesson(lesson: navigation.Lesson) -> str:
    address = escape(navigation.address(lesson.page, lesson.link))
    questions = "".join(f"<li>{escape(question)}</li>" for question in lesson.questions)
    answers = "".join(f"<li>{escape(answer)}</li>" for answer in lesson.answers)
    lab = escape(navigation.PAGES[lesson.page].label)
    return (
        f"<div class=lesson><p>{escape(lesson.about)}</p>"
        f'<p><a href="{address}">Open the lesson</a> in {lab}</p><ol>{questions}</ol>'
        f"<details><summary>What to expect</summary><ol>{answers}</ol></details></div>"
    )


def shipped() -> None:
    """A table of data sets: shipped models, commands for downloads, licences."""
    models = models_of()
    count = sum(map(len, models.values()))
    size = sum(bytes_ for group in models.values() for _, bytes_ in group)
    st.subheader("What is shipped, and what is not", anchor="what-is-shipped")
    st.markdown(
        f"{count} models are included, {size / 1e6:.0f} MB. This project trained them; the card "
        "of each states how, and its scores. Only the data sets of scikit-learn are included. The "
        "commands below download the others; in the environment of the app, write "
        "`python -m dgm_core` instead of `dgm`. Where a page needs images of MNIST, Omniglot or "
        "CelebA, a button fetches them once for everybody, if this server allows it. Without them "
        "the page shows images drawn by its model, says so, and scores nothing."
    )
    rows = "".join(
        _source(each, sum(len(models.get(name, [])) for name in each.data)) for each in sources()
    )
    st.html(f"<div class=sources>{rows}</div>")
    st.markdown(
        "The app and its library `dgm_core` are under the MIT licence; the data sets have their "
        "own licences. Each theory note cites the papers it follows, and each method its authors."
    )


def _source(source: Source, models: int) -> str:
    access = "included"
    if source.fetch:
        access = f"<code>dgm data fetch {escape(source.fetch)}</code>"
    return (
        f'<b><a href="{escape(source.address)}">{escape(source.name)}</a></b>'
        f"<span>{escape(source.about)}</span><span>{models} models</span>"
        f"<span>{access}</span><span>{escape(source.licence)}</span>"
    )
