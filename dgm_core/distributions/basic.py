"""Distributions in the form that samplers need, and `where`, which chooses between them by row.

`TriangularNormal` is the full-covariance proposal of the image models.  With P = I + S, S strictly
lower triangular, and scales s > 0,

    u = P (z − μ),   u_i ~ N(0, s_i²),   log q(z) = Σ_i log N(u_i; 0, s_i²),

so the density takes one matrix-vector product for each z, and only a draw solves a triangular
system.  The covariance is P⁻¹ diag(s²) P⁻ᵀ, which can be any covariance.

    >>> pixels = BernoulliPixels(torch.zeros(2, 1, 4, 4))
    >>> pixels.event_shape, pixels.log_prob(torch.ones(2, 1, 4, 4)).div(torch.tensor(0.5).log())
    (torch.Size([1, 4, 4]), tensor([16., 16.]))
"""

from __future__ import annotations

import math
from functools import cached_property, singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

from dgm_core.rng import Source, draw, noise, normal, uniform


class Gaussian(Normal):
    """`Normal` with fewer operations in its log-density, which saves time in small models."""

    def log_prob(self, value: Tensor) -> Tensor:
        standard = (value - self.loc) / self.scale
        return -0.5 * standard.square() - self.scale.log() - 0.5 * math.log(2 * math.pi)


class UncheckedDistribution(Distribution):
    """A distribution without constraints on its parameters; its maker must check them."""

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {}


