"""Python side of the linked scatter: what it accepts, refuses, sends and stores."""

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

from ui.components.bits import pack
from ui.components.linked_scatter import (
    Categories,
    Ellipse,
    Panel,
    Ramp,
    linked_scatter,
    parse,
    sheet_of,
)
from ui.components.linked_scatter.palette import COLOURS, RAMP, colour
from ui.components.linked_scatter.wire import colouring_message, panel_message

BITS = np.random.default_rng(2).random(11) < 0.5
VALID = {"count": 11, "rev": "first", "bits": pack(BITS)}


@pytest.mark.parametrize("count", [1, 7, 8, 9, 5000, 10_000])
def test_parse_takes_what_the_browser_sends(count: int) -> None:
    bits = np.random.default_rng(count).random(count) < 0.3
    sent = {"count": count, "rev": 3, "bits": pack(bits)}
    chosen = parse(json.loads(json.dumps(sent)), count, 3)
    assert chosen is not None
    assert chosen.dtype == bool
    np.testing.assert_array_equal(chosen, bits)


REFUSED = {
    "nothing": None,
    "a list": [1, 2],
    "text": "bits",
    "empty": {},
    "another revision": VALID | {"rev": "second"},
    "revision as number": VALID | {"rev": 1},
    "another count": VALID | {"count": 12},
    "as many bytes, another count": VALID | {"count": 10},
    "count as float": VALID | {"count": 11.0},
    "count as text": VALID | {"count": "11"},
    "bits missing": VALID | {"bits": None},
    "bits as bytes": VALID | {"bits": pack(BITS).encode()},
    "bits as list": VALID | {"bits": BITS.tolist()},
    "bits too short": VALID | {"bits": pack(BITS)[:-1]},
    "bits too long": VALID | {"bits": pack(BITS) + "AAAA"},
    "bits immense": VALID | {"bits": "A" * 10_000_000},
    "one byte too few": VALID | {"bits": "AA=="},
    "one byte too many": VALID | {"bits": "AAAA"},
    "a bit after the last": VALID | {"bits": "ABA="},
    "a line break": VALID | {"bits": "AA\n="},
    "another alphabet": VALID | {"bits": "-_8="},
    "not ascii": VALID | {"bits": "äöü="},
    "a lone surrogate": VALID | {"bits": "\ud800AA="},
}


@pytest.mark.parametrize("name", REFUSED)
def test_parse_refuses(name: str) -> None:
    assert parse(VALID, 11, "first") is not None
    assert parse(REFUSED[name], 11, "first") is None


def test_a_bool_is_no_count_and_no_revision() -> None:
    assert parse({"count": True, "rev": 1, "bits": "gA=="}, 1, 1) is None
    assert parse({"count": 1, "rev": True, "bits": "gA=="}, 1, 1) is None


def test_parse_never_raises() -> None:
    source, taken = random.Random(0), 0
    for _ in range(3000):
        text = "".join(source.choices(string.printable + "é\ud800\0", k=source.randrange(5)))
        numbers = [0, 1, 11, 2**64, -1, float("nan"), float("inf"), 3j]
        packed = base64.b64encode(source.randbytes(2)).decode()
        junk = source.choice([*numbers, None, True, text, packed, b"0", [], {}, np.zeros(3)])
        message = VALID | {source.choice(list(VALID)): junk}
        chosen = parse(message, 11, "first")
        if chosen is not None:
            taken += 1
            assert chosen.shape == (11,)
            assert pack(chosen) == message["bits"]
    assert taken < 200


# --- What is sent


def places(sent: dict) -> np.ndarray:
    """Positions that the browser decodes for a panel."""
    steps = np.frombuffer(base64.b64decode(sent["xy"]), "<u2").reshape(-1, 2)
    return np.array(sent["low"]) + steps / 65535 * np.array(sent["span"])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_positions_are_sent_to_half_a_quantisation_step(scale: float) -> None:
    xy = np.random.default_rng(0).normal(size=(500, 2)) * [scale, 3] + [5 * scale, -2]
    read = places(json.loads(json.dumps(panel_message(Panel("", xy)), allow_nan=False)))
    half = (xy.max(0) - xy.min(0)) / 65535 / 2
    assert (np.abs(read - xy) <= half * 1.001).all()
    np.testing.assert_allclose(read.min(0), xy.min(0))
    np.testing.assert_allclose(read.max(0), xy.max(0))


