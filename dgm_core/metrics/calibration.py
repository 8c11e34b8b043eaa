"""Do frequencies match probabilities? Hidden entries of all rows, pooled.

Standard errors are those of independent entries that are well calibrated; neighbouring pixels are
not independent, so real errors are larger.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import uniform


class Reliability(NamedTuple):
    """Bins of predicted probability, each (bins,)."""

    centre: Tensor  # mean probability of the entries in the bin; its middle if it is empty
    frequency: Tensor  # share of them that are 1; NaN if the bin is empty
    entries: Tensor  # how many hidden entries are in the bin
    standard_error: Tensor  # of the frequency, were the probabilities right; NaN if empty


class Histogram(NamedTuple):
    """Bins of [0, 1], each (bins,)."""

    centre: Tensor
    density: Tensor  # 1 everywhere for a uniform law
    standard_error: Tensor  # of the density, if the distribution is uniform
    entries: Tensor  # how many values are in the bin


def reliability(
    probabilities: Tensor, truth: Tensor, observed: Tensor, bins: int = 10
) -> Reliability:
    """How often hidden binary pixels are 1, by the probability they were given.

    Args:
        probabilities: (B, \\*event), p(pixel = 1), as a posterior mean; cut off to [0, 1].
        truth: (B, \\*event), binary (above ½ is 1).
        observed: bool, True = seen; broadcasts.
        bins: of equal width; a probability at an edge belongs to the bin above.
    """
    hidden = (~observed).expand_as(truth)
    p = probabilities[hidden].double().clamp(0, 1)
    ink = (truth[hidden] > 0.5).double()
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


def pit(draws: Tensor, truth: Tensor, observed: Tensor, generator: torch.Generator) -> Tensor:
    """Randomised probability integral transform of every hidden entry, pooled: (entries,).

        (#{draws < y} + V (#{draws = y} + 1)) / (n + 1),   V ~ U[0, 1)

    Exactly uniform where the truth y is exchangeable with the n draws, ties and all.

    Args:
        draws: (n, B, \\*event).
        truth: (B, \\*event).
        observed: bool, True = seen; broadcasts.
        generator: of V.
    """
    hidden = (~observed).expand_as(truth)
    y, x = truth[hidden], draws[:, hidden]
    v = uniform(tuple(y.shape), generator, torch.float64).to(y.device)
    return ((x < y).sum(0) + v * ((x == y).sum(0) + 1)) / (len(draws) + 1)


def pit_histogram(values: Tensor, bins: int = 10) -> Histogram:
    """Density of values in [0, 1] over `bins` of equal width: flat if calibrated.

    A ∪ shape tells of draws that are too narrow, a ∩ of draws that are too wide.
    """
    count = torch.bincount(_bin(values, bins), minlength=bins)
    centre = (torch.arange(bins, dtype=torch.float64, device=values.device) + 0.5) / bins
    size = max(values.numel(), 1)
    error = ((bins - 1) / size) ** 0.5
    return Histogram(centre, count * (bins / size), torch.full_like(centre, error), count)


def _bin(values: Tensor, bins: int) -> Tensor:
    return (values * bins).long().clamp(0, bins - 1)
