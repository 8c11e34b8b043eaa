"""Random generators made from seeds, and draws from distributions with a given generator.

`torch.distributions` draws from the global generator, which all visitors of a server share.
Here every draw takes a `source`, which is one of four: a `torch.Generator`; `Streams`, one
generator per row, so that a row of a batch gets bit for bit what it would get alone;
`SameNoise`, the same noise for every row; or `OwnNoise`, numbers from elsewhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import singledispatch

import numpy as np
import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Dirichlet,
    Distribution,
    Gamma,
    Independent,
    MultivariateNormal,
    Normal,
    StudentT,
)


class Streams:
    """One generator per row of a batch.

    A leading dimension of n · rows means n blocks of all rows; each block has its own noise.

    Example:
        >>> both = normal((2, 3), Streams.from_seeds([5, 6]))
        >>> torch.equal(both[1:], normal((1, 3), Streams.from_seeds([6])))
        True
    """

    def __init__(self, generators: Iterable[torch.Generator]) -> None:
        self.generators = tuple(generators)

    @classmethod
    def from_seeds(cls, seeds: Iterable[int]) -> Streams:
        """One stream per seed."""
        return cls(generator(seed) for seed in seeds)

    @classmethod
    def of_rows(cls, seed: int, rows: Iterable[int]) -> Streams:
        """Streams of numbered rows: a row's noise depends only on the seed and its number."""
        states = (np.random.SeedSequence([seed, int(row)]) for row in rows)
        return cls(generator(int(state.generate_state(1, np.uint64)[0] >> 1)) for state in states)


class SameNoise:
    """One generator for a batch whose rows all get the same noise.

    The estimate for a row then does not depend on the other rows. A leading dimension of
    n · `rows` means n blocks of all rows; each block has its own noise.

    Example:
        >>> a, b, c, d = normal((4, 3), SameNoise(generator(5), rows=2))
        >>> torch.equal(a, b), torch.equal(a, c), torch.equal(c, d)
        (True, False, True)
    """

    def __init__(self, generator: torch.Generator, rows: int) -> None:
        self.generator, self.rows = generator, rows


