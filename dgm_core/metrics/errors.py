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


def mean_and_error(values: Tensor) -> MeanAndError:
    """Mean of independent scores (B,) and its standard error, s / √B.

    NaN scores, of rows with nothing hidden, are left out. The error of a single score is NaN.

    Example:
        >>> mean_and_error(torch.tensor([1.0, 3.0, torch.nan]))
        MeanAndError(mean=tensor(2.), standard_error=tensor(1.))
    """
    kept = values[~values.isnan()]
    if len(kept) < 2:
        return MeanAndError(kept.mean(), torch.full_like(kept.mean(), torch.nan))
    return MeanAndError(kept.mean(), kept.std() / len(kept) ** 0.5)


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
    error = leave_one_out_error(others.sqrt()) if len(sse) > 1 else sse.new_tensor(torch.nan)
    return MeanAndError((sse.sum() / entries.sum()).sqrt(), error)


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
