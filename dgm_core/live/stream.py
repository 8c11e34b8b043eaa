"""The random stream of the live engine: numbers as a function of a seed and three counters.

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011) maps a key (the two halves of the seed) and four
counters (block, chain, iteration, purpose) to four words of 32 bits. Word i of a purpose is word
i mod 4 of block ⌊i / 4⌋. It gives

    uniform i          u_i = (word_i + ½) / 2³²,  strictly between 0 and 1
    normals i, i + 1   √(−2 ln u_i) · (cos 2π u_{i+1}, sin 2π u_{i+1})  for even i

in 64 bits. The resolution of u limits normals to ±6.8. `engine/stream.js` computes the same.

    >>> words = philox(np.zeros((1, 4), np.uint32), (0, 0))
    >>> [f"{word:08x}" for word in words[0]]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dgm_core.rng import OwnNoise

LATENTS, ACCEPTANCE, PIXELS = 0, 1, 2
"""Purposes: noise of the proposal, accept or reject, draw of the hidden pixels."""

_FACTORS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF


def philox(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Counters (n, 4) uint32 and a key of two words → words (n, 4) uint32."""
    x = [column.astype(np.uint64) for column in counters.T]
    low, high = key
    for _ in range(10):
        first, second = x[0] * np.uint64(_FACTORS[0]), x[2] * np.uint64(_FACTORS[1])
        x = [
            second >> np.uint64(32) ^ x[1] ^ np.uint64(low),
            second & np.uint64(_LOW),
            first >> np.uint64(32) ^ x[3] ^ np.uint64(high),
            first & np.uint64(_LOW),
        ]
        low, high = (low + _STEPS[0]) & _LOW, (high + _STEPS[1]) & _LOW
    return np.stack(x, 1).astype(np.uint32)


def uniforms(count: int, seed: int, chain: int, iteration: int, purpose: int) -> np.ndarray:
    """The first `count` uniform numbers of these counters, (count,) float64."""
    blocks = -(-count // 4)
    counters = np.zeros((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks)
    counters[:, 1:] = chain, iteration, purpose
    words = philox(counters, (seed & _LOW, seed >> 32 & _LOW)).reshape(-1)[:count]
    return (words + 0.5) / 2.0**32


def normals(count: int, seed: int, chain: int, iteration: int, purpose: int) -> np.ndarray:
    """The first `count` standard normal numbers of these counters, (count,) float64."""
    u = uniforms(count + count % 2, seed, chain, iteration, purpose)
    radius, angle = np.sqrt(-2 * np.log(u[::2])), 2 * np.pi * u[1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count]


class CounterStream(OwnNoise):
    """This stream as a source of random numbers for `dgm_core.samplers`, one chain per row.

    The purpose of a draw follows from its shape: (B, L) is the noise of a proposal, (B,) an
    acceptance, anything else the pixels. Set `iteration` before each step; 0 is the start.

    Args:
        seed: from 0 to 2⁶⁴ − 1.
        latent_dim: L.
    """

    def __init__(self, seed: int, latent_dim: int) -> None:
        self.seed, self.latent_dim = seed, latent_dim
        self.iteration = 0

    def purpose(self, shape: tuple[int, ...]) -> int:
        """What numbers of this shape are for."""
        if len(shape) == 1:
            return ACCEPTANCE
        return LATENTS if shape[1:] == (self.latent_dim,) else PIXELS

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self._fill(uniforms, shape, dtype)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self._fill(normals, shape, dtype)

    def _fill(
        self, generate: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: torch.dtype
    ) -> Tensor:
        count = math.prod(shape[1:])
        counters = self.iteration, self.purpose(shape)
        rows = [generate(count, self.seed, row, *counters) for row in range(shape[0])]
        return torch.tensor(np.stack(rows), dtype=dtype).reshape(shape)
