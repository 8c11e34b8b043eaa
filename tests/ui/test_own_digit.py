"""A drawing is centred and scaled as MNIST's digits are, for any position and size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE
from ui import own_digit
from ui.own_digit import FINE, centred, enlarged, first_drawing, levels


def stroke(corners: np.ndarray, radius: float) -> np.ndarray:
    """Ink of a round pen along corners (row, column), in cells."""
    where = np.moveaxis(np.indices((FINE, FINE)) + 0.5, 0, -1)
    ink = np.zeros((FINE, FINE), bool)
    for start, end in pairwise(corners):
        line = end - start
        along = np.clip((where - start) @ line / max(line @ line, 1e-9), 0, 1)
        ink |= np.linalg.norm(where - start - along[..., None] * line, axis=-1) <= radius
    return ink


SEVEN = np.array([[0.0, 0.0], [0.0, 0.6], [1.0, 0.2]])


def seven(top: float, left: float, size: float) -> np.ndarray:
    return stroke(SEVEN * size + [top, left], 0.08 * size)


@pytest.mark.parametrize(
    ("top", "left", "size"),
    [(3, 3, 30), (75, 80, 30), (50, 50, 15), (9, 20, 90), (30, 12, 60)],
    ids=["upper left corner", "lower right corner", "tiny", "large", "off the middle"],
)
def test_a_centred_digit_depends_on_neither_position_nor_size(
    top: float, left: float, size: float
) -> None:
    mine = levels(centred(seven(top, left, size))) > 0.5
    reference = levels(centred(seven(20, 30, 70))) > 0.5
    near = ndimage.binary_dilation(reference, structure=np.ones((3, 3)))
    core = ndimage.binary_erosion(reference)
    assert not (mine & ~near).any()  # every difference is within a pixel
    assert (mine >= core).all()
    rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    drawn = levels(centred(seven(top, left, size)))
    for mass in (drawn.sum(1), drawn.sum(0)):
        assert abs(mass @ np.arange(28) / mass.sum() - 14) <= 0.5


def test_without_centring_a_digit_depends_on_position_and_size() -> None:
    a, b = (levels(seven(*place)) > 0.5 for place in ((3, 3, 30), (9, 20, 90)))
    assert (a & b).sum() < 0.5 * a.sum()


def test_a_centred_digit_is_unchanged() -> None:
    there = centred(seven(20, 30, 70))
    np.testing.assert_array_equal(centred(there), there)
    nudged = np.roll(there, (1, -1), (0, 1))  # a quarter of a pixel
    np.testing.assert_array_equal(centred(nudged), nudged)
    moved = np.roll(there, (8, -8), (0, 1))
    assert not np.array_equal(centred(moved), moved)


def test_centring_is_idempotent() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        size = rng.uniform(0.02, 1)
        place = rng.uniform(0, 1 - size, 2)
        corners = (rng.random((rng.integers(2, 7), 2)) * size + place) * FINE
        ink = stroke(corners, rng.uniform(1, 10))
        once = centred(ink)
        np.testing.assert_array_equal(centred(once), once)
        assert once.any() == ink.any()


def test_whole_pixels_keep_their_position() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        pixels = rng.random((28, 28)) < rng.random()
        ink = enlarged(pixels)
        assert centred(ink) is ink
        np.testing.assert_array_equal(levels(ink), pixels)


def test_the_brightness_of_a_pixel_is_its_fraction_of_ink() -> None:
    ink = np.zeros((FINE, FINE), bool)
    ink[0, :4] = ink[4:8, 4:8] = ink[8:10, 8:10] = True
    expected = np.zeros((28, 28))
    expected[0, 0], expected[1, 1], expected[2, 2] = 1 / 4, 1, 1 / 4
    np.testing.assert_array_equal(levels(ink), expected)


def test_nothing_is_drawn_where_there_is_no_ink() -> None:
    blank = np.zeros((FINE, FINE), bool)
    assert not centred(blank).any()


def test_the_first_drawing_is_nearly_centred() -> None:
    ink = first_drawing(FINE)
    before, after = (levels(each) > 0.5 for each in (ink, centred(ink)))
    near = ndimage.binary_dilation(before, structure=np.ones((5, 5)))
    assert not (after & ~near).any()


def lab() -> None:
    import numpy as np
    import streamlit as st

    from ui.inpainting import masks, pictures

    state = st.session_state
    if "set" not in state:
        state.set = np.random.default_rng(2).random((28, 28)) < 0.3
        pictures.set_drawn(state.set)
        masks.remember(28, np.zeros((28, 28), bool))
        masks.replace(28, state.set[::-1])
    state.drawn = pictures.drawn()
    state.hidden = masks.current(28)[0]
    state.revision = pictures.drawing().revision
    for wrong in (state.set[:27], state.set.astype(int)):
        try:
            pictures.set_drawn(wrong)
        except ValueError as error:
            st.text(str(error))


def test_a_link_restores_a_drawing_and_a_mask_bit_for_bit() -> None:
    app = AppTest.from_function(lab, default_timeout=PATIENCE).run()
    assert not app.exception
    state = app.session_state
    np.testing.assert_array_equal(state.drawn, state.set)
    np.testing.assert_array_equal(state.hidden, state.set[::-1])
    assert state.revision == 1
    assert len(app.text) == 2


def widget() -> None:
    from ui import own_digit

    found = own_digit.draw_digit("canvas", "ink")
    import streamlit as st

    st.session_state.found = found


def test_the_canvas_with_its_toggle_gives_levels() -> None:
    app = AppTest.from_function(widget, default_timeout=PATIENCE).run()
    assert not app.exception
    centred = app.session_state.found
    assert centred.shape == (28, 28)
    assert centred.dtype == np.uint8
    assert len(np.unique(centred)) > 5  # soft edges
    app.toggle(key=f"keep.{own_digit.CENTRED}").set_value(False).run()
    plain = (levels(first_drawing(FINE)) * 255).round()
    np.testing.assert_array_equal(app.session_state.found, plain)
    app.session_state.ink = np.zeros((FINE, FINE), bool)
    assert app.run().session_state.found is None