def test_a_plane_without_extent_is_sent_as_it_is() -> None:
    xy = np.array([[2.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(places(panel_message(Panel("", xy))), xy)


def test_an_ellipse_keeps_its_numbers_and_gets_a_colour_of_the_palette_or_its_own() -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    ellipses = [Ellipse(1, 2, covariance, 12, "twelve"), Ellipse(0, 0, covariance, "#123456", "")]
    sent, own = panel_message(Panel("", np.zeros((3, 2)), ellipses))["ellipses"]
    assert sent["mean"] == [1, 2]
    assert sent["covariance"] == [2, 0.5, 1]
    assert sent["colour"] == COLOURS[2] == colour(12)
    assert own["colour"] == "#123456"


def test_categories_are_sent_as_bytes_and_no_category_as_255() -> None:
    codes = np.array([0, 2, -1, 1])
    sent = colouring_message(Categories("kind", codes, ["a", "b", "c"]))
    assert list(base64.b64decode(sent["codes"])) == [0, 2, 255, 1]
    assert sent["colours"] == list(COLOURS[:3])
    own = colouring_message(Categories("kind", codes, ["a", "b", "c"], ["red", "blue", "tan"]))
    assert own["colours"] == ["red", "blue", "tan"]
    many = colouring_message(Categories("kind", codes, [str(i) for i in range(23)]))
    assert many["colours"][13] == COLOURS[3]


def test_values_of_a_ramp_are_sent_in_single_precision_with_their_finite_range() -> None:
    values = np.array([0.1, np.nan, -3.0, np.inf])
    sent = colouring_message(Ramp("doubt", values, "low", "high"))
    read = np.frombuffer(base64.b64decode(sent["values"]), "<f4")
    np.testing.assert_array_equal(read, values.astype(np.float32))
    assert (sent["low"], sent["high"]) == (-3, 0.1)
    json.dumps(sent, allow_nan=False)


@pytest.mark.parametrize("shape", [(1, 28, 28), (7, 28, 28), (30, 4, 9), (10, 9, 2)])
def test_a_sheet_holds_every_image_at_its_position(shape: tuple[int, int, int]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    sheet = sheet_of(pictures)
    levels = np.array(Image.open(io.BytesIO(sheet.png)))
    assert levels.ndim == 2
    count, height, width = shape
    assert (sheet.count, sheet.height, sheet.width) == shape
    for i in range(count):
        row, column = divmod(i, sheet.columns)
        cell = levels[row * height :, column * width :][:height, :width]
        np.testing.assert_array_equal(cell, pictures[i])


def test_the_name_of_a_sheet_depends_on_its_content() -> None:
    pictures = np.zeros((4, 5, 5), np.uint8)
    other = pictures.copy()
    other[3, 2, 2] = 1
    assert sheet_of(pictures).name == sheet_of(pictures.copy()).name
    assert sheet_of(pictures).name != sheet_of(other).name


# --- What is refused at the door

XY = np.random.default_rng(1).normal(size=(4, 2))
CODES = np.array([0, 1, 1, 0])
KIND = Categories("kind", CODES, ["a", "b"])
WRONG_PARTS = {
    "flat places": lambda: Panel("", XY[:, 0]),
    "places in space": lambda: Panel("", np.zeros((4, 3))),
    "a place that is no number": lambda: Panel("", np.where(XY > 0, np.nan, XY)),
    "a covariance of one number": lambda: Panel("", XY, [Ellipse(0, 0, np.ones(1), 0, "a")]),
    "an infinite ellipse": lambda: Panel("", XY, [Ellipse(np.inf, 0, np.eye(2), 0, "a")]),
    "codes that are no whole numbers": lambda: Categories("kind", XY[:, 0], ["a"]),
    "codes in a matrix": lambda: Categories("kind", CODES[:, None], ["a", "b"]),
    "a code without a name": lambda: Categories("kind", CODES, ["a"]),
    "a code below none": lambda: Categories("kind", CODES - 2, ["a", "b"]),
    "a colour too few": lambda: Categories("kind", CODES, ["a", "b"], ["red"]),
    "names without end": lambda: Categories("kind", CODES, [str(i) for i in range(101)]),
    "values in a matrix": lambda: Ramp("r", XY),
    "no finite value": lambda: Ramp("r", np.full(4, np.nan)),
    "pictures of floats": lambda: sheet_of(np.zeros((4, 3, 3))),
    "one picture": lambda: sheet_of(np.zeros((3, 3), np.uint8)),
    "no pictures": lambda: sheet_of(np.zeros((0, 3, 3), np.uint8)),
}
WRONG_WHOLES = {
    "no panel": {"panels": []},
    "no colouring": {"colourings": []},
    "no point": {"panels": [Panel("", XY[:0])]},
    "too many points": {"panels": [Panel("", np.zeros((10_001, 2)))]},
    "panels of other lengths": {"panels": [Panel("", XY), Panel("two", XY[:3])]},
    "a colouring of another length": {"colourings": [Ramp("r", np.zeros(5))]},
    "two colourings of a name": {"colourings": [KIND, KIND]},
    "a selection of another length": {"selected": np.zeros(5, bool)},
    "a selection of numbers": {"selected": np.zeros(4)},
    "a picture too few": {"pictures": np.zeros((3, 5, 5), np.uint8)},
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_a_wrong_argument_gets_a_message(name: str) -> None:
    with pytest.raises(ValueError, match=r"^expected .+"):
        WRONG_PARTS[name]()


@pytest.mark.parametrize("name", WRONG_WHOLES)
def test_inconsistent_arguments_get_a_message(name: str) -> None:
    arguments = {"panels": [Panel("", XY)], "colourings": [KIND]} | WRONG_WHOLES[name]
    with pytest.raises(ValueError, match=r"^expected .+"):
        linked_scatter("k", label="Points", **arguments)


# --- On a page


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.components import linked_scatter as module
    from ui.components.linked_scatter import Categories, Panel, linked_scatter

    sent, mount = [], module._COMPONENT
    module._COMPONENT = lambda **arguments: sent.append(arguments["data"]) or mount(**arguments)
    state = st.session_state
    chosen = state.get("selected")
    if state.get("shown", True):
        chosen = linked_scatter(
            "scatter",
            [Panel("", np.arange(22.0).reshape(11, 2))],
            [Categories("kind", np.zeros(11, int), ["all"])],
            label="Points",
            pictures=np.zeros((11, 3, 3), np.uint8),
            selected=state.get("selected"),
            revision=state.get("revision", 1),
        )
    module._COMPONENT = mount
    state.sent = sent
    st.text("none" if chosen is None else str(np.flatnonzero(chosen).tolist()))


def selection_of(*indices: int) -> np.ndarray:
    bits = np.zeros(11, bool)
    bits[list(indices)] = True
    return bits


def message(bits: np.ndarray, rev: int = 1) -> dict[str, object]:
    return {"selection": {"count": 11, "rev": rev, "bits": pack(bits)}}


def shown_selection(app: AppTest) -> str:
    app.run()
    assert not app.exception
    return app.text[0].value


def test_a_selection_is_returned_and_sends_nothing_to_the_browser() -> None:
    app = AppTest.from_function(page)
    assert shown_selection(app) == "none"
    first = app.session_state["sent"]
    app.session_state["scatter"] = message(selection_of(2, 5))
    assert shown_selection(app) == "[2, 5]"
    app.session_state["selected"] = selection_of(2, 5)  # like a caller that stores the selection
    assert shown_selection(app) == "[2, 5]"
    app.session_state["scatter"] = message(selection_of())
    assert shown_selection(app) == "none"  # cleared, although the caller still passes a selection
    assert app.session_state["sent"] == first


def test_another_revision_replaces_the_selection() -> None:
    app = AppTest.from_function(page)
    app.session_state["selected"] = selection_of(0)
    assert shown_selection(app) == "[0]"
    app.session_state["scatter"] = message(selection_of(2, 5))
    assert shown_selection(app) == "[2, 5]"
    before = app.session_state["sent"][0]
    app.session_state["revision"] = 2
    app.session_state["selected"] = selection_of(7)
    assert shown_selection(app) == "[7]"
    (after,) = app.session_state["sent"]
    assert after["selected"] == pack(selection_of(7))
    assert after["turn"] > before["turn"]


def test_data_that_streamlit_discarded_are_sent_again() -> None:
    app = AppTest.from_function(page)
    shown_selection(app)
    app.session_state["scatter"] = message(selection_of(2, 5))
    shown_selection(app)
    before = app.session_state["sent"][0]
    app.session_state["shown"] = False
    app.session_state["selected"] = selection_of(2, 5)
    shown_selection(app)
    assert "scatter" not in app.session_state
    app.session_state["shown"] = True
    assert shown_selection(app) == "[2, 5]"
    (after,) = app.session_state["sent"]
    assert after["selected"] == pack(selection_of(2, 5))
    assert after["turn"] > before["turn"]


# --- The palette

TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
SIGHT = {  # Machado et al. 2009, severity 1, in linear RGB
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colours: tuple[str, ...]) -> np.ndarray:
    """#rrggbb → linear RGB, (n, 3)."""
    s = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    return np.cbrt(np.clip(rgb, 0, 1) @ TO_LMS.T) @ TO_LAB.T


def luminance(colours: tuple[str, ...]) -> np.ndarray:
    return linear(colours) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_differ_also_with_colour_blindness(sight: str) -> None:
    assert closest(sight, COLOURS) >= (0.14 if sight == "normal" else 0.09)
    assert closest(sight, COLOURS[:4]) >= 0.15


def closest(sight: str, colours: tuple[str, ...]) -> float:
    """The smallest distance in OKLab between two colours."""
    seen = lab(linear(colours) @ np.transpose(SIGHT[sight]))
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1)
    return float(apart[~np.eye(len(colours), dtype=bool)].min())


@pytest.mark.parametrize("paper", ["#FFFFFF", "#12141C"])
def test_colours_show_on_light_and_dark_pages(paper: str) -> None:
    under = luminance((paper,))
    for colours, least in ((COLOURS, 1.9), (RAMP, 1.55)):
        over = luminance(colours)
        contrast = (np.maximum(over, under) + 0.05) / (np.minimum(over, under) + 0.05)
        assert contrast.min() >= least


def test_the_ramp_grows_lighter_also_with_colour_blindness() -> None:
    for sight in SIGHT.values():
        lightness = lab(linear(RAMP) @ np.transpose(sight))[:, 0]
        assert (np.diff(lightness) > 0.02).all()
