"""Upper bounds on the log-likelihood of a set of images, for all networks and priors.

A model is a mixture of the distributions that its decoder can output. Its log-likelihood of a set
is therefore at most that of the best such mixture. For a Gaussian decoder this is the
nonparametric maximum-likelihood mixture. EM fits it, and its dual gap turns the fit into a bound
(see `mixtures.nonparametric`). For a discrete decoder it is the empirical distribution,

    Σ_n log (number of copies of x_n / N),

because no distribution gives a set of N images a higher likelihood. Both bounds hold for the set,
not for each image.
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
    """Upper bound on the log-likelihood of a set of points under any mixture of a family."""

    per_point: float  # the upper bound, nats per point
    reached: float  # log-likelihood of the fitted mixture, nats per point
    components: int  # of the fitted mixture
    mixture: nonparametric.Atoms | None = None  # None: the empirical distribution


def upper_bound(
    model: LatentVariableModel, x: Tensor, family: Family | None = None
) -> Upper | None:
    """Upper bound on the log-likelihood of images (B, \\*event) under the model's decoder.

    None if no bound is known: for a Student-t decoder, or a Gaussian one without a known floor.

    Args:
        model: its decoder determines the bound.
        x: the set of images.
        family: possible Gaussians of the decoder; None = those of the model's likelihood.
    """
    likelihood = getattr(model, "likelihood", None)
    if family is None and isinstance(likelihood, nn.Module):
        family = family_of(likelihood)
    if family is not None:
        return best_mixture(x.flatten(1), family)
    with torch.no_grad():
        decoded = model.decode(model.prior().mean[None])
    discrete = isinstance(decoded, BernoulliPixels | DiscretisedLogistic)
    return empirical(x.flatten(1)) if discrete else None


def best_mixture(x: Tensor, family: Family, *, tolerance: float = 0.005) -> Upper:
    """Bounds on ℓ(Ĝ) / N of points (N, D): at least `reached`, at most `per_point`."""
    *_, last = nonparametric.fit(x, family)
    gap = log_sup_bound(x, last.atoms.log_prob(x.double()), family, tolerance=tolerance)
    reached = last.log_likelihood / len(x)
    count = nonparametric.components(last.atoms, len(x))
    # sup D is at least 1, so a negative gap is a rounding error.
    return Upper(reached + max(gap, 0.0), reached, count, last.atoms)


def empirical(x: Tensor) -> Upper:
    """Log-likelihood of discrete points (N, D) under their empirical distribution."""
    _, counts = x.unique(dim=0, return_counts=True)
    value = (counts * (counts.double() / len(x)).log()).sum().item() / len(x)
    return Upper(value, value, len(counts))


@singledispatch
def family_of(likelihood: nn.Module) -> Family | None:
    """Family of a Gaussian decoder head; None for other heads.

    For a head with one scale per channel, the family is limited to the range of these scales, and
    the bound holds for models with the same scales. If the scale depends on z, the family has all
    scales above the floor.
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
