"""Links to the MNAR lab: they carry every setting, and no link breaks the page."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE
from ui.frame import KEPT
from ui.mnar import mechanism

IRIS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]

SETTINGS = {
    "mnar view": "One cell",
    "table": "iris",
    "why.iris": "another column",
    "columns.iris": [IRIS[0], IRIS[3]],
    "driver.iris": IRIS[2],
    "own cells.iris": "low values",
    "direction": "low",
    "threshold": -1.3,
    "strength": 3.0,
    "base rate": 0.15,
    "chance rate": 0.85,
    "mnar seed": 9999,
    "assumed": "own value, direction unknown",
    "decoder": "tanh",
    "length": "Long",
    "draws": 50,
    "training seed": 7,
    "restarts length": "Short",
    "restarts seed": 3,
    "prediction runs": 10,
    "prediction seed": 4,
    "clip threshold": 0.6,
    "clip strength": 20.0,
    "clip assumed": "as set",
}
"""Name of a kept widget → a value that is not its default."""


def visit() -> None:
    from ui import links
    from ui.mnar.views import all_settings

    links.receive("mnar", all_settings())
    links.send(links.texts(all_settings(), skip_first=True))


def sent(settings: dict[str, Any]) -> dict[str, Any]:
    """The address that a visitor with these settings has."""
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    app.session_state["mnar link"] = True  # received before
    for name, value in settings.items():
        app.session_state[KEPT + name] = value
    app.run()
    assert not app.exception
    return dict(app.query_params)


def received(address: dict[str, Any]) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """Settings that the address leads to, the message, and the address it becomes."""
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    state = app.session_state  # it has no get
    last = state["last values"] if "last values" in state else {}  # noqa: SIM401
    settings = {name.removeprefix(KEPT): value for name, value in last.items()}
    message = " ".join(toast.value for toast in app.toast)
    return settings, message, dict(app.query_params)


def test_a_link_carries_every_setting() -> None:
    address = sent(SETTINGS)
    settings, message, again = received(address)
    assert settings == SETTINGS
    assert message == ""
    assert again == address


def test_a_link_with_an_earlier_name_of_a_view_still_opens_it() -> None:
    settings, message, _ = received({"view": "One entry"})
    assert settings == {"mnar view": "One cell"}
    assert message == ""


def test_a_link_with_the_earlier_setting_of_a_direction_still_opens() -> None:
    settings, message, _ = received({"assumed-direction": "low", "length": "Long"})
    assert settings == {"length": "Long"}
    assert message == ""


def test_an_untouched_lab_has_a_bare_address() -> None:
    assert sent({}) == {}
    first = {"mnar view": "Watch", "table": "breast", "strength": 50.0, "mnar seed": 0}
    assert sent(first) == {}
    assert received({}) == ({}, "", {})


CHOICES = {
    "strength": mechanism.STRENGTH.options,
    "own cells.breast": tuple(mechanism.OWN_CELLS),
    "threshold": [round(-2 + 0.1 * i, 6) for i in range(41)],
    "base rate": [round(0.05 * i, 6) for i in range(11)],
    "chance rate": [round(0.05 * i, 6) for i in range(1, 19)],
    "why.breast": tuple(mechanism.WHY),
    "draws": (1, 5, 10, 20, 50),
    "length": ("Short", "Normal", "Long"),
    "columns.breast": ([], ["mean radius"], ["mean texture", "worst fractal dimension"]),
}


def every_choice() -> None:
    import streamlit as st

    from tests.ui.mnar.test_links import CHOICES, KEPT
    from ui import links
    from ui.mnar.views import all_settings

    name = st.session_state["name"]
    for value in CHOICES[name]:
        st.session_state[KEPT + name] = value
        links.send(links.texts(all_settings(), skip_first=True))
        for key in ("mnar link", KEPT + name, "last values"):  # another visitor
            st.session_state.pop(key, None)
        links.receive("mnar", all_settings())
        settings = st.session_state.get("last values", {KEPT + name: value})  # its first value
        assert settings == {KEPT + name: value}, (value, dict(st.query_params))


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_of_a_widget_survives_the_link(name: str) -> None:
    app = AppTest.from_function(every_choice, default_timeout=PATIENCE)
    app.session_state["name"] = name
    app.run()
    assert not app.exception
    assert not app.toast


CLAMPED = {
    "negative": ("threshold", "-7", "threshold", -2.0),
    "huge": ("threshold", "1e300", "threshold", 2.0),
    "negative seed": ("seed", "-1", "mnar seed", 0),
    "huge seed": ("seed", "9" * 200, "mnar seed", 9999),
    "between two steps": ("rate", "0.123", "base rate", 0.1),
    "rate of all": ("chance", "1", "chance rate", 0.9),
    "repeated": ("seed", ["3", "4"], "mnar seed", 4),
    "repeated column": ("columns", "0.0", "columns.breast", ["mean radius"]),
}


@pytest.mark.parametrize("case", CLAMPED)
def test_a_number_out_of_range_is_moved_into_it(case: str) -> None:
    name, text, widget, value = CLAMPED[case]
    settings, message, _ = received({name: text})
    assert settings == {widget: value}
    assert message == ""


BAD = {
    "nan": ("threshold", "nan"),
    "infinite": ("threshold", "-inf"),
    "too large a number": ("rate", "1e999"),
    "text for a number": ("seed", "one"),
    "a fraction of a seed": ("training", "1.5"),
    "unknown view": ("view", "Nowhere"),
    "unknown table": ("table", "../../etc/passwd"),
    "script": ("view", "<script>alert(1)</script>"),
    "script as table": ("table", "<script>alert(1)</script>"),
    "broken base64": ("columns", "eJzt%%=="),
    "no such column": ("columns", "0.30"),
    "negative column": ("columns", "-1"),
    "3,000 characters": ("columns", "1." * 1500),
    "3,000 digits": ("seed", "x" + "1" * 2999),
    "nothing": ("driver", ""),
    "zero byte": ("why", "\0"),
    "not a choice": ("k", "7"),
    "a strength between": ("strength", "4"),
}


@pytest.mark.parametrize("case", BAD)
def test_unknown_values_are_left_out_and_named(case: str) -> None:
    name, text = BAD[case]
    settings, message, address = received({name: text, "direction": "low", "nobody": "1"})
    assert settings == {"direction": "low"}
    assert message == f"A part of the link was not understood and left out: {name}."
    assert address == {"direction": "low"}


def test_a_link_is_read_once_in_a_visit() -> None:
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    app.query_params["seed"] = "3"
    app.run()
    app.session_state[KEPT + "mnar seed"] = 4  # a later change by the visitor
    app.run()
    assert app.query_params["seed"] == "4"
    app.run()
    assert app.session_state[KEPT + "mnar seed"] == 4
