"""The density of the observed entries under p(x|z), and the choice of rows of a distribution.

Both are single-dispatch functions. A new likelihood registers its rules with
`@log_prob_observed.register` and `@take.register`.
"""

from __future__ import annotations

import math
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, StudentT

from dgm_core.distributions import BernoulliPixels, DiscretisedLogistic
from dgm_core.distributions.columns import MixedRow
from dgm_core.types import Masked


@singledispatch
def log_prob_observed(distribution: Distribution, masked: Masked) -> Tensor:
    """log p(x_obs | z), (B,) in nats: the hidden entries are integrated out, not set to 0.

    Args:
        distribution: p(x|z), batch (B,), entries independent given z.
        masked: B rows.

    Raises:
        NotImplementedError: the type has no rule yet.

    Example:
        >>> pixels = BernoulliPixels(torch.zeros(1, 3))
        >>> masked = Masked(torch.ones(1, 3), torch.tensor([[True, False, False]]))
        >>> log_prob_observed(pixels, masked)
        tensor([-0.6931])
    """
    raise NotImplementedError(
        f"no density of the observed entries alone for {type(distribution).__name__}; "
        "give it one with @log_prob_observed.register"
    )


@log_prob_observed.register
def _(distribution: BernoulliPixels, masked: Masked) -> Tensor:
    # Σ_obs x η − softplus(η); hidden entries of x are 0, so the first sum needs no mask.
    log_normaliser = torch.nn.functional.softplus(distribution.logits)
    seen = masked.observed.to(log_normaliser.dtype)
    return _inner(masked.x, distribution.logits) - _inner(seen, log_normaliser)


@log_prob_observed.register
def _(distribution: DiscretisedLogistic, masked: Masked) -> Tensor:
    return _sum_observed(distribution.log_prob_each(masked.x), masked)


@log_prob_observed.register
def _(distribution: MixedRow, masked: Masked) -> Tensor:
    return _sum_observed(distribution.log_prob_each(masked.x), masked)


@log_prob_observed.register
def _(distribution: Independent, masked: Masked) -> Tensor:
    if distribution.base_dist.batch_shape != masked.x.shape:
        raise NotImplementedError(
            f"expected a distribution of single entries of shape {tuple(masked.x.shape)} within "
            f"Independent, got {type(distribution.base_dist).__name__} "
            f"of batch shape {tuple(distribution.base_dist.batch_shape)}"
        )
    return _sum_observed(distribution.base_dist.log_prob(masked.x), masked)


def _sum_observed(each: Tensor, masked: Masked) -> Tensor:
    return torch.where(masked.observed, each, 0).flatten(1).sum(1)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩ of each row, (B,)."""
    return (a.flatten(1)[:, None] @ b.flatten(1)[:, :, None])[:, 0, 0]


@singledispatch
def log_prob_observed_at_each(distribution: Distribution, masked: Masked) -> Tensor:
    """log p(x_obs | z_j) of every row under every distribution of the batch: (N, B) nats.

    Args:
        distribution: p(x|z_j), batch (N,), with a rule in `log_prob_observed`.
        masked: B rows.
    """
    count = distribution.batch_shape[0]
    rows = (masked[row : row + 1].tile(count) for row in range(len(masked)))
    return torch.stack([log_prob_observed(distribution, each) for each in rows], 1)


@log_prob_observed_at_each.register
def _(distribution: Independent, masked: Masked) -> Tensor:
    base = distribution.base_dist
    if not isinstance(base, Normal) or base.batch_shape[1:] != masked.x.shape[1:]:
        return log_prob_observed_at_each.dispatch(object)(distribution, masked)
    # In −½ (x² − 2 x m + m²) / s² digits cancel, so the computation uses float64.
    loc, scale, x = (each.flatten(1).double() for each in (base.loc, base.scale, masked.x))
    seen = masked.observed.flatten(1).double()
    precision = scale.square().reciprocal()
    constant = -0.5 * loc.square() * precision - scale.log() - 0.5 * math.log(2 * math.pi)
    parts = torch.cat([-0.5 * precision, loc * precision, constant], 1)  # (N, 3 D)
    return parts @ torch.cat([x.square(), x, seen], 1).T


@log_prob_observed_at_each.register
def _(distribution: BernoulliPixels, masked: Masked) -> Tensor:
    logits = distribution.logits.flatten(1)
    seen = masked.observed.flatten(1).to(logits.dtype)
    return logits @ masked.x.flatten(1).T - torch.nn.functional.softplus(logits) @ seen.T


@singledispatch
def take(distribution: Distribution, rows: Tensor) -> Distribution:
    """The distributions of the chosen `rows` (N,), in that order, repetitions included.

    Raises:
        NotImplementedError: the type has no rule yet.
    """
    raise NotImplementedError(
        f"no choice of rows for {type(distribution).__name__}; give it one with @take.register"
    )


@take.register
def _(distribution: BernoulliPixels, rows: Tensor) -> BernoulliPixels:
    return BernoulliPixels(distribution.logits[rows], distribution.log_normaliser[rows])


@take.register
def _(distribution: DiscretisedLogistic, rows: Tensor) -> DiscretisedLogistic:
    return DiscretisedLogistic(
        distribution.loc[rows], distribution.scale.expand_as(distribution.loc)[rows]
    )


@take.register
def _(distribution: Independent, rows: Tensor) -> Independent:
    base = take(distribution.base_dist, rows)
    return Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)


@take.register
def _(distribution: Normal, rows: Tensor) -> Normal:
    return Normal(distribution.loc[rows], distribution.scale[rows], validate_args=False)


@take.register
def _(distribution: StudentT, rows: Tensor) -> StudentT:
    return StudentT(
        distribution.df[rows],
        distribution.loc[rows],
        distribution.scale[rows],
        validate_args=False,
    )


@take.register
def _(distribution: MixedRow, rows: Tensor) -> MixedRow:
    return MixedRow(distribution.layout, distribution.natural[rows], distribution.scale[rows])
