"""Small Gaussian DLVMs that differ only in the floor of their variance, trained together.

    p(z) = N(0, I),   p(x|z) = N(x; m(z), diag v(z)),   v(z) ≥ floor

With one latent, the model is a curve. Its decoder reads u = Φ(z), uniform on [0, 1], through M
bumps that sum to one. So the curve can be nearly constant over an interval of u and then move on,
which it needs to shrink onto data points. These models are trained on their likelihood itself, by
strata of u,

    p(x) ≈ (1/G) Σ_g p(x | u_g),   u_g = (g + ε) / G,   ε ~ U[0, 1), a new ε in every step.

The estimate is unbiased for p(x), and there is no encoder whose errors could hide what the decoder
can do. With several latents, the networks are plain and the training uses the ELBO.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_core.distributions import Gaussian
from dgm_core.distributions.posteriors import LOG_SCALE_RANGE
from dgm_core.networks.stacked import StackedMLP
from dgm_core.rng import normal, uniform

WIDTH = 0.35
"""The width of a bump, in units of the distance between bumps."""


class FlooredDLVMs(nn.Module):
    """R models of rows (D,) with the same initial weights.

    Args:
        floors: R least variances.
        dim: D.
        latent_dim: L; 1 for a curve.
        hidden: units per hidden layer; a curve's decoder has one hidden layer, others have two.
        source: source of the initial weights.
        bumps: M, for a curve.

    Raises:
        ValueError: a floor is not above 0.
    """

    floors: Tensor  # (R,)

    def __init__(
        self,
        floors: Sequence[float],
        dim: int,
        latent_dim: int,
        hidden: int,
        source: torch.Generator,
        bumps: int = 60,
    ) -> None:
        super().__init__()
        if not floors or min(floors) <= 0:
            raise ValueError(f"expected floors above 0, got {tuple(floors)}")
        self.latent_dim, self.bumps = latent_dim, bumps
        self.register_buffer("floors", torch.tensor(floors, dtype=torch.float32))
        count = len(floors)
        if latent_dim == 1:
            self.encoder: StackedMLP | None = None
            self.decoder = StackedMLP(count, (bumps, hidden, 2 * dim), source)
        else:
            self.encoder = StackedMLP(count, (dim, hidden, hidden, 2 * latent_dim), source)
            self.decoder = StackedMLP(count, (latent_dim, hidden, hidden, 2 * dim), source)

    def decoded(self, z: Tensor, floors: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Means and standard deviations (R, N, D) at z (R, N, L).

        `floors` (R,) replaces the models' own floors.
        """
        inputs = self.bumps_at(torch.special.ndtr(z)) if self.latent_dim == 1 else z
        mean, raw = self.decoder(inputs).chunk(2, -1)
        least = (self.floors if floors is None else floors).sqrt()[:, None, None]
        return mean, least + nn.functional.softplus(raw - 1)

    def bumps_at(self, u: Tensor) -> Tensor:
        """The inputs of a curve's decoder at u (…, 1): (…, M), summing to one."""
        centres = (torch.arange(self.bumps, device=u.device) + 0.5) / self.bumps
        return (-0.5 * ((u - centres) * (self.bumps / WIDTH)).square()).softmax(-1)

    def log_likelihood(
        self, x: Tensor, strata: int, source: torch.Generator, floors: Tensor | None = None
    ) -> Tensor:
        """log (1/G) Σ_g p(x | u_g) of rows x (N, D) under curves: (R, N) nats."""
        shift = uniform((1,), source)
        u = ((torch.arange(strata) + shift) / strata).clamp(1e-6, 1 - 1e-6)[None, :, None]
        mean, sd = self.decoded(torch.special.ndtri(u).expand(len(self.floors), -1, -1), floors)
        return _log_normal(x[None, :, None], mean[:, None], sd[:, None]).logsumexp(2) - math.log(
            strata
        )

    def elbo(self, x: Tensor, source: torch.Generator, floors: Tensor | None = None) -> Tensor:
        """The ELBO of rows x (N, D) with one draw of z: (R, N) nats."""
        mean, scale = self.encoded(x)
        z = mean + scale * normal((len(x), self.latent_dim), source)
        divergence = 0.5 * (mean.square() + scale.square() - 1).sum(-1) - scale.log().sum(-1)
        return _log_normal(x, *self.decoded(z, floors)) - divergence

    def encoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and standard deviations (R, N, L) of q(z|x) for rows x (N, D)."""
        if self.encoder is None:
            raise ValueError("a curve has no encoder; expected models of several latents")
        mean, log_scale = self.encoder(x.expand(len(self.floors), -1, -1)).chunk(2, -1)
        return mean, log_scale.clamp(*LOG_SCALE_RANGE).exp()

    def member(self, number: int) -> FlooredDLVM:
        """A copy of one of the models, as a latent-variable model."""
        own = copy.deepcopy(self).requires_grad_(False)
        for parameter in own.parameters():
            parameter.data = parameter.data[number : number + 1].clone()
        own.floors = own.floors[number : number + 1]
        return FlooredDLVM(own)


class FlooredDLVM:
    """One of these models: `prior`, `encode` and `decode`, without gradients.

    A curve has no encoder; its proposal is the prior.

    Args:
        single: `FlooredDLVMs` with R = 1.
    """

    def __init__(self, single: FlooredDLVMs) -> None:
        self.single = single

    @property
    def floor(self) -> float:
        """The least variance."""
        return float(self.single.floors.item())

    def prior(self) -> Distribution:
        """N(0, I)."""
        zeros = self.single.floors.new_zeros(self.single.latent_dim)
        return Independent(Gaussian(zeros, torch.ones_like(zeros), validate_args=False), 1)

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) for x (B, D)."""
        if self.single.encoder is None:
            return self.prior().expand(torch.Size([len(x)]))
        return _independent(*self.single.encoded(x))

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) for z (B, L)."""
        return _independent(*self.single.decoded(z[None]))


def _independent(mean: Tensor, scale: Tensor) -> Independent:
    return Independent(Gaussian(mean[0], scale[0], validate_args=False), 1, validate_args=False)


def _log_normal(x: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    each = -0.5 * ((x - mean) / sd).square() - sd.log()
    return each.sum(-1) - 0.5 * x.shape[-1] * math.log(2 * math.pi)
