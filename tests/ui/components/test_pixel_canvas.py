"""Python side of the pixel canvas: which messages it accepts and refuses."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.components.pixel_canvas import (
    Drawing,
    Stroke,
    drawing_canvas,
    pack,
    parse,
    pixel_canvas,
    unpack,
)

SIZES = [(28, 28), (32, 32), (64, 64), (112, 112), (1, 1), (3, 5), (7, 9)]


def message(bits: np.ndarray, /, **changes: object) -> dict[str, object]:
    """The browser's message for `bits`."""
    height, width = bits.shape
    valid = {"bits": pack(bits), "width": width, "height": height, "stroke": 4, "rev": 2}
    return valid | changes


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pack_and_unpack_are_inverse(height: int, width: int) -> None:
    bits = np.random.default_rng(0).random((height, width)) < 0.4
    np.testing.assert_array_equal(unpack(pack(bits), height, width), bits)


def test_pack_puts_the_first_pixel_in_the_highest_bit() -> None:
    bits = np.zeros((2, 8), bool)
    bits[0, 0] = bits[1, 7] = True
    assert base64.b64decode(pack(bits)) == b"\x80\x01"


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_parse_accepts_what_the_browser_sends(height: int, width: int) -> None:
    bits = np.random.default_rng(1).random((height, width)) < 0.4
    stroke = parse(json.loads(json.dumps(message(bits))), height, width, 2)
    assert isinstance(stroke, Stroke)
    assert stroke.number == 4
    assert stroke.bits.dtype == bool
    np.testing.assert_array_equal(stroke.bits, bits)


