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
def log_prob_observed(law: Distribution, masked: Masked) -> Tensor:
    """log p(x_obs | z), (B,) in nats: the hidden entries are integrated out, not set to 0.

    Args:
        law: p(x|z), batch (B,), entries independent given z.
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
        f"no density of the observed entries alone for {type(law).__name__}; "
        "give it one with @log_prob_observed.register"
    )


@log_prob_observed.register
def _(law: BernoulliPixels, masked: Masked) -> Tensor:
    # Σ_obs x η − softplus(η); hidden entries of x are 0, so the first sum needs no mask.
    log_normaliser = torch.nn.functional.softplus(law.logits)
    seen = masked.observed.to(log_normaliser.dtype)
    return _inner(masked.x, law.logits) - _inner(seen, log_normaliser)


@log_prob_observed.register
def _(law: DiscretisedLogistic, masked: Masked) -> Tensor:
    return _sum_observed(law.log_prob_each(masked.x), masked)


@log_prob_observed.register
def _(law: MixedRow, masked: Masked) -> Tensor:
    return _sum_observed(law.log_prob_each(masked.x), masked)


@log_prob_observed.register
def _(law: Independent, masked: Masked) -> Tensor:
    if law.base_dist.batch_shape != masked.x.shape:
        raise NotImplementedError(
            f"expected a law of single entries of shape {tuple(masked.x.shape)} within "
            f"Independent, got {type(law.base_dist).__name__} "
            f"of batch shape {tuple(law.base_dist.batch_shape)}"
        )
    return _sum_observed(law.base_dist.log_prob(masked.x), masked)


def _sum_observed(each: Tensor, masked: Masked) -> Tensor:
    return torch.where(masked.observed, each, 0).flatten(1).sum(1)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩ of each row, (B,)."""
    return (a.flatten(1)[:, None] @ b.flatten(1)[:, :, None])[:, 0, 0]


@singledispatch
def log_prob_observed_at_each(law: Distribution, masked: Masked) -> Tensor:
    """log p(x_obs | z_j) of every row under every distribution of the batch: (N, B) nats.

    Args:
        law: p(x|z_j), batch (N,), with a rule in `log_prob_observed`.
        masked: B rows.
    """
    count = law.batch_shape[0]
    rows = (masked[row : row + 1].tile(count) for row in range(len(masked)))
    return torch.stack([log_prob_observed(law, each) for each in rows], 1)


@log_prob_observed_at_each.register
def _(law: Independent, masked: Masked) -> Tensor:
    base = law.base_dist
    if not isinstance(base, Normal) or base.batch_shape[1:] != masked.x.shape[1:]:
        return log_prob_observed_at_each.dispatch(object)(law, masked)
    # In −½ (x² − 2 x m + m²) / s² digits cancel, so the computation uses float64.
    loc, scale, x = (each.flatten(1).double() for each in (base.loc, base.scale, masked.x))
    seen = masked.observed.flatten(1).double()
    precision = scale.square().reciprocal()
    constant = -0.5 * loc.square() * precision - scale.log() - 0.5 * math.log(2 * math.pi)
    parts = torch.cat([-0.5 * precision, loc * precision, constant], 1)  # (N, 3 D)
    return parts @ torch.cat([x.square(), x, seen], 1).T


@log_prob_observed_at_each.register
def _(law: BernoulliPixels, masked: Masked) -> Tensor:
    logits = law.logits.flatten(1)
    seen = masked.observed.flatten(1).to(logits.dtype)
    return logits @ masked.x.flatten(1).T - torch.nn.functional.softplus(logits) @ seen.T


@singledispatch
def take(law: Distribution, rows: Tensor) -> Distribution:
    """The distributions of the chosen `rows` (N,), in that order, repetitions included.

    Raises:
        NotImplementedError: the type has no rule yet.
    """
    raise NotImplementedError(
        f"no choice of rows for {type(law).__name__}; give it one with @take.register"
    )


@take.register
def _(law: BernoulliPixels, rows: Tensor) -> BernoulliPixels:
    return BernoulliPixels(law.logits[rows], law.log_normaliser[rows])


@take.register
def _(law: DiscretisedLogistic, rows: Tensor) -> DiscretisedLogistic:
    return DiscretisedLogistic(law.loc[rows], law.scale.expand_as(law.loc)[rows])


@take.register
def _(law: Independent, rows: Tensor) -> Independent:
    base = take(law.base_dist, rows)
    return Independent(base, law.reinterpreted_batch_ndims, validate_args=False)


@take.register
def _(law: Normal, rows: Tensor) -> Normal:
    return Normal(law.loc[rows], law.scale[rows], validate_args=False)


@take.register
def _(law: StudentT, rows: Tensor) -> StudentT:
    return StudentT(law.df[rows], law.loc[rows], law.scale[rows], validate_args=False)


@take.register
def _(law: MixedRow, rows: Tensor) -> MixedRow:
    return MixedRow(law.layout, law.natural[rows], law.scale[rows])
