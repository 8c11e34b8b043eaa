"""Multivariate Gaussians: exact conditionals, and mixtures with low-rank covariances.

With x = (x_obs, x_mis) ~ N(μ, Σ):

    E[x_mis | x_obs]   = μ_mis + Σ_mo Σ_oo⁻¹ (x_obs − μ_obs)
    Cov[x_mis | x_obs] = Σ_mm − Σ_mo Σ_oo⁻¹ Σ_om

A component of a `LowRankMixture` has Σ = A Aᵀ + diag(d) with A (D, R), R ≪ D. By Woodbury's
identity and the determinant lemma, with L = I + Aᵀ D⁻¹ A and w = L⁻¹ Aᵀ D⁻¹ r,

    rᵀ Σ⁻¹ r = (r − A w)ᵀ D⁻¹ (r − A w) + wᵀ w          log |Σ| = log |L| + Σ log d

The first form is a sum of squares, so no digits cancel. No D × D matrix is ever built.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.distributions.basic import UncheckedDistribution
from dgm_core.rng import Source, draw, noise, normal, uniform


class Conditional(NamedTuple):
    """The distribution of the hidden entries, in their order: mean (M,), covariance (M, M)."""

    mean: Tensor
    covariance: Tensor


def condition(mean: Tensor, covariance: Tensor, x: Tensor, observed: Tensor) -> Conditional:
    """N(mean, covariance) given the observed entries of one row x (D,).

    Example:
        >>> cov = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
        >>> condition(torch.zeros(2), cov, torch.tensor([0.0, 2.0]), torch.tensor([False, True]))
        Conditional(mean=tensor([1.]), covariance=tensor([[1.5000]]))
    """
    hidden = ~observed
    cross = covariance[hidden][:, observed]
    gain = torch.linalg.solve(covariance[observed][:, observed], cross.mT).mT
    return Conditional(
        mean[hidden] + gain @ (x[observed] - mean[observed]),
        covariance[hidden][:, hidden] - gain @ cross.mT,
    )


class LowRankMixture(UncheckedDistribution):
    """Σ_m π_m N(μ_m, A_m A_mᵀ + diag(d_m)) over the hidden entries of each row.

    Entries that are not hidden do not count: they add nothing to a density, and their mean,
    variance and draws are 0.

    Args:
        log_weights: (B, M), log π up to a constant for each row.
        mean: (B, M, D), μ.
        loadings: (B, M, D, R), A.
        noise: (B, M, D), d > 0: variances.
        hidden: (B, D) bool, the entries of the event; None = all.
    """

    def __init__(
        self,
        log_weights: Tensor,
        mean: Tensor,
        loadings: Tensor,
        noise: Tensor,
        hidden: Tensor | None = None,
    ) -> None:
        if hidden is None:
            hidden = torch.ones_like(mean[:, 0], dtype=torch.bool)
        self.hidden = hidden
        inside = hidden[:, None].to(mean.dtype)
        self.log_weights = log_weights.log_softmax(-1)
        self.component_mean = mean * inside
        self.loadings = loadings * inside[..., None]
        # Variance 1 at other entries, so that log d and r²/d are 0 there.
        self.noise = noise * inside + (1 - inside)
        super().__init__(mean.shape[:1], mean.shape[2:], validate_args=False)

    def component_log_prob(self, value: Tensor) -> Tensor:
        """log N(value; μ_m, Σ_m) of value (B, D): (B, M), nats over the hidden entries."""
        residual = torch.where(self.hidden, value, 0)[:, None] - self.component_mean
        capacitance, scaled = _capacitance(self.loadings, self.noise)
        root = torch.linalg.cholesky(capacitance)
        factors = torch.cholesky_solve((scaled.mT @ residual[..., None]), root)
        rest = residual - (self.loadings @ factors)[..., 0]
        square = (rest.square() / self.noise).sum(-1) + factors.square().sum((-2, -1))
        log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.noise.log().sum(-1)
        count = self.hidden.sum(-1, keepdim=True, dtype=value.dtype)
        return -0.5 * (square + log_det + count * math.log(2 * math.pi))

    def log_prob(self, value: Tensor) -> Tensor:
        """log Σ_m π_m N(value; μ_m, Σ_m), (B,): a logsumexp over components."""
        return torch.logsumexp(self.log_weights + self.component_log_prob(value), -1)

    @property
    def mean(self) -> Tensor:
        """The mean of the mixture, (B, D)."""
        return (self.log_weights.exp()[..., None] * self.component_mean).sum(1)

    @property
    def component_variance(self) -> Tensor:
        """The variance of each entry in each component, (B, M, D)."""
        return (self.loadings.square().sum(-1) + self.noise) * self.hidden[:, None]

    @property
    def variance(self) -> Tensor:
        """The variance of the mixture, (B, D): within plus between components."""
        weights = self.log_weights.exp()[..., None]
        within = (weights * self.component_variance).sum(1)
        between = (weights * (self.component_mean - self.mean[:, None]).square()).sum(1)
        return within + between

    def sample_with(
        self, source: Source, draws: int | None = None, *, noisy: bool = True
    ) -> Tensor:
        """Draws, (B, D) or (draws, B, D); `noisy=False` leaves out the noise with variance d."""
        u = noise(uniform, self.log_weights[:, 0], source, draws)  # (…, B)
        cumulative = self.log_weights.exp().cumsum(-1)
        m = (u[..., None] > cumulative[..., :-1]).sum(-1)  # (…, B)
        row = torch.arange(len(self.log_weights), device=m.device).expand_as(m)
        loadings = self.loadings[row, m]  # (…, B, D, R)
        z = noise(normal, loadings[0, ..., 0, :] if draws else loadings[..., 0, :], source, draws)
        x = self.component_mean[row, m] + (loadings @ z[..., None])[..., 0]
        if noisy:
            scale = self.noise[row, m].sqrt() * self.hidden
            x = x + scale * noise(normal, scale[0] if draws else scale, source, draws)
        return x


@draw.register
def _(distribution: LowRankMixture, source: Source, draws: int | None = None) -> Tensor:
    return distribution.sample_with(source, draws)


def _capacitance(loadings: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """L = I + Aᵀ D⁻¹ A, (…, R, R), and D⁻¹ A, (…, D, R)."""
    scaled = loadings / noise[..., None]
    eye = torch.eye(loadings.shape[-1], dtype=loadings.dtype, device=loadings.device)
    return eye + loadings.mT @ scaled, scaled


def low_rank_conditional(
    log_weights: Tensor,
    mean: Tensor,
    loadings: Tensor,
    noise: Tensor,
    x: Tensor,
    observed: Tensor,
) -> LowRankMixture:
    """The exact distribution of the hidden entries of x (B, D) under one mixture for all rows.

    Given the observed entries, component m has posterior weight ∝ π_m N(x_obs; μ_m, Σ_m). Its
    factors are N(w, L⁻¹), with the L and w above over the observed entries. So the hidden entries
    are again a low-rank Gaussian, with mean μ + A w and loadings A chol(L⁻¹).

    Args:
        log_weights: (M,).
        mean: (M, D).
        loadings: (M, D, R).
        noise: (M, D).
        x: (B, D).
        observed: (B, D) bool.
    """
    rows = len(x)
    every_noise = noise.expand(rows, *noise.shape)
    visible = LowRankMixture(
        log_weights.expand(rows, -1),
        mean.expand(rows, *mean.shape),
        loadings.expand(rows, *loadings.shape),
        every_noise,
        observed,
    )
    capacitance, scaled = _capacitance(visible.loadings, visible.noise)
    root = torch.linalg.cholesky(capacitance)
    residual = torch.where(observed, x, 0)[:, None] - visible.component_mean
    w = torch.cholesky_solve(scaled.mT @ residual[..., None], root)[..., 0]  # (B, M, R)
    eye = torch.eye(root.shape[-1], dtype=root.dtype, device=root.device)
    # L⁻¹ = root⁻ᵀ root⁻¹, so root⁻ᵀ is a square root of it.
    spread = torch.linalg.solve_triangular(root, eye.expand_as(root), upper=False).mT
    return LowRankMixture(
        visible.log_weights + visible.component_log_prob(x),
        mean + torch.einsum("mdr,bmr->bmd", loadings, w),
        torch.einsum("mdr,bmrq->bmdq", loadings, spread),
        every_noise,
        ~observed,
    )
