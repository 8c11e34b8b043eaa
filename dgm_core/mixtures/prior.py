"""The conjugate prior of a mixture, and its posterior given the clusters of the points.

    π ~ Dir(α, …, α),   Λ_k ~ W(ν, W),   μ_k | Λ_k ~ N(m, (β Λ_k)⁻¹),   Σ_k = Λ_k⁻¹

Given the clusters, with N_k, s_k and S_k as in `moments`, the posterior is of the same form:

    α_k = α + N_k,  β_k = β + N_k,  ν_k = ν + N_k,  m_k = (β m + s_k) / β_k
    W_k⁻¹ = W⁻¹ + S_k + β m mᵀ − β_k m_k m_kᵀ

and the evidence of points and clusters, with the parameters integrated out, has a closed form:

    log p(x, z) = log Γ(Kα) − log Γ(Kα + N) + Σ_k [log Γ(α_k) − log Γ(α)] + Σ_k log p(x_k)
    log p(x_k) = −½ N_k D log π + log Γ_D(ν_k/2) − log Γ_D(ν/2) + ½ D log(β / β_k)
                 + ½ ν log |W⁻¹| − ½ ν_k log |W_k⁻¹|

(Murphy 2007; Bishop 2006, chapter 10.) Λ is drawn by Bartlett's decomposition: with W = C⁻ᵀ C⁻¹,
Λ = C⁻ᵀ A Aᵀ C⁻¹, where A is upper triangular with A_ii² ~ χ²(ν − D + i) and N(0, 1) above; so
C A⁻ᵀ is the lower Cholesky factor of Σ. Everything is computed in float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Chi2, Dirichlet

from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.mixtures.moments import Moments
from dgm_core.rng import Source, draw, normal


class Posterior(NamedTuple):
    """The posterior of (π, μ, Λ) of each cluster, in float64; leading dimensions are chains."""

    alpha: Tensor  # (…, K)
    beta: Tensor  # (…, K)
    mean: Tensor  # (…, K, D)
    inverse_scale: Tensor  # (…, K, D, D) W⁻¹
    dof: Tensor  # (…, K) ν

    def draw(self, source: Source, dtype: torch.dtype = torch.float32) -> GaussianMixture:
        """A draw of (π, μ, Σ) for every chain; several streams: one per chain."""
        dim = self.mean.shape[-1]
        weights = draw(Dirichlet(self.alpha, validate_args=False), source)
        below = torch.arange(1, dim + 1, device=self.dof.device) - dim
        squares = draw(Chi2(self.dof[..., None] + below, validate_args=False), source)
        noise = normal(tuple(self.inverse_scale.shape), source, torch.float64)
        bartlett = noise.triu(1) + torch.diag_embed(squares.sqrt())
        scales = torch.linalg.solve_triangular(
            bartlett.mT, torch.linalg.cholesky(self.inverse_scale), upper=False, left=False
        )
        eps = normal(tuple(self.mean.shape), source, torch.float64)
        means = self.mean + (scales @ eps[..., None])[..., 0] / self.beta.sqrt()[..., None]
        return GaussianMixture(weights.to(dtype), means.to(dtype), scales.to(dtype))

    def centre(self, dtype: torch.dtype = torch.float32) -> GaussianMixture:
        """E π, E μ and (E Λ)⁻¹ = W⁻¹ / ν of each cluster."""
        return GaussianMixture.of_covariances(
            (self.alpha / self.alpha.sum(-1, keepdim=True)).to(dtype),
            self.mean.to(dtype),
            (self.inverse_scale / self.dof[..., None, None]).to(dtype),
        )


@dataclass(frozen=True)
class GaussianWishartDirichlet:
    """π ~ Dir(α), Λ_k ~ W(ν, W), μ_k | Λ_k ~ N(m, (β Λ_k)⁻¹), with W = scale · I and m constant.

    E Λ = ν · scale · I, so with the defaults in 12 dimensions the expected width of a cluster is
    0.39. The defaults are those of the VAE + GMM study that the clusters lab repeats.

    Args:
        dim: D.
        alpha: α of each cluster; values below 1 favour few clusters.
        beta: β, the weight of m in points.
        mean: m, in every dimension.
        scale: W = scale · I.
        dof: ν > D − 1; None: D, the broadest integer choice.

    Raises:
        ValueError: a parameter is out of its range.
    """

    dim: int
    alpha: float = 0.3
    beta: float = 1.0
    mean: float = 0.0
    scale: float = 0.55
    dof: float | None = None

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")
        if not self.degrees > self.dim - 1:
            raise ValueError(f"expected dof above {self.dim - 1}, got {self.dof}")

    @property
    def degrees(self) -> float:
        """ν."""
        return float(self.dim if self.dof is None else self.dof)

    def posterior(self, moments: Moments) -> Posterior:
        """The posterior of all clusters and chains, given the moments of their points."""
        n, sums, squares = moments
        beta = self.beta + n
        mean = (self.beta * self.mean + sums) / beta[..., None]
        prior_square = self.beta * self.mean**2 * torch.ones_like(squares)
        eye = torch.eye(self.dim, dtype=squares.dtype, device=squares.device)
        inverse_scale = (
            eye / self.scale
            + squares
            + prior_square
            - beta[..., None, None] * mean[..., :, None] * mean[..., None, :]
        )
        return Posterior(self.alpha + n, beta, mean, inverse_scale, self.degrees + n)

    def draw(
        self,
        clusters: int,
        source: Source,
        chains: tuple[int, ...] = (),
        dtype: torch.dtype = torch.float32,
    ) -> GaussianMixture:
        """Mixtures drawn from the prior, on the device of the source."""
        return self.posterior(self._no_points(clusters, source, chains)).draw(source, dtype)

    def log_evidence(self, moments: Moments) -> Tensor:
        """log p(x, z) of points in given clusters, (…) nats, float64; see `moments_of`.

        It compares assignments, also with different numbers of clusters in use. All K!
        relabellings of an assignment have the same value.
        """
        after = self.posterior(moments)
        n, k = moments.counts, moments.counts.shape[-1]
        alpha = torch.tensor(self.alpha, dtype=n.dtype, device=n.device)
        sizes = (
            torch.lgamma(k * alpha)
            - torch.lgamma(k * alpha + n.sum(-1))
            + (torch.lgamma(after.alpha) - torch.lgamma(alpha)).sum(-1)
        )
        nu = torch.full_like(n, self.degrees)
        factor = torch.linalg.cholesky(after.inverse_scale)
        log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        points = (
            torch.special.multigammaln(after.dof / 2, self.dim)
            - torch.special.multigammaln(nu / 2, self.dim)
            - 0.5 * self.dim * (n * math.log(math.pi) + (after.beta / self.beta).log())
            - 0.5 * nu * self.dim * math.log(self.scale)
            - 0.5 * after.dof * log_det
        )
        return sizes + points.sum(-1)

    def _no_points(self, clusters: int, source: Source, chains: tuple[int, ...]) -> Moments:
        device = normal((*chains, 0) if chains else (0,), source).device
        dim = self.dim
        return Moments(
            *(
                torch.zeros((*chains, clusters, *rest), dtype=torch.float64, device=device)
                for rest in ((), (dim,), (dim, dim))
            )
        )