BITS = np.random.default_rng(2).random((3, 5)) < 0.5
HUGE = "A" * 10_000_000
REFUSED = {
    "nothing": None,
    "a list": [1, 2],
    "a string": "bits",
    "empty": {},
    "an older revision": message(BITS, rev=1),
    "a later revision": message(BITS, rev=3),
    "revision as text": message(BITS, rev="2"),
    "revision as float": message(BITS, rev=2.0),
    "another width": message(BITS, width=6),
    "swapped sizes": message(BITS, width=3, height=5),
    "width as bool": message(BITS[:, :1], width=True),
    "no stroke": message(BITS, stroke=None),
    "stroke zero": message(BITS, stroke=0),
    "stroke negative": message(BITS, stroke=-1),
    "stroke as bool": message(BITS, stroke=True),
    "stroke as float": message(BITS, stroke=4.0),
    "stroke nan": message(BITS, stroke=float("nan")),
    "stroke immense": message(BITS, stroke=10**400),
    "bits missing": message(BITS, bits=None),
    "bits as bytes": message(BITS, bits=pack(BITS).encode()),
    "bits as list": message(BITS, bits=BITS.tolist()),
    "bits empty": message(BITS, bits=""),
    "bits too short": message(BITS, bits=pack(BITS)[:-1]),
    "bits too long": message(BITS, bits=pack(BITS) + "AAAA"),
    "bits immense": message(BITS, bits=HUGE),
    "bits with a line break": message(BITS, bits="AA\n="),
    "bits of another alphabet": message(BITS, bits="-_8="),
    "bits not ascii": message(BITS, bits="äöü="),
    "bits a lone surrogate": message(BITS, bits="\ud800AA="),
    "one byte too many": message(BITS, bits="AAAA"),
    "one byte too few": message(BITS, bits="AA=="),
    "ink after the last pixel": message(BITS, bits="AAE="),
    "loose base64 tail": message(BITS, bits="AAB="),
    "padding only": message(BITS, bits="===="),
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_refuses(name: str) -> None:
    assert parse(REFUSED[name], 3, 5, 2) is None


def random_value(source: random.Random, depth: int = 0) -> object:
    """Random values, JSON-like or not."""
    leaves = [
        lambda: None,
        lambda: source.choice([True, False]),
        lambda: source.choice([0, 1, 2, 3, 5, -1, 2**31, 2**53, 10**30]),
        lambda: source.choice([2.0, float("nan"), float("inf"), -0.0]),
        lambda: "".join(source.choices(string.printable + "é\ud800\0", k=source.randrange(9))),
        lambda: source.randbytes(source.randrange(4)),
        lambda: base64.b64encode(source.randbytes(source.randrange(4))).decode(),
        lambda: np.zeros(3),
        object,
    ]
    if depth > 2 or source.random() < 0.6:
        return source.choice(leaves)()
    if source.random() < 0.3:
        return [random_value(source, depth + 1) for _ in range(source.randrange(4))]
    keys = ["bits", "width", "height", "stroke", "rev", "extra", 7, None]
    return {key: random_value(source, depth + 1) for key in keys if source.random() < 0.8}


def tampered_messages(source: random.Random) -> Iterator[object]:
    """Valid messages with one to three fields replaced by random values."""
    for _ in range(3000):
        fields = source.sample(["bits", "width", "height", "stroke", "rev"], source.randint(1, 3))
        yield message(BITS, **{field: random_value(source) for field in fields})


def test_parse_never_raises_and_never_lets_through_a_wrong_shape() -> None:
    source = random.Random(0)
    values = [*(random_value(source) for _ in range(5000)), *tampered_messages(source)]
    for value in values:
        stroke = parse(value, 3, 5, 2)
        if stroke is not None:
            assert stroke.bits.shape == (3, 5)
            assert stroke.bits.dtype == bool
            assert type(stroke.number) is int
            assert pack(stroke.bits) == value["bits"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bits": np.zeros((5, 3), bool)},
        {"bits": np.zeros((3, 5), np.uint8)},
        {"background": np.zeros((3, 4), np.uint8)},
        {"background": np.zeros((3, 5, 4), np.uint8)},
        {"background": np.zeros((3, 5))},
        {"drawing": Drawing(BITS, 0)},
        {"drawing": Drawing(np.zeros((12, 20)), 0)},
    ],
    ids=[
        "bits transposed",
        "bits not bool",
        "small picture",
        "four channels",
        "float picture",
        "coarse drawing",
        "float drawing",
    ],
)
def test_wrong_arrays_are_refused_with_a_message(wrong: dict[str, np.ndarray]) -> None:
    arguments = {"bits": BITS, "background": None} | wrong
    with pytest.raises(ValueError, match="expected"):
        pixel_canvas("k", mode="mask", height=3, width=5, revision=1, label="Hide", **arguments)


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.pixel_canvas import pixel_canvas

    stroke = pixel_canvas(
        "canvas",
        mode="mask",
        height=3,
        width=5,
        bits=np.zeros((3, 5), bool),
        revision=2,
        background=np.zeros((3, 5, 3), np.uint8),
        label="Hide pixels",
    )
    st.text("nothing" if stroke is None else f"{stroke.number}: {stroke.bits.sum()}")


def test_a_page_with_a_canvas_runs_without_strokes() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == "nothing"


def drawing_page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components.pixel_canvas import Drawing, drawing_canvas, drawn, pixel_canvas

    ink = Drawing(np.zeros((112, 112), bool), 0)
    bits = np.zeros((28, 28), bool)
    both = pixel_canvas(
        "both", mode="mask", height=28, width=28, bits=bits, revision=0, label="", drawing=ink
    )
    alone = drawing_canvas("alone", height=28, width=28, drawing=ink)
    st.text(f"{both} {alone} {drawn('both', 28, 28, 0)}")


def test_a_page_with_drawings_runs_without_strokes() -> None:
    app = AppTest.from_function(drawing_page).run()
    assert not app.exception
    assert app.text[0].value == "None None None"


def test_the_message_of_a_drawing_is_small() -> None:
    bits = np.random.default_rng(3).random((112, 112)) < 0.5
    assert len(json.dumps(message(bits))) < 2200
    with pytest.raises(ValueError, match="expected"):
        drawing_canvas("k", height=28, width=28, drawing=Drawing(bits[:28, :28], 0))
