"""Python side of the movable square: which messages it accepts and refuses."""

from __future__ import annotations

import base64
import io
import json
import random
import string

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ui.components import square_crop as module
from ui.components.square_crop import Square, parse, square_crop
from ui.intake import square_from_photo

VALID = {"x": 0.4, "y": 0.75, "size": 0.5, "rev": 2}


def test_parse_accepts_what_the_browser_sends() -> None:
    assert parse(json.loads(json.dumps(VALID)), 2) == Square(0.4, 0.75, 0.5)
    # JavaScript writes 1.0 as 1
    assert parse({"x": 0, "y": 1, "size": 1, "rev": 2}, 2) == (0.0, 1.0, 1.0)


REFUSED = {
    "nothing": None,
    "a list": [0.5, 0.5, 1],
    "empty": {},
    "an older revision": VALID | {"rev": 1},
    "revision as text": VALID | {"rev": "2"},
    "revision as float": VALID | {"rev": 2.0},
    "revision as bool": VALID | {"rev": True},
    "no x": VALID | {"x": None},
    "x as text": VALID | {"x": "0.5"},
    "x as bool": VALID | {"x": True},
    "x left of the photo": VALID | {"x": -0.01},
    "y below the photo": VALID | {"y": 1.01},
    "y nan": VALID | {"y": float("nan")},
    "y infinite": VALID | {"y": float("inf")},
    "size zero": VALID | {"size": 0},
    "size too small": VALID | {"size": 0.099},
    "size too large": VALID | {"size": 1.001},
    "size nan": VALID | {"size": float("nan")},
    "size immense": VALID | {"size": 10**400},
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_refuses(name: str) -> None:
    assert parse(REFUSED[name], 2) is None


def test_a_bool_is_no_revision() -> None:
    assert parse(VALID | {"rev": True}, 1) is None


def random_value(source: random.Random) -> object:
    text = "".join(source.choices(string.printable, k=3))
    numbers = [0, 1, -1, 2, 10**400, 0.5, -0.0, 1e-300, float("nan"), float("inf"), 3 + 4j]
    return source.choice([*numbers, None, True, text, b"0", [], {}, np.float64(0.5), object()])


def test_parse_never_raises_and_an_accepted_square_can_be_cropped() -> None:
    source, taken = random.Random(0), 0
    photo = np.zeros((30, 20, 3), np.uint8)
    for _ in range(5000):
        change = {source.choice(["x", "y", "size", "rev"]): random_value(source)}
        square = parse(VALID | change, 2)
        if square is not None:
            taken += 1
            assert all(type(number) is float for number in square)
            assert square_from_photo(photo, *square).shape == (64, 64, 3)
    assert 100 < taken < 2500


@pytest.mark.parametrize(
    "wrong",
    [
        {"photo": np.zeros((9, 9), np.uint8)},
        {"photo": np.zeros((9, 9, 4), np.uint8)},
        {"photo": np.zeros((9, 9, 3))},
        {"square": Square(size=0.05)},
        {"square": Square(centre_x=1.2)},
        {"square": Square(centre_y=float("nan"))},
    ],
    ids=["grey", "four channels", "floats", "too small", "outside", "nan"],
)
def test_wrong_arguments_are_refused_with_a_message(wrong: dict[str, object]) -> None:
    arguments = {"photo": np.zeros((9, 9, 3), np.uint8), "square": Square()} | wrong
    with pytest.raises(ValueError, match="expected"):
        square_crop("k", revision=1, label="Choose", **arguments)


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((40, 60), (60, 40)), ((512, 1024), (480, 240)), ((1024, 52), (25, 480))],
)
def test_the_photograph_is_sent_small(shape: tuple[int, int], shown: tuple[int, int]) -> None:
    photo = np.zeros((*shape, 3), np.uint8)
    photo[: shape[0] // 2, :, 0] = 200
    start, _, encoded = module._data_url(photo).partition(",")
    assert start == "data:image/jpeg;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
    assert picture.size == shown
    levels = np.asarray(picture).astype(int)
    assert np.abs(levels[: shown[1] // 4] - (200, 0, 0)).max() < 8
    assert levels[-shown[1] // 4 :].max() < 8


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.square_crop import Square, square_crop

    photo = np.zeros((30, 50, 3), np.uint8)
    put = square_crop("crop", photo=photo, square=Square(), revision=1, label="Choose a square")
    st.text(str(put))


def test_a_page_with_a_square_runs_before_it_is_moved() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == "None"
