"""Packed masks come back as they were; other bytes are refused."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_core.missing.packing import pack, unpack


@pytest.mark.parametrize("shape", [(28, 28), (3, 5), (7,), (2, 3, 4)])
def test_packing_is_lossless(shape: tuple[int, ...]) -> None:
    bits = np.random.default_rng(0).random(shape) < 0.5
    content = pack(bits)
    assert len(content) == -(-bits.size // 8)
    assert np.array_equal(unpack(content, *shape), bits)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 bytes of packed bits, got 3"):
        unpack(bytes(3), 3, 5)
    with pytest.raises(ValueError, match="expected zeros after the last bit"):
        unpack(b"\0\1", 3, 5)
