"""The ELBO's two terms, and how much each latent unit of a VAE carries about x.

    ELBO = E log p(x|z) − KL(q(z|x) ‖ p(z)),    KL_u = E_x KL(q(z_u|x) ‖ p(z_u)) of unit u

A unit is *active* if the variance over images of the mean of q(z_u|x) is above 0.01 (Burda, Grosse
& Salakhutdinov 2016). The other units have collapsed: their posterior is close to the prior, and
they carry almost no information about x.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import draw
from dgm_core.types import LatentVariableModel

ACTIVE = 0.01
"""A unit is active if the variance of its mean over images is above this value."""


class Units(NamedTuple):
    """Diagnostics of each latent, (L,) each."""

    divergence: Tensor  # KL_u, nats per image
    spread: Tensor  # variance over images of the mean of q(z_u|x)

    @property
    def active(self) -> Tensor:
        """Which units are active, (L,) bool."""
        return self.spread > ACTIVE


@torch.no_grad()
def bound_terms(
    model: LatentVariableModel, x: Tensor, draws: int, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """E log p(x|z) and KL(q ‖ p) of each x (B, \\*event), (B,) each, from `draws` draws of z."""
    q = model.encode(x)
    z = draw(q, source, draws)
    each = x.expand(draws, *x.shape).flatten(0, 1)
    log_likelihood = model.decode(z.flatten(0, 1)).log_prob(each).unflatten(0, z.shape[:2])
    divergence = q.log_prob(z) - model.prior().log_prob(z)
    return log_likelihood.mean(0), divergence.mean(0)


@torch.no_grad()
def moments(model: LatentVariableModel, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each unit of q(z|x), (B, L) each."""
    q = model.encode(x)
    return q.mean, q.variance


def units(mean: Tensor, variance: Tensor) -> Units:
    """Diagnostics of each unit from the moments of q(z|x), (N, L), for the prior N(0, I).

    If the latents are correlated under q, KL_u is that of the unit's marginal distribution, and
    the sum over units is not the KL of q.
    """
    each = 0.5 * (mean.square() + variance - 1 - variance.log())
    return Units(each.double().mean(0).cpu(), mean.double().var(0).cpu())
