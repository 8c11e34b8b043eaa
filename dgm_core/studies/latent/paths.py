"""Paths through a latent space with a standard normal prior: lines, great circles, grids.

    linear     z(t) = (1 − t) a + t b
    spherical  the direction turns at constant speed from a to b, the length changes linearly

In L dimensions almost all draws of N(0, I) have a length near √L. The middle of a line between two
draws is shorter by a factor of √2, so it is far from the latents of the training. The spherical
path (Shoemake 1985; White 2016) keeps the length.

    >>> a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    >>> spherical(a, b, 3).norm(dim=-1).round().tolist()
    [2.0, 2.0, 2.0]
    >>> linear(a, b, 3)[1].tolist()
    [1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PARALLEL = 1e-4
"""Below this angle, in radians, a great circle is replaced by a line."""


def linear(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """From a to b, (steps, \\*event), both ends included.

    For latents (L,); for images (C, H, W) it is the cross-fade.

    Raises:
        ValueError: fewer than two steps.
    """
    t = _times(steps).to(a).reshape(-1, *[1] * a.dim())
    return (1 - t) * a + t * b


def spherical(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """From a to b, both (L,), on the great circle, (steps, L).

    Between opposite latents there are many great circles; one of them is chosen.

    Raises:
        ValueError: fewer than two steps, or a latent of length 0, which has no direction.
    """
    t = _times(steps).to(a)[:, None]
    lengths = torch.linalg.vector_norm(torch.stack([a, b]), dim=1)
    if not (lengths > 0).all():
        raise ValueError("a latent of length 0 has no direction to turn from")
    u, v = a / lengths[0], b / lengths[1]
    # Accurate for small and large angles: sum and difference of unit vectors (Kahan).
    angle = 2 * torch.atan2(torch.linalg.vector_norm(v - u), torch.linalg.vector_norm(v + u))
    if angle < PARALLEL:
        direction = (1 - t) * u + t * v
    else:
        across = v - (u @ v) * u
        if torch.linalg.vector_norm(across) < PARALLEL:  # opposite
            across = torch.zeros_like(u).index_fill(0, u.abs().argmin(), 1.0)
            across = across - (u @ across) * u
        across = across / torch.linalg.vector_norm(across)
        direction = torch.cos(t * angle) * u + torch.sin(t * angle) * across
    return ((1 - t) * lengths[0] + t * lengths[1]) * direction


def perturbed(z: Tensor, directions: Tensor, steps: Sequence[float]) -> Tensor:
    """z + ε v for each direction v and step ε.

    Args:
        z: (L,).
        directions: (D, L); rows of the identity for single dimensions.
        steps: E values of ε, in standard deviations of the prior.

    Returns:
        (D, E, L).
    """
    return z + torch.as_tensor(steps).to(z)[:, None] * directions[:, None]


def truncated(z: Tensor, factor: float) -> Tensor:
    """z moved towards the mean of the prior: 1 leaves z unchanged, 0 gives the mean."""
    return factor * z


def steps_between(images: Tensor) -> Tensor:
    """Euclidean distance from each image of a path (N, C, H, W) to the next, (N − 1,).

    Their sum is the length of the path in pixel space. No path is shorter than the cross-fade.
    """
    return torch.linalg.vector_norm((images[1:] - images[:-1]).flatten(1), dim=1)


def _times(steps: int) -> Tensor:
    if steps < 2:
        raise ValueError(f"expected at least 2 steps, got {steps}")
    return torch.linspace(0, 1, steps)
