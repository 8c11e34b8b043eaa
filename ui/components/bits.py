"""Packed bits (`dgm_core.missing.packing`) as text: in messages to the browser, in share links.

`pack` and `unpack` write plain base64 of a fixed length, which `shared/bits.js` reads and writes.
`to_link` and `from_link` write compressed base64 for share links: about 100 characters for a drawn
mask of 28×28. A link that cannot be inflated to exactly the expected size is refused, and never
inflates to more.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib

import numpy as np

from dgm_core.missing import packing


def pack(bits: np.ndarray) -> str:
    """Bits of any shape → base64.

    Example:
        >>> pack(np.array([[True, False, False], [False, False, True]]))
        'hA=='
    """
    return base64.b64encode(packing.pack(bits)).decode("ascii")


def unpack(text: object, *shape: int) -> np.ndarray:
    """The inverse of `pack`: a bool array of this shape.

    Raises:
        ValueError: `text` is not what `pack` makes of bits of this shape.
    """
    size = (math.prod(shape) + 7) // 8
    if not isinstance(text, str) or len(text) != 4 * ((size + 2) // 3):
        raise ValueError(f"expected {size} bytes in base64")
    bits = packing.unpack(base64.b64decode(text, validate=True), *shape)
    if pack(bits) != text:
        raise ValueError(f"expected {size} bytes in base64")
    return bits


def to_link(bits: np.ndarray) -> str:
    """Bits of any shape → base64 for addresses, of a zlib stream."""
    stream = zlib.compress(packing.pack(bits), 9)
    return base64.urlsafe_b64encode(stream).decode("ascii").rstrip("=")


def from_link(text: str, *shape: int) -> np.ndarray:
    """The inverse of `to_link`: a bool array of this shape.

    Raises:
        ValueError: `text` is not what `to_link` makes of bits of this shape.
    """
    size = (math.prod(shape) + 7) // 8
    try:
        stream = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        inflate = zlib.decompressobj()
        content = inflate.decompress(stream, size + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError("expected packed bits") from error
    if not inflate.eof or inflate.unused_data:
        raise ValueError(f"expected {size} bytes of packed bits, got {len(content)}")
    return packing.unpack(content, *shape)
