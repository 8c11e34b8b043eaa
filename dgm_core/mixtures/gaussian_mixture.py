"""Mixtures of Gaussians, one or a batch of them, all clusters at once.

    p(x) = Σ_k π_k N(x; μ_k, Σ_k),   Σ_k = L_k L_kᵀ,   w = L_k⁻¹ (x − μ_k)
    log N(x; μ_k, Σ_k) = −½ ‖w‖² − Σ_d log (L_k)_dd − D/2 log 2π

All computations use logarithms, so responsibilities sum to one at any distance from the clusters.
The mean is subtracted before the product with L_k⁻¹, so nothing cancels far from the origin.

For an uncertain point x ~ N(m, diag v) the methods compute the expectation

    E log N(x; μ_k, Σ_k) = log N(m; μ_k, Σ_k) − ½ Σ_d v_d (Σ_k⁻¹)_dd

Points are processed in pieces, so memory grows with N, not with N² or N·K·D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.rng import Source, categorical, normal

ENTRIES_AT_ONCE = 2**17
"""Entries of w, over chains, clusters, points and dimensions, in memory at a time."""


class Draws(NamedTuple):
    """Points and the clusters that they were drawn from."""

    x: Tensor  # (…, n, D)
    cluster: Tensor  # (…, n) int64


class Responsibilities(NamedTuple):
    """p(cluster | x) of each point, and log p(x)."""

    responsibilities: Tensor  # (…, N, K) they sum to one
    log_prob: Tensor  # (…, N) nats


def normalised(log_joint: Tensor) -> Responsibilities:
    """Softmax and log-sum-exp over the clusters of (…, N, K), at the cost of one of them.

    The largest responsibility is 1 / Σ exp(log_joint − max), so its logarithm gives the sum.
    """
    found = log_joint.mT.softmax(-2).mT  # ten times as fast as over a short last dimension
    return Responsibilities(found, log_joint.amax(-1) - found.amax(-1).log())


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Σ_k π_k N(μ_k, Σ_k); leading dimensions are independent mixtures, such as chains.

    Points x are (N, D), the same for all chains, or (…, N, D). Without chains, any leading
    dimensions of x are kept.

    Args:
        weights: (…, K), π; they sum to one, and may be 0.
        means: (…, K, D), μ.
        scales: (…, K, D, D), lower Cholesky factors L of the covariances; or (…, K, D), standard
            deviations of diagonal ones.

    Raises:
        ValueError: the shapes are inconsistent.

    Example:
        >>> scales = torch.ones(2, 1)
        >>> means = torch.tensor([[-1e4], [1e4]])
        >>> mixture = GaussianMixture(torch.tensor([0.5, 0.5]), means, scales)
        >>> mixture.responsibilities(torch.tensor([[-1e4], [0.0]]))
        tensor([[1.0000, 0.0000],
                [0.5000, 0.5000]])
    """

    weights: Tensor
    means: Tensor
    scales: Tensor

    def __post_init__(self) -> None:
        *_, dim = shape = self.means.shape
        if self.weights.shape != shape[:-1]:
            want, got = tuple(shape[:-1]), tuple(self.weights.shape)
            raise ValueError(f"expected weights of shape {want}, got {got}")
        if self.scales.shape not in (shape, (*shape, dim)):
            want, got = tuple(shape), tuple(self.scales.shape)
            raise ValueError(f"expected scales of shape {want} or {(*want, dim)}, got {got}")

    @classmethod
    def of_covariances(
        cls, weights: Tensor, means: Tensor, covariances: Tensor
    ) -> GaussianMixture:
        """A mixture with covariances (…, K, D, D), or variances (…, K, D).

        Raises:
            torch.linalg.LinAlgError: a covariance is not positive definite.
        """
        if covariances.dim() == means.dim():
            return cls(weights, means, covariances.sqrt())
        return cls(weights, means, torch.linalg.cholesky(covariances))

    @property
    def clusters(self) -> int:
        """K, the number of clusters."""
        return self.means.shape[-2]

    @property
    def dim(self) -> int:
        """D, the dimension of a point."""
        return self.means.shape[-1]

    @property
    def chains(self) -> torch.Size:
        """The leading dimensions."""
        return self.means.shape[:-2]

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are diagonal, so that `scales` are standard deviations."""
        return self.scales.dim() == self.means.dim()

    @property
    def covariances(self) -> Tensor:
        """Σ, (…, K, D, D)."""
        if self.diagonal:
            return torch.diag_embed(self.scales.square())
        return self.scales @ self.scales.mT

    @property
    def variances(self) -> Tensor:
        """The diagonals of Σ, (…, K, D)."""
        return self.scales.square() if self.diagonal else self.scales.square().sum(-1)

    @property
    def precision_diagonals(self) -> Tensor:
        """(Σ⁻¹)_dd, (…, K, D)."""
        if self.diagonal:
            return self.scales.square().reciprocal()
        return _inverse(self.scales).square().sum(-2)

    @property
    def mean(self) -> Tensor:
        """Mean of the whole mixture, (…, D)."""
        return (self.weights[..., None] * self.means).sum(-2)

    @property
    def variance(self) -> Tensor:
        """Variance of each dimension, within plus between clusters, (…, D)."""
        between = (self.means - self.mean[..., None, :]).square()
        return (self.weights[..., None] * (self.variances + between)).sum(-2)

    def component_log_prob(self, x: Tensor) -> Tensor:
        """log N(x; μ_k, Σ_k) of x (…, N, D): (…, N, K), nats."""
        return self._log_prob(x, None)

    def expected_log_prob(self, mean: Tensor, variance: Tensor) -> Tensor:
        """E log N(x; μ_k, Σ_k) for x ~ N(mean, diag variance), both (…, N, D): (…, N, K), nats.

        This differs from log E N, which is the density with covariance Σ_k + diag variance.
        """
        return self._log_prob(mean, variance)

    def log_joint(self, x: Tensor, variance: Tensor | None = None) -> Tensor:
        """log π_k + log N(x; μ_k, Σ_k), (…, N, K); its expectation if x has a `variance`."""
        return self.weights.log()[..., None, :] + self._log_prob(x, variance)

    def log_prob(self, x: Tensor) -> Tensor:
        """log Σ_k π_k N(x; μ_k, Σ_k) of x (…, N, D): (…, N), nats."""
        return normalised(self.log_joint(x)).log_prob

    def responsibilities(self, x: Tensor, variance: Tensor | None = None) -> Tensor:
        """p(cluster k | x), (…, N, K); ∝ π_k exp E log N(x; μ_k, Σ_k) if x has a `variance`."""
        return normalised(self.log_joint(x, variance)).responsibilities

    def assign(self, x: Tensor, variance: Tensor | None = None) -> Tensor:
        """The most probable cluster of each point, (…, N) int64."""
        return self.log_joint(x, variance).argmax(-1)

    def sample(
        self,
        n: int,
        source: Source,
        cluster: int | Tensor | None = None,
        temperature: float = 1.0,
    ) -> Draws:
        """n points of each mixture, with covariances `temperature` · Σ.

        Args:
            n: number of points.
            source: of randomness; several streams: one per chain, or one per point without chains.
            cluster: index of the cluster to draw from, or indices (…, n); None: by the weights.
            temperature: factor of the covariances; 0 gives the means.

        Raises:
            ValueError: a temperature below 0, or a cluster out of range.
        """
        if temperature < 0:
            raise ValueError(f"expected a temperature of at least 0, got {temperature}")
        shape = (*self.chains, n)
        if cluster is None:
            k = categorical(self.weights[..., None, :].expand(*shape, self.clusters), source)
        else:
            k = torch.as_tensor(cluster, device=self.means.device).expand(shape)
            if not ((k >= 0) & (k < self.clusters)).all():
                raise ValueError(f"expected clusters in 0 … {self.clusters - 1}, got {cluster}")
        eps = normal((*shape, self.dim), source, self.means.dtype)
        means = _chosen(self.means, k)
        scales = _chosen(self.scales, k)
        step = scales * eps if self.diagonal else (scales @ eps[..., None])[..., 0]
        return Draws(means + math.sqrt(temperature) * step, k)

    def marginal(self, dims: Sequence[int]) -> GaussianMixture:
        """The marginal distribution of some dimensions, in the given order."""
        keep = torch.as_tensor(list(dims), device=self.means.device)
        if self.diagonal:
            return GaussianMixture(self.weights, self.means[..., keep], self.scales[..., keep])
        rows = self.scales[..., keep, :]
        return self.of_covariances(self.weights, self.means[..., keep], rows @ rows.mT)

    def reordered(self, order: Tensor | Sequence[int]) -> GaussianMixture:
        """The clusters in another order: new cluster j is old cluster order[…, j].

        Args:
            order: (K,), or (…, K) for each chain. Fewer than K select some; the weights are not
                normalised then.
        """
        order = torch.as_tensor(order, device=self.means.device)
        order = order.expand(*self.chains, order.shape[-1])
        weights = self.weights.gather(-1, order)
        return GaussianMixture(weights, _chosen(self.means, order), _chosen(self.scales, order))

    def __getitem__(self, chain: int | slice | Tensor | tuple[int, ...]) -> GaussianMixture:
        """The mixtures of some chains."""
        if not self.chains:
            raise IndexError("expected a mixture with chains, got a single one")
        return GaussianMixture(self.weights[chain], self.means[chain], self.scales[chain])

    def to(self, *where: Any) -> GaussianMixture:
        """The mixture on another device, or with another dtype, as `Tensor.to`."""
        return GaussianMixture(*(each.to(*where) for each in self._tensors))

    def detach(self) -> GaussianMixture:
        """The mixture without gradients."""
        return GaussianMixture(*(each.detach() for each in self._tensors))

    @property
    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.weights, self.means, self.scales

    def _log_prob(self, x: Tensor, variance: Tensor | None) -> Tensor:
        """log N, or its expectation if there is a variance, in pieces: (…, N, K)."""
        if x.shape[-1] != self.dim or x.dim() < 2:
            raise ValueError(f"expected points (…, N, {self.dim}), got {tuple(x.shape)}")
        if self.diagonal:
            root, log_det = self.scales.reciprocal(), self.scales.log().sum(-1)
        else:
            root = _inverse(self.scales)
            log_det = self.scales.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = -log_det - 0.5 * self.dim * math.log(2 * math.pi)  # (…, K)
        precision = self.precision_diagonals if variance is not None else None

        def piece(x: Tensor, variance: Tensor | None) -> Tensor:
            # Clusters and dimensions are few. With points last in memory, rows are long.
            w = x.mT.contiguous()[..., None, :, :] - self.means[..., None]  # (…, K, D, N)
            w = w * root[..., None] if self.diagonal else root @ w
            found = constant[..., None] - 0.5 * w.square().sum(-2)  # (…, K, N)
            if variance is None or precision is None:
                return found
            return found - 0.5 * precision @ variance.mT

        mixtures = torch.broadcast_shapes(self.chains, x.shape[:-2]).numel()
        rows = max(1, ENTRIES_AT_ONCE // max(1, mixtures * self.clusters * self.dim))
        if rows >= x.shape[-2]:
            return piece(x, variance).mT
        xs = x.split(rows, -2)
        variances = [None] * len(xs) if variance is None else variance.expand_as(x).split(rows, -2)
        return torch.cat([piece(a, v) for a, v in zip(xs, variances, strict=True)], -1).mT


def _inverse(scales: Tensor) -> Tensor:
    """L⁻¹ of lower triangular L (…, D, D)."""
    eye = torch.eye(scales.shape[-1], dtype=scales.dtype, device=scales.device)
    return torch.linalg.solve_triangular(scales, eye.expand_as(scales), upper=False)


def _chosen(values: Tensor, k: Tensor) -> Tensor:
    """Rows k (…, n) of values (…, K, *rest): (…, n, *rest)."""
    rest = values.shape[k.dim() :]
    index = k.reshape(*k.shape, *(1 for _ in rest)).expand(*k.shape, *rest)
    return values.gather(k.dim() - 1, index)
