"""What no model with such a decoder exceeds on a set of images, whatever its networks and prior.

A model is a mixture of the laws that its decoder may put out, so its log-likelihood of a set is at
most that of the best mixture of them. Of a Gaussian decoder that is the nonparametric
maximum-likelihood mixture, found by EM and made a bound by its dual gap (see
`mixtures.nonparametric`). Of a discrete one it is the empirical distribution,

    Σ_n log (how often x_n is there / how many there are),

no law on finitely many images being likelier. Either is a bound for the set and not for each of
its members.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dgm_core.distributions import BernoulliPixels, DiscretisedLogistic
from dgm_core.distributions.likelihoods import (
    GaussianLikelihood,
    GaussianPixelLikelihood,
    GaussianRowLikelihood,
)
from dgm_core.mixtures import nonparametric
from dgm_core.mixtures.dual_gap import log_sup_bound
from dgm_core.mixtures.nonparametric import Family
from dgm_core.types import LatentVariableModel


class Upper(NamedTuple):
    """What no mixture of a kind exceeds on a set of points."""

    per_point: float  # nats: at least that of the best mixture
    reached: float  # nats a point: of a mixture that was found
    components: int  # of it
    mixture: nonparametric.Atoms | None = None  # None: the empirical distribution


def upper_bound(
    model: LatentVariableModel, x: Tensor, family: Family | None = None
) -> Upper | None:
    """What the log-likelihood of images (B, \\*event) under such a decoder cannot exceed.

    None where no bound is known: a Student-t decoder, or a Gaussian one of no stated floor.
    """
    likelihood = getattr(model, "likelihood", None)
    if family is None and isinstance(likelihood, nn.Module):
        family = family_of(likelihood)
    if family is not None:
        return best_mixture(x.flatten(1), family)
    with torch.no_grad():
        law = model.decode(model.prior().mean[None])
    discrete = isinstance(law, BernoulliPixels | DiscretisedLogistic)
    return empirical(x.flatten(1)) if discrete else None


def best_mixture(x: Tensor, family: Family, *, tolerance: float = 0.005) -> Upper:
    """Of points (N, D): ℓ(Ĝ) is at least `reached` and at most `per_point`."""
    *_, last = nonparametric.fit(x, family)
    gap = log_sup_bound(x, last.atoms.log_prob(x.double()), family, tolerance=tolerance)
    reached = last.log_likelihood / len(x)
    count = nonparametric.components(last.atoms, len(x))
    # Below 0 the gap is rounding: sup D is 1 at least.
    return Upper(reached + max(gap, 0.0), reached, count, last.atoms)


def empirical(x: Tensor) -> Upper:
    """Of discrete points (N, D): the likelihood of each being as probable as it is frequent."""
    _, counts = x.unique(dim=0, return_counts=True)
    value = (counts * (counts.double() / len(x)).log()).sum().item() / len(x)
    return Upper(value, value, len(counts))


@singledispatch
def family_of(likelihood: nn.Module) -> Family | None:
    """Θ of a Gaussian head, for x as it reads it; None of others.

    Of a head with one scale for each channel it is the range of these scales, which bounds models
    of the same scales. Where the scale depends on z, all above the floor.
    """
    return None


@family_of.register
def _(likelihood: GaussianLikelihood) -> Family:
    head = likelihood.scale
    variances = (head.floor + nn.functional.softplus(head.raw.detach())).double().square()
    return Family(variances.min().item(), variances.max().item())


@family_of.register(GaussianPixelLikelihood)
@family_of.register(GaussianRowLikelihood)
def _(likelihood: GaussianPixelLikelihood | GaussianRowLikelihood) -> Family:
    return Family(likelihood.scale_floor**2)
