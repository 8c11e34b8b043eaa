"""Bits in share links: encoded, decoded, and invalid ones."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
import torch

from dgm_core.rng import generator
from ui.components.bits import from_link, to_link


@pytest.mark.parametrize("side", [28, 32, 64])
def test_bits_survive_the_round_trip(side: int) -> None:
    for rate in (0.0, 0.5, 1.0):
        bits = (torch.rand(side, side, generator=generator(side)) < rate).numpy()
        assert np.array_equal(from_link(to_link(bits), side, side), bits)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "top!",
        "<script>alert(1)</script>",
        "%00%ff",
        "ü",
        _text(b"no stream"),
        _text(zlib.compress(b"\0" * 97)),
        _text(zlib.compress(b"\0" * 99)),
        _text(zlib.compress(b"\0" * 98)[:-3]),
        _text(zlib.compress(b"\0" * 98) + b"more"),
        "A" * 3000,
    ],
)
def test_invalid_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        from_link(text, 28, 28)


def test_a_decompression_bomb_is_refused() -> None:
    bomb = _text(zlib.compress(b"\0" * 50_000_000, 9))
    with pytest.raises(ValueError, match="got 99"):
        from_link(bomb, 28, 28)
