"""Python side of the live sliders: which messages it accepts and refuses."""

from __future__ import annotations

import json
import random
import string

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.components.live_sliders import LiveSlider, live_sliders, message_number, parse

SLIDERS = [LiveSlider("a", "A", -3, 3, 0.1), LiveSlider("b", "B", 1, 64, 2)]
LAST = {"a": 0.5, "b": 9.0}
VALID = {"rev": 2, "number": 7, "values": {"a": -2.7, "b": 33}}


def test_every_value_of_a_slider_is_taken_as_it_is() -> None:
    slider = SLIDERS[0]
    for tenth in range(-30, 31):
        assert slider.takes(tenth / 10)
        assert slider.nearest(tenth / 10) == tenth / 10
    assert slider.steps == 60


@pytest.mark.parametrize(
    ("value", "near"), [(-9, -3), (9, 3), (0.449, 0.4), (0.451, 0.5), (2.999, 3)]
)
def test_other_values_move_into_the_range_and_onto_a_step(value: float, near: float) -> None:
    assert SLIDERS[0].nearest(value) == near
    assert not SLIDERS[0].takes(value)


def test_the_last_step_stays_within_the_range() -> None:
    assert SLIDERS[1].nearest(64) == 63
    assert not SLIDERS[1].takes(64)
    assert LiveSlider("c", "C", 0, 1, 0.3).nearest(1) == 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 3},
        {"high": float("inf")},
        {"low": float("nan")},
        {"step": 0},
        {"step": 7},
        {"step": float("nan")},
        {"default": 4},
    ],
    ids=str,
)
def test_a_slider_without_a_range_is_refused(wrong: dict[str, float]) -> None:
    good = {"name": "a", "label": "A", "low": -3, "high": 3, "step": 0.1}
    with pytest.raises(ValueError, match="expected"):
        LiveSlider(**good | wrong)


def test_parse_takes_what_the_browser_sends() -> None:
    assert parse(json.loads(json.dumps(VALID)), SLIDERS, 2, LAST) == {"a": -2.7, "b": 33.0}
    assert parse(VALID | {"rev": "x"}, SLIDERS, "x", LAST) == {"a": -2.7, "b": 33.0}
    assert message_number(VALID) == 7


REFUSED = {
    "nothing": None,
    "a list": [1, 2],
    "empty": {},
    "an older revision": VALID | {"rev": 1},
    "revision as text": VALID | {"rev": "2"},
    "revision as bool": VALID | {"rev": True},
    "no values": {"rev": 2, "number": 7},
    "values as a list": VALID | {"values": [-2.7, 33]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_keeps_the_last_values(name: str) -> None:
    assert parse(REFUSED[name], SLIDERS, 2, LAST) == LAST


WRONG_VALUES = [None, "1", True, float("nan"), float("inf"), -3.1, 10**400, 0.05, [0], {}]


@pytest.mark.parametrize("value", WRONG_VALUES, ids=lambda value: repr(value)[:9])
def test_one_wrong_value_leaves_the_others(value: object) -> None:
    message = VALID | {"values": {"a": value, "b": 33, "c": 1}}
    assert parse(message, SLIDERS, 2, LAST) == {"a": 0.5, "b": 33.0}


@pytest.mark.parametrize("number", [None, "7", True, -1, 7.0, 2**53, 10**400])
def test_an_invalid_message_number_is_none(number: object) -> None:
    assert message_number(VALID | {"number": number}) == 0
    assert message_number(number) == 0


def test_parse_never_raises_and_returns_values_of_the_grid() -> None:
    source, moved = random.Random(0), 0
    for _ in range(3000):
        text = "".join(source.choices(string.printable, k=3))
        numbers = [0, 1, 2, -0.0, 1e-300, 1e400, 3 + 4j, -2.0, np.float64(1), 10**400, 2.3]
        junk = source.choice([*numbers, None, True, text, b"0", [], {}, object()])
        where = source.choice(["a", "b", "rev", "values"])
        message = VALID | {where: junk} | {"values": VALID["values"] | {where: junk}}
        values = parse(message, SLIDERS, 2, LAST)
        message_number(message)
        moved += values != LAST
        assert set(values) == {"a", "b"}
        assert all(type(values[s.name]) is float and s.takes(values[s.name]) for s in SLIDERS)
    assert moved > 1000


@pytest.mark.parametrize(
    ("sliders", "values"),
    [
        ([SLIDERS[0], SLIDERS[0]], LAST),
        (SLIDERS, {"a": 1.0}),
        (SLIDERS, LAST | {"b": float("nan")}),
    ],
    ids=["a name twice", "a value missing", "nan"],
)
def test_wrong_arguments_are_refused_with_a_message(
    sliders: list[LiveSlider], values: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        live_sliders("k", sliders, values, rev=1, label="Sliders")


def page() -> None:
    import streamlit as st

    from ui.components.live_sliders import LiveSlider, live_sliders

    sliders = [LiveSlider("a", "A", -3, 3, 0.1), LiveSlider("b", "B", 1, 64, 2)]
    rev = st.session_state.get("rev", 1)
    st.json(live_sliders("sliders", sliders, {"a": 7.0, "b": 9.2}, rev=rev, label="Sliders"))


def values_on(app: AppTest) -> dict[str, float]:
    assert not app.exception
    return json.loads(app.json[0].value)


def test_the_values_of_a_page_at_first_after_messages_and_after_a_new_revision() -> None:
    app = AppTest.from_function(page).run()
    assert values_on(app) == {"a": 3, "b": 9}
    app.session_state["sliders"] = {"moved": VALID | {"rev": 1}}
    assert values_on(app.run()) == {"a": -2.7, "b": 33}
    app.session_state["sliders"] = {"moved": {"rev": 1, "values": {"a": 99, "b": 35}}}
    assert values_on(app.run()) == {"a": -2.7, "b": 35}
    app.session_state["sliders"] = {"moved": "spoilt"}
    assert values_on(app.run()) == {"a": -2.7, "b": 35}
    app.session_state["rev"] = 2
    assert values_on(app.run()) == {"a": 3, "b": 9}
