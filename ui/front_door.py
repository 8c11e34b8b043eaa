"""What the front door has beside the labs' pictures: the tour, lessons, sources."""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from ui import colours, navigation
from ui.assets import PRETRAINED, entries

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
    """A data set: what of it is shipped, and where the rest comes from."""

    name: str
    data: list[str]  # as the models' cards call it
    about: str
    fetch: str  # arguments of `data fetch`; nothing for what is always there
    licence: str
    address: str


def sources() -> tuple[Source, ...]:
    """All of them."""
    return entries("sources.toml", Source)


@cache
def models_of() -> dict[str, list[tuple[str, int]]]:
    """Data set → name and bytes of every model that is shipped."""
    found: dict[str, list[tuple[str, int]]] = {}
    for card in sorted(PRETRAINED.glob("*.toml")):
        read = tomllib.loads(card.read_text(encoding="utf-8"))
        weights = card.with_suffix(".safetensors")
        if weights.exists():
            found.setdefault(read["data"], []).append((read["name"], weights.stat().st_size))
    return found


def tour() -> None:
    """The way into it: a link, as its stops are."""
    st.html(
        f"<style>{_STYLE}</style><div class=begin>"
        f'<a href="{escape(str(navigation.of_stop(1)))}">Take the tour</a>'
        f"<span>{len(navigation.stops())} stops, about five minutes</span></div>"
    )


def room(title: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Under a lab's title, where words go and the picture, which comes first on a phone."""
    with st.container(key=f"room {title}"):
        st.subheader(title, anchor=False)
        text, picture = st.columns([4, 7], gap="large")
    return text, picture


def lessons() -> None:
    """Links with questions; the answers are folded away."""
    st.subheader("For teachers", anchor="for-teachers")
    st.markdown(
        "Each lesson is a link that opens a lab in the state that its questions are about. Put it "
        "on the board, or send it round: whoever opens it sees the same."
    )
    left, right = st.columns(2, gap="large")
    for i, each in enumerate(navigation.lessons()):
        with (left, right)[i % 2], st.expander(f"{each.title} · {each.minutes} min"):
            st.html(_lesson(each))


def _lesson(lesson: navigation.Lesson) -> str:
    address = escape(navigation.address(lesson.page, lesson.link))
    asked = "".join(f"<li>{escape(question)}</li>" for question in lesson.questions)
    told = "".join(f"<li>{escape(answer)}</li>" for answer in lesson.answers)
    where = escape(navigation.PLACES[lesson.page].label)
    return (
        f"<div class=lesson><p>{escape(lesson.about)}</p>"
        f'<p><a href="{address}">Open the lesson</a> in {where}</p><ol>{asked}</ol>'
        f"<details><summary>What to expect</summary><ol>{told}</ol></details></div>"
    )


def shipped() -> None:
    """A table of data sets: models that come along, what is downloaded, licences."""
    models = models_of()
    count = sum(map(len, models.values()))
    size = sum(each for those in models.values() for _, each in those)
    st.subheader("What is shipped, and what is not", anchor="what-is-shipped")
    st.markdown(
        f"{count} models that this project has trained come along, {size / 1e6:.0f} MB, each with "
        "a card that says how and what it reaches. Of data sets only scikit-learn's are here; the "
        "others are downloaded when you ask for them, and until then a page shows what its model "
        "has drawn, and says so. Nothing is downloaded while you look."
    )
    rows = "".join(
        _source(each, sum(len(models.get(name, [])) for name in each.data)) for each in sources()
    )
    st.html(f"<div class=sources>{rows}</div>")
    st.markdown(
        "The app and its library `dgm_core` are under the MIT licence; the data sets keep theirs. "
        "Each theory note names the papers it follows, each method its authors."
    )


def _source(source: Source, models: int) -> str:
    way = "always here"
    if source.fetch:
        way = f"<code>python -m dgm_core data fetch {escape(source.fetch)}</code>"
    return (
        f'<b><a href="{escape(source.address)}">{escape(source.name)}</a></b>'
        f"<span>{escape(source.about)}</span><span>{models} models</span>"
        f"<span>{way}</span><span>{escape(source.licence)}</span>"
    )
