"""Bits as components send them: eight to a byte, the first in its highest place, in base64."""

from __future__ import annotations

import base64
import math

import numpy as np


def pack(bits: np.ndarray) -> str:
    """Bits of any shape, row by row → base64.

    Example:
        >>> pack(np.array([[True, False, False], [False, False, True]]))
        'hA=='
    """
    return base64.b64encode(np.packbits(bits)).decode("ascii")


def unpack(text: object, *shape: int) -> np.ndarray:
    """The inverse of `pack` → bool of this shape.

    Raises:
        ValueError: `text` is not what `pack` makes of bits of this shape.
    """
    count = math.prod(shape)
    size = (count + 7) // 8
    if not isinstance(text, str) or len(text) != 4 * ((size + 2) // 3):
        raise ValueError(f"expected {size} bytes in base64")
    packed = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    if len(packed) != size:
        raise ValueError(f"expected {size} bytes in base64, got {len(packed)}")
    bits = np.unpackbits(packed, count=count).astype(bool).reshape(shape)
    if pack(bits) != text:
        raise ValueError("expected zeros after the last bit")
    return bits
