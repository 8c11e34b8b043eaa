"""Calibration: whether frequencies match probabilities, over the hidden entries of all rows.

The standard errors assume independent, well calibrated entries. Neighbouring pixels are not
independent, so the real errors are larger.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import uniform


class Reliability(NamedTuple):
    """Statistics of bins of predicted probability, each (bins,)."""

    centre: Tensor  # mean probability of the entries in the bin; the middle of an empty bin
    frequency: Tensor  # fraction of them that are 1; NaN for an empty bin
    entries: Tensor  # how many hidden entries are in the bin
    standard_error: Tensor  # of the frequency if the probabilities are right; NaN if empty


class Histogram(NamedTuple):
    """Statistics of bins of [0, 1], each (bins,)."""

    centre: Tensor
    density: Tensor  # 1 everywhere for a uniform distribution
    standard_error: Tensor  # of the density, if the distribution is uniform
    entries: Tensor  # how many values are in the bin


def reliability(
    probabilities: Tensor, true_values: Tensor, observed: Tensor, bins: int = 10
) -> Reliability:
    """The frequency of ones among hidden binary pixels, by predicted probability.

    Args:
        probabilities: p(pixel = 1), (B, \\*event), for example a posterior mean; clamped to
            [0, 1].
        true_values: (B, \\*event), binary (above ½ is 1).
        observed: bool; broadcasts.
        bins: number of bins of equal width; a probability on an edge belongs to the upper bin.
    """
    hidden = (~observed).expand_as(true_values)
    p = probabilities[hidden].double().clamp(0, 1)
    ink = (true_values[hidden] > 0.5).double()
    index = _bin(p, bins)

    def total(values: Tensor) -> Tensor:
        return torch.zeros(bins, dtype=p.dtype, device=p.device).index_add(0, index, values)

    count = total(torch.ones_like(p))
    middle = (torch.arange(bins, dtype=p.dtype, device=p.device) + 0.5) / bins
    return Reliability(
        torch.where(count > 0, total(p) / count, middle),
        total(ink) / count,
        count.long(),
        total(p * (1 - p)).sqrt() / count,
    )


def pit(
    draws: Tensor, true_values: Tensor, observed: Tensor, generator: torch.Generator
) -> Tensor:
    """Randomised probability integral transform of every hidden entry, pooled: (entries,).

        (#{draws < y} + V (#{draws = y} + 1)) / (n + 1),   V ~ U[0, 1)

    The result is exactly uniform if the true value y is exchangeable with the n draws, even with
    ties.

    Args:
        draws: (n, B, \\*event).
        true_values: (B, \\*event).
        observed: bool; broadcasts.
        generator: source of V.
    """
    hidden = (~observed).expand_as(true_values)
    y, x = true_values[hidden], draws[:, hidden]
    v = uniform(tuple(y.shape), generator, torch.float64).to(y.device)
    return ((x < y).sum(0) + v * ((x == y).sum(0) + 1)) / (len(draws) + 1)


def pit_histogram(values: Tensor, bins: int = 10) -> Histogram:
    """Density of values in [0, 1] over `bins` bins of equal width; it is flat if calibrated.

    A ∪ shape means that the draws are too narrow, a ∩ shape that they are too wide.
    """
    count = torch.bincount(_bin(values, bins), minlength=bins)
    centre = (torch.arange(bins, dtype=torch.float64, device=values.device) + 0.5) / bins
    size = max(values.numel(), 1)
    error = ((bins - 1) / size) ** 0.5
    return Histogram(centre, count * (bins / size), torch.full_like(centre, error), count)


def _bin(values: Tensor, bins: int) -> Tensor:
    return (values * bins).long().clamp(0, bins - 1)
