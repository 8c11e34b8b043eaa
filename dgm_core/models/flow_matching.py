"""Flow matching (Lipman et al. 2023; Liu, Gong & Liu 2023): a velocity carries noise to data.

    x_t = (1 − t) ε + t x,   ε ~ N(0, I),   t from 0 (noise) to 1 (data)
    v(x_t, t) = E[x − ε | x_t],   the minimiser of E ‖v(x_t, t) − (x − ε)‖²

The velocity also gives the expected end of a path, its noise, and the score of the marginal:

    x̂ = E[x | x_t] = x_t + (1 − t) v,   ε̂ = x_t − t v,   ∇ log p_t(x_t) = −ε̂ / (1 − t)

`samplers.flow_inpainting` completes data with a velocity. For Gaussian data the velocity is known
in closed form (`GaussianVelocity`), so its samplers can be compared with the exact conditional.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_core.rng import normal, uniform
from dgm_core.samplers.flow_inpainting import Velocity


def flow_matching_loss(velocity: Velocity, x: Tensor, source: torch.Generator) -> Tensor:
    """‖v(x_t, t) − (x − ε)‖² at random t and ε: summed over the entries, mean over rows.

    Args:
        velocity: that is trained.
        x: data (B, \\*event).
        source: of t and ε.
    """
    t = uniform((len(x),), source, x.dtype)
    noise = normal(tuple(x.shape), source, x.dtype)
    at = t.view(-1, *(1,) * (x.dim() - 1))
    error = velocity((1 - at) * noise + at * x, t) - (x - noise)
    return error.square().flatten(1).sum(1).mean()


class GaussianVelocity(nn.Module):
    """The velocity for data from N(m, C), in closed form:

        E[x | x_t] = m + t C (t² C + (1 − t)² I)⁻¹ (x_t − t m),   v = (E[x | x_t] − x_t) / (1 − t)

    Args:
        mean: m, (D,).
        covariance: C, (D, D).

    Example:
        >>> velocity = GaussianVelocity(torch.zeros(2), torch.eye(2))
        >>> velocity(torch.ones(1, 2), torch.tensor([0.5]))  # halfway, the noise is as large
        tensor([[0., 0.]])
    """

    mean: Tensor
    values: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        super().__init__()
        values, axes = torch.linalg.eigh(covariance)
        self.register_buffer("mean", mean)
        self.register_buffer("values", values)  # (D,)
        self.register_buffer("axes", axes)  # (D, D), in columns

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Points (B, D) and times (B,), below 1 → velocities (B, D)."""
        t = t[:, None]
        off = (x - t * self.mean) @ self.axes
        # In each axis, (E[x | x_t] − x_t) / (1 − t) without the division.
        slope = (t * self.values - (1 - t)) / (t.square() * self.values + (1 - t).square())
        return self.mean + (slope * off) @ self.axes.T
