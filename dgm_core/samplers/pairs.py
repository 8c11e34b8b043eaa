"""The density of every latent of an image under every one of its proposals."""

from __future__ import annotations

import math
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_core.distributions.basic import TriangularNormal


@singledispatch
def log_prob_of_pairs(distribution: Distribution, z: Tensor) -> Tensor:
    """log q(z_j | k) for the J latents and the K distributions of each image, (B, J, K).

    Args:
        distribution: batch (B · K,), those of an image in succession.
        z: (B, J, L).
    """
    images, count = len(z), distribution.batch_shape[0] // len(z)
    each = z.transpose(0, 1)[:, :, None].expand(-1, -1, count, -1)  # (J, B, K, L)
    log_q = distribution.log_prob(each.flatten(1, 2))
    return log_q.unflatten(1, (images, count)).transpose(0, 1)


@log_prob_of_pairs.register
def _(distribution: TriangularNormal, z: Tensor) -> Tensor:
    # diag(1/s) P (z − μ) of all pairs is one matrix product for each image.
    images, size = len(z), z.shape[-1]
    identity = torch.eye(size, dtype=z.dtype, device=z.device)
    root = (identity + distribution.below) * torch.exp(-distribution.log_scale)[..., None]
    centre = (root @ distribution.loc[..., None])[..., 0].unflatten(0, (images, -1))
    rows = root.unflatten(0, (images, -1)).flatten(1, 2)  # (B, K L, L)
    standard = (z @ rows.mT).unflatten(2, (-1, size)).sub_(centre[:, None])  # (B, J, K, L)
    log_volume = distribution.log_scale.sum(-1).unflatten(0, (images, 1, -1))
    constant = 0.5 * math.log(2 * math.pi) * size
    return -0.5 * standard.square_().sum(-1) - log_volume - constant
