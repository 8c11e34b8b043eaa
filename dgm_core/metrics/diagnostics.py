"""Convergence of Markov chains, and effective sample sizes of draws and importance weights.

Split R-hat and bulk effective sample size are the rank-normalised versions of Vehtari, Gelman,
Simpson, Carpenter & Bürkner (2021, Bayesian Analysis 16). Pareto k and Pareto smoothing follow
Vehtari, Simpson, Gelman, Yao & Gabry (2024, JMLR 25). The tests compare all of them with ArviZ.
Draws have shape (chains, iterations, \\*any) and log-weights `log_w` have shape (K, \\*any); each
index of the trailing dimensions is a separate quantity.

    >>> apart = torch.tensor([[0.0, 0.1, 0.0, 0.1] * 5, [5.0, 5.1, 5.0, 5.1] * 5])
    >>> bool(rhat(apart) > 1.1)  # two chains that have not converged to the same distribution
    True
    >>> importance_ess(torch.log(torch.tensor([0.5, 0.5, 1e-9])))
    tensor(2.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

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

    It is near 1 if the chains agree; above about 1.01 they have not converged. NaN if all draws
    are equal, or with fewer than 4 iterations.
    """
    if draws.shape[1] < 4:
        return torch.full(draws.shape[2:], math.nan, dtype=draws.dtype, device=draws.device)
    split = _split(draws)
    folded = (split - _median(split)).abs()
    bulk, tail = (_plain_rhat(_normal_scores(part)) for part in (split, folded))
    return torch.where(_constant(split), math.nan, torch.fmax(bulk, tail))


def effective_sample_size(draws: Tensor) -> Tensor:
    """Bulk effective sample size over all chains, (\\*any).

    NaN if all draws are equal, or with fewer than 4 iterations.
    """
    if draws.shape[1] < 4:
        return torch.full(draws.shape[2:], math.nan, dtype=draws.dtype, device=draws.device)
    split = _split(draws)
    return torch.where(_constant(split), math.nan, _plain_ess(_normal_scores(split)))


def stuck(accepted: Tensor) -> Tensor:
    """Which chains accepted no proposal, (chains,) bool, from `accepted` (chains, iterations)."""
    return ~accepted.any(1)


def importance_ess(log_w: Tensor) -> Tensor:
    """Effective sample size 1 / Σ w² with normalised weights w: (K, \\*any) → (\\*any)."""
    return torch.exp(2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0))


def pareto_k(log_w: Tensor) -> Tensor:
    """Shape k̂ of a generalised Pareto distribution fitted to the largest weights, float64.

    Weights have 1 / k moments. Below 0.5 importance sampling is reliable; above 0.7 its estimates
    and their standard errors are unreliable. NaN if fewer than 5 weights form the tail (K up to
    20, or ties).

    Args:
        log_w: log-weights (K, \\*any); the result has shape (\\*any).
    """
    shapes = [_pareto_tail(column).shape for column in _columns(log_w)]
    return torch.tensor(shapes, dtype=torch.float64, device=log_w.device).reshape(log_w.shape[1:])


def pareto_smoothed(log_w: Tensor) -> Tensor:
    """Pareto-smoothed, normalised log-weights of log-weights (K, \\*any), the same shape, float64.

    The weights of the tail are replaced by the expected order statistics of the fitted Pareto
    distribution, cut off at the largest original weight. If the tail is too short to fit, the
    weights are only normalised.
    """
    smoothed = []
    for column in _columns(log_w):
        tail = _pareto_tail(column)
        values = column.double() - column.max()
        if not math.isnan(tail.shape):
            values = values.index_copy(0, tail.members, tail.smoothed.clamp_max(0))
        smoothed.append(values.log_softmax(0))
    return torch.stack(smoothed, 1).reshape(log_w.shape)


def _split(draws: Tensor) -> Tensor:
    """Each chain as two halves, without an odd middle draw: (chains, n) → (2 chains, n // 2)."""
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
    # The even lag of the first omitted pair counts if positive: less bias for antithetic chains.
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


def _columns(log_w: Tensor) -> Tensor:
    return log_w.reshape(len(log_w), -1).T


class _Tail(NamedTuple):
    """The largest weights of one sample, relative to the largest, with their Pareto fit."""

    members: Tensor  # (M,) their indices, in ascending order of weight
    smoothed: Tensor  # (M,) log of their expected order statistics
    shape: float  # k; NaN if there are too few


def _pareto_tail(log_w: Tensor) -> _Tail:
    """Fit the M = min(K / 5, 3 √K) largest of log-weights (K,)."""
    relative, order = (log_w.double() - log_w.max()).sort()
    length = math.ceil(min(len(log_w) / 5, 3 * math.sqrt(len(log_w))))
    # Weights too small for a float64, or tied with the weight before the tail, do not count.
    tiny = math.log(torch.finfo(torch.float64).tiny)
    cutoff = relative[-length - 1].clamp_min(tiny) if length < len(log_w) else relative[-1]
    first = int(torch.searchsorted(relative, cutoff, right=True))
    index, base = order[first:], cutoff.exp()
    if len(index) < 5:
        return _Tail(index, relative[first:], math.nan)
    shape, scale = _fit_generalised_pareto(relative[first:].exp() - base)
    rank = torch.arange(len(index), dtype=base.dtype, device=base.device)
    survival = torch.log1p(-(rank + 0.5) / len(index))
    excess = scale * (torch.expm1(-shape * survival) / shape if shape else -survival)
    return _Tail(index, torch.log(base + excess), shape)


def _fit_generalised_pareto(excess: Tensor) -> tuple[float, Tensor]:
    """Shape and scale of ascending excesses (M,), by Zhang & Stephens (2009).

    b = −k / σ is estimated by its posterior mean on a grid, with a prior scaled by the lower
    quartile. Then k is shrunk towards ½ with the weight of ten more observations.
    """
    m = len(excess)
    size = 30 + math.isqrt(m)
    grid = torch.arange(1, size + 1, dtype=excess.dtype, device=excess.device) - 0.5
    quartile = excess[int(m / 4 + 0.5) - 1]
    b = 1 / excess[-1] + (1 - torch.sqrt(size / grid)) / (3 * quartile)
    k = torch.log1p(-b[:, None] * excess).mean(1)
    log_profile = m * (torch.log(-b / k) - k - 1)
    mean_b = (log_profile.softmax(0) * b).sum()
    k = torch.log1p(-mean_b * excess).mean()
    return ((m * k + 5) / (m + 10)).item(), -k / mean_b
