"""Uploaded pictures, read once and not at every run of the page, and kept when one cannot be read.

The last picture that could be read stands until another takes its place: neither a bad upload nor
a change of page loses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import streamlit as st

from ui import intake
from ui.components.square_crop import Square, square_crop

KINDS = ["png", "jpg", "jpeg", "gif", "bmp", "webp"]
"""Extensions of pictures."""
T = TypeVar("T")


class Upload(NamedTuple, Generic[T]):
    """What a visitor's files have come to."""

    asked: object  # what was read last: the file, and how
    problem: str | None  # why that could not be read
    content: T | None  # the last that could be
    revision: int  # how many could be


class Photo(NamedTuple):
    """A photograph, and the square of it that is meant."""

    pixels: np.ndarray  # (H, W, 3) uint8
    square: Square


def read_once(key: str, asked: object, read: Callable[[], T] | None) -> Upload[T]:
    """The upload `key`; `read` is called when `asked` has changed, and a problem is shown.

    Args:
        key: place in the session.
        asked: what tells this upload from the last.
        read: its content, or raises `intake.BadUpload`; None = there is no file.
    """
    held: Upload[T] = st.session_state.get(key, Upload(None, None, None, 0))
    if asked != held.asked:
        held = held._replace(asked=asked, problem=None)
        try:
            if read is not None:
                held = held._replace(content=read(), revision=held.revision + 1)
        except intake.BadUpload as error:
            held = held._replace(problem=str(error))
        st.session_state[key] = held
    if held.problem is not None:
        st.error(held.problem)
    return held


def square_of_photo(key: str, side: int, *, ask: str, hint: str, label: str) -> np.ndarray | None:
    """An uploaded photograph and a square to move over it; None while there is none.

    Args:
        key: Streamlit key, and place in the session.
        side: pixels of the result.
        ask: label of the uploader.
        hint: what stands there before there is a photograph.
        label: of the square.

    Returns:
        (3, side, side) uint8.
    """
    file = st.file_uploader(
        ask,
        type=KINDS,
        key=f"upload_{key}",
        help=f"The part in the square is made {side}×{side}; it never leaves this server's "
        "memory.",
    )

    def read() -> Photo:
        return Photo(intake.read_photo(file.getvalue(), file.name), Square())

    asked = None if file is None else file.file_id
    place = f"photo {key}"
    held = read_once(place, asked, None if file is None else read)
    if held.content is None:
        st.caption(hint)
        return None
    photo = held.content
    put = square_crop(
        f"crop_{key}", photo=photo.pixels, square=photo.square, revision=held.revision, label=label
    )
    if put is not None:
        photo = photo._replace(square=put)
        st.session_state[place] = held._replace(content=photo)
    square = intake.square_from_photo(photo.pixels, *photo.square, side=side)
    return np.ascontiguousarray(square.transpose(2, 0, 1))
