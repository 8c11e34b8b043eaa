"""Navigation: the tour, the lessons, the bar; every link opens its page with its settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.addresses import parameters
from tests.patience import PATIENCE
from ui import front_door, navigation
from ui.components import page_bar

ROOT = Path(__file__).parents[2]
LINKS = [(stop.title, stop.page, stop.link) for stop in navigation.stops()] + [
    (lesson.title, lesson.page, lesson.link) for lesson in navigation.lessons()
]


def opened(page: str, query: dict[str, str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / navigation.PAGES[page].script), default_timeout=PATIENCE)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


@pytest.mark.parametrize(("title", "page", "link"), LINKS, ids=[each[0] for each in LINKS])
def test_every_parameter_of_a_link_is_read(title: str, page: str, link: dict[str, str]) -> None:
    app = opened(page, link)
    assert not app.exception
    assert not app.error
    assert not app.toast
    assert link.items() <= parameters(app).items()


def test_the_address_keeps_the_stop_of_the_tour() -> None:
    app = opened("Clusters", {"tour": "5", "view": "Inside the mixture"})
    assert not app.toast
    assert parameters(app)["tour"] == "5"
    assert parameters(app)["view"] == "Inside the mixture"


@pytest.mark.parametrize("junk", ["0", "99", "-1", "x", "²", "5 ", "1" * 5000])
def test_an_unknown_stop_is_ignored(junk: str) -> None:
    app = opened("Clusters", {"tour": junk})
    assert not app.exception
    assert "tour" not in parameters(app)


def test_a_stop_belongs_to_its_page() -> None:
    app = opened("Theory", {"tour": "1"})
    assert "tour" not in parameters(app)


def test_the_tour_visits_every_lab_and_ends() -> None:
    assert {stop.page for stop in navigation.stops()} == set(navigation.PAGES) - {""}
    assert navigation.of_stop(0) is None
    assert navigation.of_stop(len(navigation.stops()) + 1) is None


def test_a_lesson_has_an_answer_to_each_question() -> None:
    for lesson in navigation.lessons():
        assert len(lesson.questions) == len(lesson.answers) >= 3, lesson.title


def test_every_shipped_model_belongs_to_a_named_source() -> None:
    named = {name for source in front_door.sources() for name in source.data}
    assert set(front_door.models_of()) == named


def test_every_page_is_in_the_bar() -> None:
    scripts = {page.script for page in navigation.PAGES.values()}
    found = {f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert scripts == found | {"app.py"}


@pytest.mark.parametrize("go", [None, 3, "Nowhere", ["Theory"], {}])
def test_other_messages_of_the_bar_are_ignored(go: object) -> None:
    request = page_bar.parse(go, "yes", [("", "home"), ("Theory", "Theory")])
    assert request == (None, False)


def test_a_page_of_the_bar_can_be_chosen() -> None:
    assert page_bar.parse("Theory", True, [("Theory", "Theory")]) == ("Theory", True)


def test_no_stop_asks_for_a_button_that_has_the_name_of_one_in_its_card() -> None:
    source = (ROOT / "ui/components/page_bar/page_bar.js").read_text(encoding="utf-8")
    labels = re.findall(r'rel: "(?:prev|next)".*?"([^"]+)"\)\)', source)
    assert len(labels) == 2
    for stop in navigation.stops():
        pressed = re.findall(r"[Pp]ress ([A-Z]\w+)", stop.text)
        assert not {label.split()[0] for label in labels} & set(pressed), stop.title
