"""Images of a VAE: samples from its prior, a plane in its latent space, and reconstructions.

The plane is sampled at the quantiles (k + ½) / n of the prior, so all images of the sheet
represent the same mass of N(0, I) (Kingma & Welling 2014).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.rng import generator, normal
from dgm_core.types import LatentVariableModel


@torch.no_grad()
def samples(model: LatentVariableModel, count: int, seed: int = 0) -> Tensor:
    """E[x|z] at draws of the prior N(0, I), (count, \\*event); z depends on the seed only."""
    latents = model.prior().mean
    z = normal((count, *latents.shape), generator(seed)).to(latents)
    return model.decode(z).mean


@torch.no_grad()
def manifold(model: LatentVariableModel, units: tuple[int, int], side: int) -> Tensor:
    """E[x|z] with two units at the quantiles of N(0, 1) and the other units at 0.

    Args:
        model: with prior N(0, I).
        units: the unit that increases rightwards and the unit that increases upwards.
        side: number of quantiles of each unit.

    Returns:
        (side · side, \\*event), row by row from the top.

    Raises:
        ValueError: the two are the same unit.
    """
    if units[0] == units[1]:
        raise ValueError(f"expected two units, got {units[0]} twice")
    latents = model.prior().mean
    quantiles = torch.special.ndtri((torch.arange(side) + 0.5) / side).to(latents)
    z = latents.new_zeros(side, side, len(latents))
    z[..., units[0]] = quantiles
    z[..., units[1]] = quantiles.flip(0)[:, None]
    return model.decode(z.flatten(0, 1)).mean


@torch.no_grad()
def reconstructions(model: LatentVariableModel, x: Tensor) -> Tensor:
    """E[x'|z] at the mean of q(z|x), for x (B, \\*event): (B, \\*event)."""
    return model.decode(model.encode(x).mean).mean
