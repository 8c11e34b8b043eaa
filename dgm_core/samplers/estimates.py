"""Estimates from weighted completions: imputations for each loss, draws, variances, predictions.

    squared error     E[x_mis | x_obs, s]      the mean
    absolute error    F(x) = ½                 the median of the mixture, entry by entry
    several values    SIR                      k with probability α_k, then x_mis

If α_k depends on z_k alone (MIWAE, IM-IWAE), the distribution of x_mis is the mixture
Σ α_k p(x|z_k). Its moments and its distribution function Σ α_k F_k are known, and the estimates
use them. If the weights have a term in x_mis,k (not-MIWAE, supMIWAE), the distribution is
Σ α_k δ(x_mis,k): the weighted drawn values, as in appendix B of Ipsen, Mattei & Frellsen 2021.
Their experiments average E[x|z_k] with the same weights, which is `mean_of_decoder`. It has less
variance, but it ignores the effect of the weights on x_mis within each component. So it does not
converge to the conditional mean unless the decoder's noise vanishes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import torch
from scipy.special import stdtr
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
    StudentT,
)

from dgm_core.distributions import BernoulliPixels
from dgm_core.distributions.columns import MixedRow, most_likely
from dgm_core.distributions.quadrature import moments_of
from dgm_core.rng import Source, draw
from dgm_core.samplers.completions import Completions
from dgm_core.samplers.importance import MixtureMoments, resample
from dgm_core.samplers.observed import take
from dgm_core.stepwise import Steps, stepwise

BISECTIONS = {torch.float32: 30, torch.float64: 55}
"""Bisections until a bracket of 2 standard deviations is as narrow as rounding allows."""


def mean_and_variance(
    sample: Completions, function: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """E[f(x) | x_obs, s] and its variance, within and between components, both (B, \\*event).

    Observed entries keep their values and have variance 0.

    Args:
        sample: the completions.
        function: f of each entry, on (…, \\*event); None = the entry itself. For other functions,
            the components count as Gaussians with their means and variances.
    """
    if sample.tilted:
        x = sample.x if function is None else function(sample.x)
        return _moments(sample, x, torch.zeros_like(x))
    mean, variance = (
        _by_draw(sample, each) for each in (sample.likelihood.mean, sample.likelihood.variance)
    )
    if function is not None:
        mean, variance = moments_of(function, mean, variance)
    return _moments(sample, mean, variance)


def mean_of_decoder(sample: Completions) -> Tensor:
    """Σ_k α_k E[x|z_k], (B, \\*event), for any weights, as in the published experiments."""
    mean = _by_draw(sample, sample.likelihood.mean)
    return _moments(sample, mean, torch.zeros_like(mean))[0]


def _moments(sample: Completions, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    mixture = MixtureMoments()
    mixture.add(sample.log_w, mean, variance)
    return sample.masked.complete(mixture.mean), mixture.variance * ~sample.masked.observed


def _by_draw(sample: Completions, rows: Tensor) -> Tensor:
    return rows.unflatten(0, sample.z.shape[:2])


@torch.no_grad()
@stepwise
def median(sample: Completions) -> Steps[Tensor]:
    """The median of each entry, (B, \\*event); for binary and categorical entries the mode.

    If the weights are tilted, it is the weighted median of the drawn values. Otherwise it solves
    F(x) = ½ by bisection between mean ± standard deviation, where a median always lies.
    """
    mean, variance = mean_and_variance(sample)
    if sample.tilted:
        middle = weighted_median(sample.x, sample.log_weights)
    else:
        middle = yield from mixture_median.steps(
            sample.likelihood, sample.log_weights, mean, variance
        )
    return sample.masked.complete(settled(sample.likelihood, middle, mean))


@stepwise
def mixture_median(
    distribution: Distribution, log_weights: Tensor, mean: Tensor, var: Tensor
) -> Steps[Tensor]:
    """The least x with Σ_k α_k F_k(x) ≥ ½, entry by entry: (B, \\*event).

    Args:
        distribution: the components, batch (K B,).
        log_weights: log α, (K, B).
        mean, var: mean and variance of the mixture, (B, \\*event).
    """
    weights = log_weights.exp()
    reach = 1.001 * var.sqrt() + 1e-6 * mean.abs()
    low, high = mean - reach, mean + reach
    for number in range(BISECTIONS[mean.dtype]):
        middle = (low + high) / 2
        each = middle.expand(len(weights), *middle.shape).flatten(0, 1)
        below = cdf(distribution, each).unflatten(0, weights.shape).flatten(2)
        above = torch.einsum("kb,kbd->bd", weights, below).reshape(middle.shape) >= 0.5
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        if number % 8 == 7:
            yield None
    return high


def weighted_median(x: Tensor, log_weights: Tensor) -> Tensor:
    """The smallest value of x (K, B, \\*event) with at least half of the weight up to it."""
    ordered, order = x.sort(0)
    weights = log_weights.exp().reshape(log_weights.shape + (1,) * (x.dim() - 2)).expand_as(x)
    reached = weights.gather(0, order).cumsum(0) >= 0.5
    reached[-1] = True  # in case rounding leaves the sum below ½
    return ordered.gather(0, reached.int().argmax(0, keepdim=True))[0]


@singledispatch
def cdf(distribution: Distribution, x: Tensor) -> Tensor:
    """F(x) of each entry, in the shape of x (N, \\*event), for a distribution with batch (N,).

    Raises:
        NotImplementedError: the type has no rule yet; add one with `@cdf.register`.
    """
    raise NotImplementedError(f"no distribution function for {type(distribution).__name__}")


@cdf.register
def _(distribution: Independent, x: Tensor) -> Tensor:
    return cdf(distribution.base_dist, x)


@cdf.register
def _(distribution: Normal, x: Tensor) -> Tensor:
    return distribution.cdf(x)


@cdf.register
def _(distribution: StudentT, x: Tensor) -> Tensor:
    freedom, t = (
        each.cpu().numpy()
        for each in (distribution.df, (x - distribution.loc) / distribution.scale)
    )
    return torch.as_tensor(stdtr(freedom, t), dtype=x.dtype, device=x.device)


@cdf.register
def _(distribution: BernoulliPixels, x: Tensor) -> Tensor:
    return _two_steps(distribution.mean, x)


@cdf.register
def _(distribution: MixedRow, x: Tensor) -> Tensor:
    gaussian = Normal(distribution.natural, distribution.scale, validate_args=False).cdf(x)
    return torch.where(distribution.layout.numeric, gaussian, _two_steps(distribution.mean, x))


def _two_steps(p_one: Tensor, x: Tensor) -> Tensor:
    """F of a distribution on 0 and 1."""
    return torch.where(x < 0, 0, torch.where(x < 1, 1 - p_one, 1))


@singledispatch
def settled(distribution: Distribution, row: Tensor, mean: Tensor) -> Tensor:
    """`row` with the most probable value under `mean` in each discrete entry."""
    return row


@settled.register
def _(distribution: BernoulliPixels, row: Tensor, mean: Tensor) -> Tensor:
    return (mean > 0.5).to(row.dtype)


@settled.register
def _(distribution: MixedRow, row: Tensor, mean: Tensor) -> Tensor:
    return most_likely(distribution.layout, row, mean)


@torch.no_grad()
def sir_completions(sample: Completions, draws: int, source: Source) -> Tensor:
    """Multiple imputation by sampling-importance-resampling: (draws, B, \\*event).

    Index k has probability α_k. Then x_mis is x_mis,k if the weights are tilted, and otherwise a
    new draw from p(x_mis|z_k).
    """
    rows = torch.arange(len(sample.masked), device=sample.z.device)
    chosen = resample(sample.log_w, draws, source)  # (draws, B)
    if sample.tilted:
        return sample.x[chosen, rows]
    distributions = (take(sample.likelihood, k * len(rows) + rows) for k in chosen)
    return torch.stack(
        [sample.masked.complete(draw(distribution, source)) for distribution in distributions]
    )


@singledispatch
def mixture(distribution: Distribution, log_weights: Tensor) -> Distribution:
    """The mixture with weights α_k, (K, B), of distributions with batch (K, B): batch (B,).

    Raises:
        NotImplementedError: the type has no rule yet; add one with `@mixture.register`.
    """
    raise NotImplementedError(f"no mixture of {type(distribution).__name__}")


@mixture.register
def _(distribution: Normal, log_weights: Tensor) -> MixtureSameFamily:
    parts = Normal(
        distribution.loc.T, distribution.scale.expand_as(distribution.loc).T, validate_args=False
    )
    return MixtureSameFamily(Categorical(logits=log_weights.T), parts, validate_args=False)


@mixture.register
def _(distribution: Categorical, log_weights: Tensor) -> Categorical:
    joint = log_weights[..., None].double() + distribution.logits
    return Categorical(logits=torch.logsumexp(joint, 0))