class OwnNoise(ABC):
    """A source that computes its own numbers, for example from counters; it has no Gamma draws."""

    @abstractmethod
    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """U[0, 1) of `shape`."""

    @abstractmethod
    def normal(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """N(0, 1) of `shape`."""


Source = torch.Generator | Streams | SameNoise | OwnNoise


def generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on `device`, started from `seed`."""
    return torch.Generator(device).manual_seed(int(seed))


def uniform(shape: tuple[int, ...], source: Source, dtype: torch.dtype = torch.float32) -> Tensor:
    """U[0, 1) of `shape`, on the device of the source; with `Streams`, dimension 0 holds rows."""
    return _fill(torch.rand, shape, source, dtype)


def normal(shape: tuple[int, ...], source: Source, dtype: torch.dtype = torch.float32) -> Tensor:
    """N(0, 1) of `shape`, on the device of the source; with `Streams`, dimension 0 holds rows."""
    return _fill(torch.randn, shape, source, dtype)


def _fill(
    generate: Callable[..., Tensor], shape: tuple[int, ...], source: Source, dtype: torch.dtype
) -> Tensor:
    """`torch.rand` or `torch.randn` of `shape`, with the noise of `source`."""
    if isinstance(source, torch.Generator):
        return generate(shape, generator=source, dtype=dtype, device=source.device)
    if isinstance(source, OwnNoise):
        own = source.uniform if generate is torch.rand else source.normal
        return own(shape, dtype)
    if isinstance(source, SameNoise):
        blocks, rest = divmod(shape[0], source.rows)
        if rest:
            raise ValueError(f"expected a multiple of {source.rows} rows, got {shape[0]}")
        shared = _fill(generate, (blocks, 1, *shape[1:]), source.generator, dtype)
        return shared.expand(blocks, source.rows, *shape[1:]).flatten(0, 1)
    blocks, rest = divmod(shape[0], len(source.generators))
    if rest:
        raise ValueError(
            f"expected a multiple of {len(source.generators)} rows, one per stream, got {shape[0]}"
        )
    of_each = [_fill(generate, (blocks, *shape[1:]), own, dtype) for own in source.generators]
    return torch.stack(of_each, 1).flatten(0, 1)


def standard_gamma(concentration: Tensor, source: Source) -> Tensor:
    """Draws of Gamma(concentration, 1) in the shape of `concentration`, on the source's device.

    The method is rejection, with gradients by implicit reparameterisation. With `SameNoise`, rows
    of the same concentration get the same draw.
    """
    if isinstance(source, torch.Generator):
        # The public Gamma distribution takes no generator.
        return torch._standard_gamma(  # pyright: ignore[reportPrivateImportUsage]
            concentration, generator=source
        )
    if isinstance(source, OwnNoise):
        raise TypeError(f"expected a source with Gamma draws, got {type(source).__name__}")
    if isinstance(source, SameNoise):
        if len(concentration) % source.rows:
            expected, got = source.rows, len(concentration)
            raise ValueError(f"expected a multiple of {expected} rows, got {got}")
        drawn = []
        for block in concentration.split(source.rows):
            start = source.generator.get_state()
            for row in block:
                source.generator.set_state(start)
                drawn.append(standard_gamma(row, source.generator))
        return torch.stack(drawn)
    if len(concentration) % len(source.generators):
        expected, got = len(source.generators), len(concentration)
        raise ValueError(f"expected a multiple of {expected} rows, one per stream, got {got}")
    blocks = concentration.unflatten(0, (-1, len(source.generators))).unbind(1)
    of_each = [standard_gamma(b, own) for b, own in zip(blocks, source.generators, strict=True)]
    return torch.stack(of_each, 1).flatten(0, 1)


def categorical(weights: Tensor, source: Source) -> Tensor:
    """Indices drawn with probabilities proportional to `weights` (…, K): (…) int64.

    The method is inversion, with one uniform number per index. The weights need not sum to one; an
    index of weight 0 is never drawn.
    """
    edges = weights.cumsum(-1)
    u = uniform(tuple(weights.shape[:-1]), source, weights.dtype)
    # Half a step off both ends, so that a first or last index of weight 0 is never drawn.
    at = (u + torch.finfo(u.dtype).eps / 4) * edges[..., -1]
    at = at.minimum(edges[..., -1].nextafter(torch.zeros_like(at)))
    return (at[..., None] >= edges[..., :-1]).sum(-1)


@singledispatch
def draw(distribution: Distribution, source: Source, draws: int | None = None) -> Tensor:
    """One draw of shape batch + event, or `draws` of them stacked along a new first dimension.

    The method is inversion or reparameterisation, so gradients pass where the distribution has
    them.

    Raises:
        NotImplementedError: the distribution has no rule yet; add one with `@draw.register`.
    """
    raise NotImplementedError(f"no draw with a generator for {type(distribution).__name__}")


def noise(
    generate: Callable[..., Tensor], like: Tensor, source: Source, draws: int | None
) -> Tensor:
    """`uniform` or `normal` noise in the shape and dtype of `like`, `draws` times if given."""
    if draws is None:
        return generate(tuple(like.shape), source, like.dtype)
    # Rows come first, so that each of several streams fills its own row.
    return generate((like.shape[0], draws, *like.shape[1:]), source, like.dtype).movedim(1, 0)


@draw.register
def _(distribution: Independent, source: Source, draws: int | None = None) -> Tensor:
    return draw(distribution.base_dist, source, draws)


@draw.register
def _(distribution: Normal, source: Source, draws: int | None = None) -> Tensor:
    eps = noise(normal, distribution.loc, source, draws)
    return distribution.loc + distribution.scale * eps


@draw.register
def _(distribution: StudentT, source: Source, draws: int | None = None) -> Tensor:
    # Bailey 1994: for uniform U and V, √(ν (U^(−2/ν) − 1)) cos 2πV is Student-t with ν degrees of
    # freedom, and smooth in ν. U stays away from 0 and 1, where the root has no derivative.
    edge = 2.0**-25
    u = noise(uniform, distribution.loc, source, draws).clamp(edge, 1 - 2 * edge)
    angle = 2 * math.pi * noise(uniform, distribution.loc, source, draws)
    radius = (distribution.df * torch.expm1(-2 / distribution.df * u.log())).sqrt()
    return distribution.loc + distribution.scale * radius * angle.cos()


@draw.register
def _(distribution: MultivariateNormal, source: Source, draws: int | None = None) -> Tensor:
    eps = noise(normal, distribution.loc, source, draws)
    return distribution.loc + (distribution.scale_tril @ eps[..., None])[..., 0]


@draw.register
def _(distribution: Gamma, source: Source, draws: int | None = None) -> Tensor:
    shape = distribution.concentration.shape
    if draws is None:
        return standard_gamma(distribution.concentration, source) / distribution.rate
    # Rows come first, so that each of several streams fills its own row.
    each = distribution.concentration.expand(draws, *shape).movedim(0, min(1, len(shape)))
    standard = standard_gamma(each, source).movedim(min(1, len(shape)), 0)
    return standard / distribution.rate


@draw.register
def _(distribution: Dirichlet, source: Source, draws: int | None = None) -> Tensor:
    rate = torch.ones_like(distribution.concentration)
    parts = draw(Gamma(distribution.concentration, rate, validate_args=False), source, draws)
    return parts / parts.sum(-1, keepdim=True)


@draw.register
def _(distribution: Categorical, source: Source, draws: int | None = None) -> Tensor:
    if draws is None:
        return categorical(distribution.probs, source)
    each = distribution.probs.expand(draws, *distribution.probs.shape)
    at = min(1, each.dim() - 2)
    return categorical(each.movedim(0, at), source).movedim(at, 0)
