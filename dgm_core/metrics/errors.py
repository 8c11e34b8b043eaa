"""Standard errors of scores: over images, and over the draws or chains they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class MeanAndError(NamedTuple):
    """The mean of a sample of scores and its standard error; scalars."""

    mean: Tensor
    standard_error: Tensor


def mean_and_error(values: Tensor, groups: Tensor | None = None) -> MeanAndError:
    """Mean of scores (B,) and its standard error.

        independent scores:             s / √B
        G groups of dependent scores:   √( G / (G − 1) · Σ_g (Σ_{i in g} (v_i − v̄))² ) / B

    The second is the cluster-robust error (Liang & Zeger 1986); groups of one give the first. NaN
    scores, of rows with nothing hidden, are left out. The error of a single score or group is NaN.

    Args:
        values: the scores.
        groups: (B,) integers; None = the scores are independent.

    Example:
        >>> mean_and_error(torch.tensor([1.0, 3.0, torch.nan]))
        MeanAndError(mean=tensor(2.), standard_error=tensor(1.))
    """
    known = ~values.isnan()
    kept = values[known]
    mean = kept.mean()
    residuals = kept - mean if groups is None else _totals(kept - mean, groups[known])
    count = len(residuals)
    if count < 2:
        return MeanAndError(mean, torch.full_like(mean, torch.nan))
    squares = residuals.square().sum() * count / (count - 1)
    return MeanAndError(mean, squares.sqrt() / len(kept))


def _totals(values: Tensor, groups: Tensor) -> Tensor:
    """The sum of the values of each group, (G,)."""
    names, group = groups.to(values.device).unique(return_inverse=True)
    return values.new_zeros(len(names)).index_add(0, group, values)


def rmse(mse: Tensor) -> Tensor:
    """The roots √MSE of mean squared errors, in the units of the data.

    Example:
        >>> rmse(torch.tensor([4.0, 9.0]))
        tensor([2., 3.])
    """
    return mse.sqrt()


def pooled_rmse(sse: Tensor, entries: Tensor) -> MeanAndError:
    """√(Σ SSE / Σ entries) over rows, and its standard error, jackknifed over rows.

    Every hidden entry has the same weight; rows without hidden entries do not count.

    Args:
        sse: sums of squared errors (B,), as from `sse_hidden`.
        entries: numbers of hidden entries, (B,).

    Example:
        >>> pooled_rmse(torch.tensor([4.0, 0.0]), torch.tensor([1, 3])).mean
        tensor(1.)
    """
    kept = entries > 0
    sse, entries = sse[kept], entries[kept]
    others = (sse.sum() - sse) / (entries.sum() - entries)
    error = leave_one_out_error(rmse(others)) if len(sse) > 1 else sse.new_tensor(torch.nan)
    return MeanAndError(rmse(sse.sum() / entries.sum()), error)


def jackknife(score: Callable[[Tensor], Tensor], draws: Tensor) -> Tensor:
    """Monte-Carlo standard error of score(mean of draws), leaving out one draw at a time.

        √( (n − 1) / n · Σ_i (s_i − s̄)² ),   s_i = score(mean of all draws but the i-th)

    For a score that is linear in the mean this is s / √n. It takes n evaluations (Efron & Stein
    1981).

    Args:
        score: a mean (B, \\*event) → scores (B,).
        draws: (n, B, \\*event), independent; for Markov chains, the mean of each chain.

    Returns:
        (B,); NaN for a single draw.
    """
    n, total = len(draws), draws.sum(0)
    if n < 2:
        return torch.full_like(score(total), torch.nan)
    return leave_one_out_error(torch.stack([score((total - one) / (n - 1)) for one in draws]))


def leave_one_out_error(scores: Tensor) -> Tensor:
    """The jackknife error √( (n − 1) / n · Σ_i (s_i − s̄)² ), where s_i leaves out item i.

    Args:
        scores: s_1, …, s_n, (n, …); the result has shape (…).
    """
    return ((len(scores) - 1) * scores.var(0, correction=0)).sqrt()
