"""Python side of the transport to a point: what it accepts, refuses and sends."""

from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.components import transport as module
from ui.components.transport import Distribution, parse, transport

SAMPLE = Distribution(
    values=np.array([1.0, -1.0, 3.0]),
    weights=np.array([2.0, 1.0, 1.0]),
    mean=1.0,
    median=1.0,
    true_value=None,
    low=-2.0,
    high=4.0,
    grid=np.linspace(-2, 4, 7),
    density=np.ones(7),
)
VALID = {"rev": "alcohol", "at": 0.75}


def test_parse_takes_a_point_of_the_range() -> None:
    assert parse(json.loads(json.dumps(VALID)), SAMPLE, "alcohol") == 0.75
    at_an_end = parse({"rev": 3, "at": 4}, SAMPLE, 3)  # JavaScript writes 4.0 as 4
    assert type(at_an_end) is float
    assert at_an_end == 4


REFUSED = {
    "nothing": None,
    "a number": 0.75,
    "empty": {},
    "another revision": VALID | {"rev": "ash"},
    "revision as number": VALID | {"rev": 1},
    "no point": {"rev": "alcohol"},
    "text": VALID | {"at": "0.75"},
    "bool": VALID | {"at": True},
    "below": VALID | {"at": -2.01},
    "above": VALID | {"at": 4.01},
    "nan": VALID | {"at": float("nan")},
    "infinite": VALID | {"at": float("inf")},
    "immense": VALID | {"at": 10**400},
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_refuses(name: str) -> None:
    assert parse(REFUSED[name], SAMPLE, "alcohol") is None


def test_a_bool_is_no_revision() -> None:
    assert parse({"rev": True, "at": 0}, SAMPLE, 1) is None


def test_parse_never_raises() -> None:
    source, taken = random.Random(0), 0
    for _ in range(3000):
        text = "".join(source.choices(string.printable, k=3))
        numbers = [0, 1, 2**64, -0.0, 1e-300, 1e400, 3 + 4j, np.float64(1)]
        junk = source.choice([*numbers, None, True, text, b"0", [], {}, object()])
        point = parse(VALID | {source.choice(["rev", "at"]): junk}, SAMPLE, "alcohol")
        taken += point is not None
        assert point is None or (type(point) is float and SAMPLE.low <= point <= SAMPLE.high)
    assert 100 < taken < 1500


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": np.zeros(2)},
        {"values": np.zeros((3, 1)), "weights": np.ones((3, 1))},
        {"values": np.zeros(0), "weights": np.zeros(0)},
        {"values": np.array([1.0, np.nan, 3.0])},
        {"weights": np.array([2.0, -1.0, 1.0])},
        {"weights": np.zeros(3)},
        {"density": np.ones(6)},
        {"density": -np.ones(7)},
        {"mean": float("nan")},
        {"true_value": float("inf")},
        {"low": 4.0},
    ],
    ids=str,
)
def test_an_invalid_distribution_is_refused_with_a_message(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(SAMPLE, **wrong)


def test_a_first_point_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        transport("k", SAMPLE, title="Alcohol", at=float("nan"))


def test_the_sample_is_sent_in_double_precision_with_weights_that_sum_to_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = []
    monkeypatch.setattr(module, "_COMPONENT", lambda **arguments: sent.append(arguments["data"]))
    values = np.array([1 / 3, -np.pi, 3.0])
    transport("k", replace(SAMPLE, values=values), title="Alcohol", at=99)
    read = {name: np.frombuffer(base64.b64decode(sent[0][name])) for name in ("values", "weights")}
    assert (read["values"] == values).all()
    assert (read["weights"] == [0.5, 0.25, 0.25]).all()
    assert sent[0]["at"] == 4  # moved into the range
    json.dumps(sent[0], allow_nan=False)


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.transport import Distribution, transport

    grid = np.linspace(-1, 1, 5)
    distribution = Distribution(
        np.zeros(3), np.ones(3), 0.0, 0.0, 0.5, -1.0, 1.0, grid, np.ones(5)
    )
    rev = st.session_state.get("rev", 1)
    st.text(str(transport("transport", distribution, title="Alcohol", unit="SD", rev=rev)))


def test_the_point_of_a_page_at_first_after_a_move_and_after_a_new_revision() -> None:
    def point(app: AppTest) -> str:
        assert not app.exception
        return app.text[0].value

    app = AppTest.from_function(page).run()
    assert point(app) == "None"
    app.session_state["transport"] = {"point": {"rev": 1, "at": 0.25}}
    assert point(app.run()) == "0.25"
    app.session_state["rev"] = 2
    assert point(app.run()) == "None"
