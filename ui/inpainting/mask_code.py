"""Bits as a short text that fits into an address, and back."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np


def as_text(bits: np.ndarray) -> str:
    """Bool (H, W) → base64url of a zlib stream; about 100 characters for a drawn 28×28."""
    packed = np.packbits(bits).tobytes()
    return base64.urlsafe_b64encode(zlib.compress(packed, 9)).decode().rstrip("=")


def as_bits(text: str, side: int) -> np.ndarray:
    """Back, bool (side, side); never inflates more than that many bits need.

    Raises:
        ValueError: the text is not of `as_text`, or of another side.
    """
    size = -(-side * side // 8)
    try:
        stream = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        inflate = zlib.decompressobj()
        packed = inflate.decompress(stream, size + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError("expected packed bits") from error
    if len(packed) != size or not inflate.eof or inflate.unused_data:
        raise ValueError(f"expected {size} bytes of packed bits, got {len(packed)}")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))[: side * side]
    return bits.reshape(side, side).astype(bool)
