"""Masks and black-and-white images as bytes: eight pixels to a byte, row by row.

The one encoding of masks: configurations of studies hold these bytes, and messages to the browser
and share links write them as text (`ui.components.bits`). The first pixel is the highest bit; the
last byte is filled with zeros.
"""

from __future__ import annotations

import math

import numpy as np


def pack(bits: np.ndarray) -> bytes:
    """Bool array of any shape → bytes.

    Example:
        >>> pack(np.array([[True, False, False], [False, False, True]]))
        b'\\x84'
    """
    return np.packbits(np.asarray(bits, bool)).tobytes()


def unpack(content: bytes, *shape: int) -> np.ndarray:
    """The inverse of `pack`: a bool array of this shape.

    Raises:
        ValueError: `content` is not what `pack` makes of an array of this shape.
    """
    count = math.prod(shape)
    size = (count + 7) // 8
    if len(content) != size:
        raise ValueError(f"expected {size} bytes of packed bits, got {len(content)}")
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    if bits[count:].any():
        raise ValueError("expected zeros after the last bit")
    return bits[:count].astype(bool).reshape(shape)
