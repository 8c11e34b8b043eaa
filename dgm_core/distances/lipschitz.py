"""The dual of the Wasserstein distance, and the penalty that keeps a critic nearly 1-Lipschitz.

    W1(P, Q) = max over 1-Lipschitz f of  E_P f(x) − E_Q f(y)          (Kantorovich–Rubinstein)

A critic f is a network and need not be 1-Lipschitz. The penalty takes its slope at random points
between samples of P and Q, and penalises slopes above 1 (Petzka, Fischer & Lukovnikov 2018;
Gulrajani et al. 2017 penalise slopes below 1 too, although the optimal f may have them):

    E relu(‖∇f(x̂)‖ − 1)²,   x̂ = t x + (1 − t) y,   t ~ U[0, 1], one for each sample

The norm is over *all* features of a sample. On images, a norm over dimension 1 alone would be the
norm over the colours of one pixel, about 50 times too small at 32×32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.rng import uniform

Critic = Callable[[Tensor], Tensor]
"""(B, \\*event) → (B,). Each row must be independent of the others, so no batch norm."""


def between(x: Tensor, y: Tensor, source: torch.Generator) -> Tensor:
    """A random point on the line from each row of `y` to that of `x`, both (B, \\*event)."""
    t = uniform((len(x),) + (1,) * (x.dim() - 1), source, x.dtype)
    return torch.lerp(y, x, t)


def slopes(critic: Critic, x: Tensor) -> Tensor:
    """‖∇f(x)‖ over all features of each row, (B,); differentiable in the critic's weights.

    Raises:
        ValueError: the critic does not return one number per row.
    """
    x = x.detach().requires_grad_()
    score = critic(x)
    if score.shape != (len(x),):
        raise ValueError(f"expected a critic that returns ({len(x)},), got {tuple(score.shape)}")
    (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return torch.linalg.vector_norm(gradient.flatten(1), dim=1)


def lipschitz_penalty(critic: Critic, x: Tensor, y: Tensor, source: torch.Generator) -> Tensor:
    """E relu(‖∇f(x̂)‖ − 1)² over points x̂ between rows of `x` and of `y`, ().

    Args:
        critic: f, on (B, \\*event).
        x: rows of P, (B, \\*event).
        y: rows of Q, the same shape.

    Raises:
        ValueError: shapes differ, or the critic does not return one number per row.

    Example:
        >>> x, y = torch.zeros(4, 2), torch.ones(4, 2)
        >>> lipschitz_penalty(lambda x: x @ torch.tensor([3.0, 4.0]), x, y, torch.Generator())
        tensor(16.)
    """
    if x.shape != y.shape:
        raise ValueError(f"expected x and y of one shape, got {tuple(x.shape)}, {tuple(y.shape)}")
    steep = torch.relu(slopes(critic, between(x, y, source)) - 1)
    return steep.square().mean()
