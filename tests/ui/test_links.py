"""Settings declared once: their readers, texts and widgets, and their share links."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE
from ui import links
from ui.links import Setting

STEPS = Setting("sweep steps", 500, options=(100, 200, 500, 1000))
PENALTY = Setting("penalty", 1.0, options=(0.1, 1.0, 50.0))
NAMES = Setting("names", ["a"], options={"a": "First", "b": "Second", "c": "Third"}, several=2)
SEED = Setting("seed", 0, low=0, high=9999)
THETA = Setting("theta", 1.0, low=0.0, high=2.0, step=0.1)
ON = Setting("train spread", True, link="spread")
UPPER = Setting("shout", "A", read=str.upper, write=str.lower)


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (STEPS, "200", 200),
        (PENALTY, "50", 50.0),
        (PENALTY, "0.1", 0.1),
        (NAMES, "b,c", ["b", "c"]),
        (SEED, "17", 17),
        (SEED, "-1", 0),
        (SEED, "123456789", 9999),
        (THETA, "0.34", 0.3),
        (THETA, "9", 2.0),
        (ON, "False", False),
        (UPPER, "x", "X"),
    ],
)
def test_texts_of_an_address_are_read(setting: Setting, text: str, value: Any) -> None:
    assert setting.read(text) == value
    assert type(setting.read(text)) is type(value)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (STEPS, "7"),
        (PENALTY, "nan"),
        (NAMES, "a,b,c"),
        (NAMES, ""),
        (NAMES, "a,<script>"),
        (SEED, "1.5"),
        (THETA, "nan"),
        (THETA, "inf"),
        (ON, "yes"),
    ],
)
def test_a_text_that_no_widget_wrote_is_an_error(setting: Setting, text: str) -> None:
    with pytest.raises(links.UNREADABLE):
        setting.read(text)


def test_a_setting_without_a_range_is_an_error() -> None:
    with pytest.raises(TypeError, match="expected options, low and high, or read for 'x'"):
        Setting("x", 1)
    with pytest.raises(TypeError, match="expected a step"):
        Setting("x", 0.5, low=0, high=1)


@pytest.mark.parametrize("value", [["a", "b"], 2.0, 50.0, 0.0005, 7, True, "moons"])
def test_a_value_is_written_as_it_is_read(value: Any) -> None:
    options = value if isinstance(value, list) else [value]
    read = links.some_of(2, *options) if isinstance(value, list) else links.one_of(value)
    assert read(links.as_text(value)) == value


def page() -> None:
    """A page with two views, each with settings of its own."""
    import streamlit as st

    from ui import links
    from ui.links import Setting

    steps = Setting("steps", 500, options=(100, 200, 500))
    model = Setting("model", "a", options={"a": "First", "b": "Second"})
    seed = Setting("seed", 0, low=0, high=9999)
    theta = Setting("theta", 1.0, low=0.0, high=2.0, step=0.1)
    spread = Setting("spread", True, link="wide")
    views = {"One": (steps, model, spread), "Two": (seed, theta)}
    view = Setting("a view", "One", options=tuple(views), link="view")
    links.receive("a", [view, *(each for some in views.values() for each in some)])
    chosen = view.widget(st.selectbox, "View")
    if chosen == "One":
        steps.widget(st.select_slider, "Steps")
        available = ["b"] if "only b" in st.session_state else ["a", "b"]
        model.widget(st.selectbox, "Model", options=available)
        spread.widget(st.toggle, "Wide")
    else:
        seed.widget(st.number_input, "Seed")
        theta.widget(st.slider, "θ")
    skip = "short" in st.session_state
    links.send(links.texts([view, *views[chosen]], skip_first=skip))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def address(app: AppTest) -> dict[str, Any]:
    return {
        name: text if isinstance(text, str) else text[0] for name, text in app.query_params.items()
    }


def test_a_fresh_page_shows_first_values_and_writes_the_settings_of_its_view() -> None:
    app = opened()
    assert not app.exception
    assert app.select_slider[0].value == 500
    assert app.selectbox[1].options == ["First", "Second"]
    assert address(app) == {"view": "One", "steps": "500", "model": "a", "wide": "True"}


def test_a_link_sets_the_widgets_of_every_view() -> None:
    app = opened(view="Two", seed="12", theta="0.34", steps="200", wide="False")
    assert (app.number_input[0].value, app.slider[0].value) == (12, 0.3)
    assert (app.slider[0].min, app.slider[0].max, app.slider[0].step) == (0.0, 2.0, 0.1)
    assert address(app) == {"view": "Two", "seed": "12", "theta": "0.3"}
    app.selectbox[0].set_value("One").run()
    assert app.select_slider[0].value == 200
    assert app.toggle[0].value is False
    assert not app.exception


def test_unknown_values_are_named_and_left_out() -> None:
    app = opened(steps="7", model="<script>", seed="9" * 3000, tour="x", junk="1")
    assert app.toast[0].value.endswith("left out: model, steps.")
    assert app.select_slider[0].value == 500
    assert "junk" not in address(app)


def test_an_unavailable_option_is_replaced_by_an_available_one() -> None:
    app = opened(model="a")
    app.session_state["only b"] = True
    app.run()
    assert not app.exception
    assert (app.selectbox[1].value, address(app)["model"]) == ("b", "b")


def test_default_values_can_be_left_out() -> None:
    app = opened(steps="200")
    app.session_state["short"] = True
    app.run()
    assert address(app) == {"steps": "200"}


def test_a_link_without_a_setting_means_the_value_that_was_first_when_it_was_written() -> None:
    def page() -> None:
        from ui import links

        run = links.Setting("run", "new", options=("new", "old"), unnamed="old")
        seed = links.Setting("seed", 0, low=0, high=9)
        links.receive("page", [run, seed])
        run.widget(__import__("streamlit").selectbox, "Run")

    def opened(**address: str) -> str:
        app = AppTest.from_function(page, default_timeout=PATIENCE)
        for name, text in address.items():
            app.query_params[name] = text
        return app.run().selectbox[0].value

    assert opened() == "new"
    assert opened(tour="3") == "new"
    assert opened(seed="5") == "old"
    assert opened(seed="5", run="new") == "new"
