"""Have the chains met, and what are their draws worth?

Split R-hat and bulk effective sample size are the rank-normalised ones of Vehtari, Gelman,
Simpson, Carpenter & Bürkner (2021, Bayesian Analysis 16); the tests hold them to ArviZ.
All functions take draws (chains, iterations, \\*any) and keep the trailing dimensions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def autocorrelation(draws: Tensor) -> Tensor:
    """Autocorrelation of each chain at every lag, (chains, lags, \\*any); 1 at lag 0.

    A constant chain has no autocorrelation: NaN.
    """
    covariance = _autocovariance(draws)
    return covariance / covariance[:, :1]


def rhat(draws: Tensor) -> Tensor:
    """Rank-normalised split R-hat: the larger of its bulk and folded forms; (\\*any).

    Near 1 when the chains agree; above about 1.01 they have not met. NaN where every draw is the
    same value, or with fewer than 4 iterations.
    """
    if draws.shape[1] < 4:
        return torch.full(draws.shape[2:], math.nan, dtype=draws.dtype, device=draws.device)
    split = _split(draws)
    folded = (split - _median(split)).abs()
    bulk, tail = (_plain_rhat(_normal_scores(part)) for part in (split, folded))
    return torch.where(_constant(split), math.nan, torch.fmax(bulk, tail))


def effective_sample_size(draws: Tensor) -> Tensor:
    """Bulk effective sample size over all chains, (\\*any).

    NaN where every draw is the same value, or with fewer than 4 iterations.
    """
    if draws.shape[1] < 4:
        return torch.full(draws.shape[2:], math.nan, dtype=draws.dtype, device=draws.device)
    split = _split(draws)
    return torch.where(_constant(split), math.nan, _plain_ess(_normal_scores(split)))


def stuck(accepted: Tensor) -> Tensor:
    """Which chains accepted nothing, (chains,), from acceptances (chains, iterations) bool."""
    return ~accepted.any(1)


def _split(draws: Tensor) -> Tensor:
    """Each chain as two: (chains, n, …) → (2 chains, n // 2, …), without an odd middle draw."""
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, -half:]]).to(torch.float64)


def _constant(draws: Tensor) -> Tensor:
    flat = draws.flatten(0, 1)
    return flat.amax(0) == flat.amin(0)


def _median(draws: Tensor) -> Tensor:
    """The median with the mean of the two middle values (torch's takes the lower)."""
    return draws.flatten(0, 1).quantile(0.5, dim=0)


def _normal_scores(draws: Tensor) -> Tensor:
    """Blom's normal scores of the ranks over all chains; ties share their mean rank."""
    flat = draws.reshape(draws.shape[0] * draws.shape[1], -1).T.contiguous()  # (any, chains · n)
    ordered = flat.sort(dim=1).values
    below = torch.searchsorted(ordered, flat, right=False)
    up_to = torch.searchsorted(ordered, flat, right=True)
    rank = (below + up_to + 1) / 2
    scores = torch.special.ndtri((rank.to(torch.float64) - 0.375) / (flat.shape[1] + 0.25))
    return scores.T.reshape(draws.shape)


def _plain_rhat(draws: Tensor) -> Tensor:
    n = draws.shape[1]
    within = draws.var(1).mean(0)
    between = n * draws.mean(1).var(0)
    return torch.sqrt((between / within + n - 1) / n)


def _plain_ess(draws: Tensor) -> Tensor:
    """Geyer's initial monotone positive sequence over all chains, as in Stan."""
    chains, n = draws.shape[:2]
    covariance = _autocovariance(draws)  # biased, lag 0 first
    within = covariance[:, 0].mean(0) * n / (n - 1)
    total = within * (n - 1) / n
    if chains > 1:
        total = total + draws.mean(1).var(0)
    rho = 1 - (within - covariance.mean(0)) / total  # (n, *any)
    rho[0] = 1.0
    even = n - n % 2
    pairs = rho[:even].unflatten(0, (even // 2, 2)).sum(1)  # ρ(2t) + ρ(2t+1)
    last = max((n - 1) // 2 - 1, 0)  # pairs with both lags below n - 1
    kept = (pairs[:last] > 0).to(torch.int64).cumprod(0).bool()
    monotone = pairs[:last].cummin(0).values if last else pairs[:last]
    # Of the first pair left out, the even lag counts if positive: less biased when antithetic.
    extra = rho.gather(0, 2 * kept.sum(0, keepdim=True))[0].clamp_min(0)
    tau = -1 + 2 * torch.where(kept, monotone, 0.0).sum(0) + extra
    size = chains * n
    return size / tau.clamp_min(1 / math.log10(size))


def _autocovariance(draws: Tensor) -> Tensor:
    """Biased autocovariance (divided by n) of each chain at every lag, by FFT."""
    n = draws.shape[1]
    centred = draws.to(torch.float64) - draws.to(torch.float64).mean(1, keepdim=True)
    spectrum = torch.fft.rfft(centred, n=2 * n, dim=1)
    return torch.fft.irfft(spectrum.abs().square(), n=2 * n, dim=1)[:, :n] / n
