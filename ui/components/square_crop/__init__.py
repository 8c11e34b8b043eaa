"""A movable square over a photograph: the part that the models get.

The browser owns the square. Python moves it by raising `revision` (a new upload, a link); at any
other rerun the square in the browser stays. After a drag, a key or a turn of the wheel, the
browser sends the square as the state `square`; a value of another form or revision is ignored.

Streamlit drops the state of a component that was not on screen, so the caller stores the last
square elsewhere and passes it again:

    moved = square_crop("crop", photo=photo, square=saved.square, revision=saved.revision,
                        label="Choose a square")
    if moved is not None:
        saved.square = moved
    face = square_from_photo(photo, *saved.square)
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "visually_hidden", "steering")

SHOWN_SIDE = 480
"""Largest side of the photograph in pixels, as it is sent."""
SMALLEST = 0.1
"""Smallest `Square.size`."""


class Square(NamedTuple):
    """A square of a photograph, in fractions as `intake.square_from_photo` takes them."""

    centre_x: float = 0.5
    """Fraction of the width, from the left."""
    centre_y: float = 0.5
    """Fraction of the height, from the top."""
    size: float = 1.0
    """Side as a fraction of the shorter side of the photograph."""


def square_crop(
    key: str,
    *,
    photo: np.ndarray,
    square: Square,
    revision: int,
    label: str,
    on_change: Callable[[], None] | None = None,
) -> Square | None:
    """Show the photograph and its square; return the square as moved since `revision`.

    Args:
        key: Streamlit key, one for each on screen.
        photo: (H, W, 3) uint8. Change it together with `revision`.
        square: shown when the component appears or `revision` changes; moved inside the
            photograph if necessary.
        revision: raise it to replace the square in the browser by `square`.
        label: shown above the photograph, and the square's name for screen readers.
        on_change: called before the rerun that a move starts; see `moved`.

    Returns:
        The square, inside the photograph; None if it was not moved since `revision`.

    Raises:
        ValueError: `photo` or `square` is not valid.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.dtype} {photo.shape}")
    if not _is_valid(*square):
        raise ValueError(f"expected a centre in [0, 1] and a size in [0.1, 1], got {square}")
    # The state may be one move ahead of the caller, so a new mount shows the returned square.
    current = moved(key, revision) or square
    result = _COMPONENT(
        key=key,
        data={
            "photo": _data_url(photo),
            "height": photo.shape[0],
            "width": photo.shape[1],
            "square": {"x": current.centre_x, "y": current.centre_y, "size": current.size},
            "smallest": SMALLEST,
            "shownSide": SHOWN_SIDE,
            "rev": revision,
            "label": label,
        },
        on_square_change=on_change or (lambda: None),
    )
    return parse(result.get("square"), revision)


def moved(key: str, revision: int) -> Square | None:
    """The moved square of `key`, read from the session; for use inside `on_change`."""
    state = st.session_state.get(key)
    return parse(state.get("square"), revision) if isinstance(state, dict) else None


def parse(value: object, revision: int) -> Square | None:
    """The square that the browser sent, or None for anything else. Never raises."""
    if not isinstance(value, dict):
        return None
    sent = value.get("rev")
    if type(sent) is not int or sent != revision:  # a bool is not a number here
        return None
    numbers = [value.get(name) for name in ("x", "y", "size")]
    if any(type(number) not in (int, float) for number in numbers) or not _is_valid(*numbers):
        return None
    return Square(*map(float, numbers))


def _is_valid(x: float, y: float, size: float) -> bool:
    return 0 <= x <= 1 and 0 <= y <= 1 and SMALLEST <= size <= 1  # NaN fails each


def _data_url(photo: np.ndarray) -> str:
    picture = Image.fromarray(np.ascontiguousarray(photo))
    scale = min(1.0, SHOWN_SIDE / max(picture.size))
    width, height = (math.ceil(length * scale) for length in picture.size)
    file = io.BytesIO()
    shown = picture.resize((width, height), Image.Resampling.BILINEAR)  # averages when reducing
    shown.save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