class TriangularNormal(UncheckedDistribution):
    """N(mean, P⁻¹ diag(scale²) P⁻ᵀ) with P = I + below.

    Args:
        mean: (B, L).
        log_scale: (B, L), log s.
        below: (B, L, L), S; zeros on the diagonal and above it.
    """

    def __init__(self, mean: Tensor, log_scale: Tensor, below: Tensor) -> None:
        self.loc, self.log_scale, self.below = mean, log_scale, below
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        return constraints.real_vector

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def covariance_matrix(self) -> Tensor:
        """P⁻¹ diag(s²) P⁻ᵀ, (B, L, L)."""
        root = torch.linalg.solve_triangular(
            self.below, torch.diag_embed(self.log_scale.exp()), upper=False, unitriangular=True
        )
        return root @ root.mT

    @property
    def variance(self) -> Tensor:
        """The variance of each dimension, (B, L)."""
        return self.covariance_matrix.diagonal(dim1=-2, dim2=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        off = value - self.loc
        u = off + _times(self.below, off)
        standard = u * torch.exp(-self.log_scale)
        half_log_two_pi = 0.5 * math.log(2 * math.pi) * value.shape[-1]
        return -0.5 * standard.square().sum(-1) - self.log_scale.sum(-1) - half_log_two_pi

    def from_noise(self, eps: Tensor) -> Tensor:
        """μ + P⁻¹ (s · eps) for standard normal eps (B, L) or (K, B, L)."""
        u = eps * self.log_scale.exp()
        columns = u[..., None] if u.dim() == 2 else u.permute(1, 2, 0)  # (B, L, 1 or K)
        z = torch.linalg.solve_triangular(self.below, columns, upper=False, unitriangular=True)
        return self.loc + (z[..., 0] if u.dim() == 2 else z.permute(2, 0, 1))


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    """(B, L, L) times (B, L) or (K, B, L)."""
    if vectors.dim() == 2:  # three times as fast as a batched product with one column each
        return (matrices * vectors[:, None, :]).sum(-1)
    return torch.einsum("bij,kbj->kbi", matrices, vectors)


@draw.register
def _(distribution: TriangularNormal, source: Source, draws: int | None = None) -> Tensor:
    return distribution.from_noise(noise(normal, distribution.loc, source, draws))


class BernoulliPixels(UncheckedDistribution):
    """Independent binary pixels, in exponential-family form.

        log p(x) = ⟨x, η⟩ − A(η),   η = logits,   A(η) = Σ_i log(1 + exp η_i)

    A is computed at most once, so the density at another x takes one inner product. Samplers need
    it whenever they redraw the hidden pixels.

    Args:
        logits: (B, \\*event).
        log_normaliser: A, (B,), if it is known.
    """

    def __init__(self, logits: Tensor, log_normaliser: Tensor | None = None) -> None:
        self.logits = logits
        if log_normaliser is not None:
            self.log_normaliser = log_normaliser
        super().__init__(logits.shape[:1], logits.shape[1:], validate_args=False)

    @cached_property
    def log_normaliser(self) -> Tensor:
        """A, (B,): computed from all pixels at the first access."""
        return torch.nn.functional.softplus(self.logits).flatten(1).sum(1)

    @property
    def mean(self) -> Tensor:
        """p(x_i = 1)."""
        return self._mean

    @cached_property
    def _mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    @property
    def variance(self) -> Tensor:
        return self.mean * (1 - self.mean)

    def log_prob(self, value: Tensor) -> Tensor:
        inner = (value.flatten(1)[:, None] @ self.logits.flatten(1)[:, :, None])[:, 0, 0]
        return inner - self.log_normaliser


@draw.register
def _(distribution: BernoulliPixels, source: Source, draws: int | None = None) -> Tensor:
    probs = distribution.mean
    return (noise(uniform, probs, source, draws) < probs).to(probs.dtype)


GREY_LEVELS = 256


class DiscretisedLogistic(UncheckedDistribution):
    """Independent grey levels 0, 1/255, …, 1: a logistic rounded to the nearest level.

        P(x) = σ((x + h/2 − μ) / s) − σ((x − h/2 − μ) / s),   h = 1/255

    The outermost bins are open, so the 256 probabilities sum to 1 (Salimans, Karpathy, Chen &
    Kingma 2017). `mean` and `variance` are those of the logistic clamped to [0, 1], plus h²/12
    for the rounding. Their errors are at most .03 of a level and 5 % of the variance if s is at
    least half a level.

    Args:
        loc: μ, (B, \\*event). It may lie outside [0, 1]; then the outermost level has nearly all
            of the probability.
        scale: s > 0, any shape that broadcasts to `loc`.
    """

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        self.loc, self.scale = loc, scale
        super().__init__(loc.shape[:1], loc.shape[1:], validate_args=False)

    def log_prob_each(self, value: Tensor) -> Tensor:
        """log P of each entry of `value` (…, B, \\*event), not summed, in nats."""
        half = 0.5 / (GREY_LEVELS - 1)
        above = (value + half - self.loc) / self.scale
        below = (value - half - self.loc) / self.scale
        # σ(a) − σ(b) = σ(a) σ(−b) (1 − exp(b − a)) is a product, so no digits cancel.
        gap = torch.log(-torch.expm1(-2 * half / self.scale))
        black, white = value < half, value > 1 - half
        log_sigmoid = torch.nn.functional.logsigmoid
        return (
            torch.where(white, 0, log_sigmoid(above))
            + torch.where(black, 0, log_sigmoid(-below))
            + torch.where(black | white, 0, gap)
        )

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_prob_each(value).flatten(-len(self.event_shape)).sum(-1)

    @property
    def mean(self) -> Tensor:
        """∫ P(logistic > t) dt over [0, 1]."""
        return self._mean

    @cached_property
    def _mean(self) -> Tensor:
        low, high = self._ends()
        softplus = torch.nn.functional.softplus
        return self.scale * (softplus(low) - softplus(-high))

    @property
    def variance(self) -> Tensor:
        low, high = self._ends()
        square = _logistic_half_moment(low) + _logistic_half_moment(high)
        off = (self.mean - self.loc) / self.scale
        inside = torch.sigmoid(high) - torch.sigmoid(-low)
        rounding = inside / (12 * (GREY_LEVELS - 1) ** 2)
        return (self.scale.square() * (square - off.square())).clamp_min(0) + rounding

    def _ends(self) -> tuple[Tensor, Tensor]:
        """The distances of 0 below μ and of 1 above μ, in units of s."""
        return self.loc / self.scale, (1 - self.loc) / self.scale


def _logistic_half_moment(t: Tensor) -> Tensor:
    """∫₀ᵗ 2u σ(−u) du: E[clamp(L, −a, b)²] of a standard logistic L is its sum at a and at b.

    Integration by parts gives π²/6 − 2t log(1 + q) + 2 Li₂(−q) with q = exp(−t), for t ≥ 0.
    Landen's identity moves the dilogarithm to arguments below ½, where 14 terms of its series are
    enough.
    """
    size = t.abs()
    y, log_one_plus_q = torch.sigmoid(-size), torch.nn.functional.softplus(-size)
    series = torch.zeros_like(y)
    for n in range(14, 0, -1):
        series = y * (series + n**-2)
    upper = math.pi**2 / 6 - (2 * size + log_one_plus_q) * log_one_plus_q - 2 * series
    return torch.where(t < 0, t.square() - upper, upper)


@draw.register
def _(distribution: DiscretisedLogistic, source: Source, draws: int | None = None) -> Tensor:
    logistic = torch.logit(noise(uniform, distribution.loc, source, draws))
    levels = GREY_LEVELS - 1
    value = (distribution.loc + distribution.scale * logistic).clamp(0, 1)
    return (value * levels).round() / levels


@singledispatch
def where(a: Distribution, choose_a: Tensor, b: Distribution) -> Distribution:
    """Row by row, distribution `a` where `choose_a` (B,) is True, else `b`, of the same type.

    Raises:
        NotImplementedError: the type has no rule yet; add one with `@where.register`.
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
def _(a: BernoulliPixels, choose_a: Tensor, b: BernoulliPixels) -> BernoulliPixels:
    logits = _rows(choose_a, a.logits, b.logits)
    return BernoulliPixels(logits, torch.where(choose_a, a.log_normaliser, b.log_normaliser))


@where.register
def _(a: Normal, choose_a: Tensor, b: Normal) -> Normal:
    loc, scale = _rows(choose_a, a.loc, b.loc), _rows(choose_a, a.scale, b.scale)
    return Normal(loc, scale, validate_args=False)


@where.register
def _(a: DiscretisedLogistic, choose_a: Tensor, b: DiscretisedLogistic) -> DiscretisedLogistic:
    scale = _rows(choose_a, a.scale.expand_as(a.loc), b.scale.expand_as(b.loc))
    return DiscretisedLogistic(_rows(choose_a, a.loc, b.loc), scale)


def _rows(choose_a: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(choose_a.reshape((-1,) + (1,) * (a.dim() - 1)), a, b)
