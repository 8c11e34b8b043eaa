"""Estimates from weighted latents: predictive densities, and means with one part left out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.bounds import iwae_bound
from dgm_core.samplers.importance import log_prob_observed_by_latent
from dgm_core.types import LatentVariableModel, Masked


def mixture_log_density(
    model: LatentVariableModel, masked: Masked, z: Tensor, decoded_at_once: int = 1000
) -> Callable[[Tensor], Tensor]:
    """x ↦ log (1/n) Σ_k p(x_mis | z_k) on the hidden entries, for equal weights, z (n, B, L).

    With z from p(z | x_obs) it tends to log p(x_mis | x_obs) as n grows; with few latents it is
    too low on average.
    """

    @torch.no_grad()
    def log_density(true_values: Tensor) -> Tensor:
        hidden = Masked(true_values, ~masked.observed)
        return iwae_bound(log_prob_observed_by_latent(model, hidden, z, decoded_at_once))

    return log_density


def without_each(masked: Masked, log_weights: Tensor, means: Tensor) -> Tensor | None:
    """Weighted means without each part in turn, for a jackknife of any score of the mean.

    Args:
        masked: the incomplete data; the result has their observed entries.
        log_weights: (r, B), log of the weight of each part, up to a constant per row.
        means: (r, B, \\*event), the mean within each part.

    Returns:
        (r, B, \\*event), or None if there is only one part.
    """
    parts = len(log_weights)
    if parts == 1:
        return None
    itself = torch.eye(parts, dtype=torch.bool, device=means.device)[..., None]
    others = log_weights[None].expand(parts, -1, -1).masked_fill(itself, -torch.inf).softmax(1)
    flat = torch.einsum("rsb,sbd->rbd", others.to(means.dtype), means.flatten(2))
    return masked.complete(flat.unflatten(2, means.shape[2:]))
