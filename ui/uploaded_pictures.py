"""Uploaded pictures: a digit that is cut out and centred, or a square of a photograph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from ui import intake
from ui.components.square_crop import Square, square_crop
from ui.uploads import read_once

KINDS = ["png", "jpg", "jpeg", "gif", "bmp", "webp"]
"""File name extensions of pictures."""
PRIVACY = "The picture stays in this server's memory; it is not stored."


class Photo(NamedTuple):
    """A photograph, and the square that is cut out of it."""

    pixels: np.ndarray  # (H, W, 3) uint8
    square: Square


def upload_digit(key: str, name: str) -> np.ndarray | None:
    """An uploader for a picture of a digit; None while there is none.

    Args:
        key: Streamlit key of the uploader.
        name: of the digit in the session.

    Returns:
        Levels (28, 28) uint8, ink = 255.
    """
    file = st.file_uploader("A digit on paper or on screen", type=KINDS, key=key, help=PRIVACY)

    def read() -> np.ndarray:
        digit = intake.digit_from_picture(intake.read_picture(file.getvalue(), file.name))
        return (digit * 255).round().astype(np.uint8)

    upload = read_once(
        name,
        None if file is None else file.file_id,
        None if file is None else read,
    )
    if upload.content is None:
        st.caption("Upload a picture of any size. The digit is cut out and centred.")
    return upload.content


def square_of_photo(
    key: str, side: int, *, upload_label: str, hint: str, label: str
) -> np.ndarray | None:
    """An uploader for a photograph, and a square to move over it; None while there is none.

    Args:
        key: Streamlit key, and where the photograph is kept in the session.
        side: pixels of the result.
        upload_label: label of the uploader.
        hint: shown while there is no photograph.
        label: of the square.

    Returns:
        (3, side, side) uint8.
    """
    file = st.file_uploader(
        upload_label,
        type=KINDS,
        key=f"upload_{key}",
        help=f"The part in the square is reduced to {side}×{side} pixels. {PRIVACY}",
    )

    def read() -> Photo:
        return Photo(intake.read_photo(file.getvalue(), file.name), Square())

    name = f"photo {key}"
    upload = read_once(
        name,
        None if file is None else file.file_id,
        None if file is None else read,
    )
    if upload.content is None:
        st.caption(hint)
        return None
    photo = upload.content
    moved = square_crop(
        f"crop_{key}",
        photo=photo.pixels,
        square=photo.square,
        revision=upload.revision,
        label=label,
    )
    if moved is not None:
        photo = photo._replace(square=moved)
        st.session_state[name] = upload._replace(content=photo)
    square = intake.square_from_photo(photo.pixels, *photo.square, side=side)
    return np.ascontiguousarray(square.transpose(2, 0, 1))
