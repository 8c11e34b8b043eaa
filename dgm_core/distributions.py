"""Two things `torch.distributions` lacks: a Gaussian given by its precision factor, and `where`.

`TriangularNormal` is the full-covariance proposal of the image models.  With a unit lower
triangular P and scales s > 0,

    u = P (z − μ),   u_i ~ N(0, s_i²),   log q(z) = Σ_i log N(u_i; 0, s_i²),

so the density is one matrix-vector product for every z, and only a draw solves a triangular
system.  Its covariance is P⁻¹ diag(s²) P⁻ᵀ: any covariance there is.
"""

from __future__ import annotations

import math
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal, constraints

from dgm_core.rng import Source, draw, noise, normal


class TriangularNormal(Distribution):
    """N(mean, P⁻¹ diag(scale²) P⁻ᵀ) with P unit lower triangular.

    Args:
        mean: (B, L).
        log_scale: (B, L), log s.
        factor: (B, L, L), P; ones on the diagonal, zeros above it.
    """

    arg_constraints: dict = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, mean: Tensor, log_scale: Tensor, factor: Tensor) -> None:
        self.loc, self.log_scale, self.factor = mean, log_scale, factor
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def covariance_matrix(self) -> Tensor:
        """P⁻¹ diag(s²) P⁻ᵀ, (B, L, L)."""
        root = torch.linalg.solve_triangular(
            self.factor, torch.diag_embed(self.log_scale.exp()), upper=False, unitriangular=True
        )
        return root @ root.mT

    def log_prob(self, value: Tensor) -> Tensor:
        u = torch.einsum("...ij,...j->...i", self.factor, value - self.loc)
        standard = u * torch.exp(-self.log_scale)
        half_log_two_pi = 0.5 * math.log(2 * math.pi) * value.shape[-1]
        return -0.5 * standard.square().sum(-1) - self.log_scale.sum(-1) - half_log_two_pi

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:
        eps = torch.randn(
            self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device
        )
        return self.from_noise(eps)

    def from_noise(self, eps: Tensor) -> Tensor:
        """μ + P⁻¹ (s · eps) for standard normal eps (B, L) or (K, B, L)."""
        u = eps * self.log_scale.exp()
        columns = u[..., None] if u.dim() == 2 else u.permute(1, 2, 0)  # (B, L, 1 or K)
        z = torch.linalg.solve_triangular(self.factor, columns, upper=False, unitriangular=True)
        return self.loc + (z[..., 0] if u.dim() == 2 else z.permute(2, 0, 1))


@draw.register
def _(distribution: TriangularNormal, source: Source, draws: int | None = None) -> Tensor:
    return distribution.from_noise(noise(normal, distribution.loc, source, draws))


@singledispatch
def where(a: Distribution, choose_a: Tensor, b: Distribution) -> Distribution:
    """Row by row: the law `a` where `choose_a` (B,) is True, else the law `b` of the same type.

    Raises:
        NotImplementedError: the law has no rule yet; add one with `@where.register`.
    """
    raise NotImplementedError(f"no where() for {type(a).__name__}")


@where.register
def _(a: Independent, choose_a: Tensor, b: Independent) -> Independent:
    return Independent(
        where(a.base_dist, choose_a, b.base_dist),
        a.reinterpreted_batch_ndims,
        validate_args=False,
    )


@where.register
def _(a: Bernoulli, choose_a: Tensor, b: Bernoulli) -> Bernoulli:
    return Bernoulli(logits=_rows(choose_a, a.logits, b.logits), validate_args=False)


@where.register
def _(a: Normal, choose_a: Tensor, b: Normal) -> Normal:
    loc, scale = _rows(choose_a, a.loc, b.loc), _rows(choose_a, a.scale, b.scale)
    return Normal(loc, scale, validate_args=False)


def _rows(choose_a: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(choose_a.reshape((-1,) + (1,) * (a.dim() - 1)), a, b)
