"""Maximum likelihood by expectation–maximisation (EM), for all clusters and restarts together.

    E:  r_nk ∝ π_k N(x_n; μ_k, Σ_k)
    M:  π_k = N_k / N,   μ_k = s_k / N_k,   Σ_k = clamp(Σ_n r_nk (x_n − μ_k)(x_n − μ_k)ᵀ / N_k)

The likelihood is unbounded, because a cluster can shrink to one point. Hence the constraint
Σ_k ⪰ floor·I. Its exact M-step raises eigenvalues of the covariance (or variances of a diagonal
one) below `floor` to `floor`. The objective has no penalty; it is the log-likelihood

    Σ_n log Σ_k π_k N(x_n; μ_k, Σ_k),

and no step lowers it within the constraint.

Uncertain points q_n = N(m_n, diag v_n) have moments of their own (see `moments`), and the E-step
becomes r_nk ∝ π_k exp E_q log N(x_n; μ_k, Σ_k). No step then lowers

    Σ_n log Σ_k π_k exp E_q log N(x_n; μ_k, Σ_k),

a lower bound on Σ_n E_q log p(x_n), because the cluster does not depend on the position drawn from
q_n. The bound is tight if v is small compared with the clusters. If v is close to the variance of
the clusters, the fit merges clusters that a fit to draws of the aggregate posterior separates; fit
draws instead in this case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture, normalised
from dgm_core.mixtures.moments import Moments, moments_of
from dgm_core.mixtures.seeds import seeded_mixture
from dgm_core.rng import Source

DEAD = 1e-6
"""A cluster with a smaller sum of responsibilities keeps its shape."""


class Iterate(NamedTuple):
    """A mixture and its log-likelihood."""

    mixture: GaussianMixture
    log_likelihood: Tensor  # (…) nats, summed over points, float64


class Fit(NamedTuple):
    """The best of several restarts, and the log-likelihoods of all."""

    mixture: GaussianMixture
    log_likelihood: float  # nats, summed over points
    trace: Tensor  # (iterations, restarts) log-likelihoods, float64
    converged: Tensor  # (restarts,) bool


def em_steps(
    x: Tensor,
    start: GaussianMixture,
    *,
    floor: float = 1e-3,
    variance: Tensor | None = None,
    diagonal: bool = False,
) -> Iterator[Iterate]:
    """EM iterates without end; the first is `start` with the constraint applied.

    Args:
        x: (N, D).
        start: leading dimensions are restarts, which run together.
        floor: smallest variance in any direction, in squared units of x.
        variance: (N, D) of each point; None: the points are certain.
        diagonal: use covariances without correlations.

    Raises:
        ValueError: a floor not above 0.
    """
    if not floor > 0:
        raise ValueError(f"expected a floor above 0, got {floor}")
    covariances = start.variances if diagonal else start.covariances
    mixture = _constrained(start.weights, start.means, covariances.double(), floor)
    while True:
        with torch.no_grad():
            responsibilities, log_prob = normalised(mixture.log_joint(x, variance))
            log_likelihood = log_prob.sum(-1, dtype=torch.float64)
        yield Iterate(mixture, log_likelihood)
        with torch.no_grad():
            moments = moments_of(x, responsibilities, mixture.clusters, variance)
            mixture = maximised(moments, mixture, floor, diagonal)


def em(
    x: Tensor,
    clusters: int,
    source: Source,
    restarts: int = 5,
    iterations: int = 200,
    tolerance: float = 1e-5,
    *,
    floor: float = 1e-3,
    variance: Tensor | None = None,
    diagonal: bool = False,
) -> Fit:
    """The best of several restarts from k-means++ seeds; all restarts run together.

    Args:
        x: (N, D).
        clusters: K.
        source: of the seeds; several streams: one per restart.
        restarts: number of restarts.
        iterations: maximum number.
        tolerance: a restart has converged if an iteration gains less, in nats per point.
        floor: as in `em_steps`.
        variance: as in `em_steps`.
        diagonal: as in `em_steps`.
    """
    start = seeded_mixture(x, clusters, source, chains=(restarts,), floor=floor, variance=variance)
    trace: list[Tensor] = []
    converged = torch.zeros(restarts, dtype=torch.bool, device=x.device)
    steps = em_steps(x, start, floor=floor, variance=variance, diagonal=diagonal)
    while True:
        current = next(steps)
        if trace:
            converged = current.log_likelihood - trace[-1] < tolerance * len(x)
        trace.append(current.log_likelihood)
        if converged.all() or len(trace) > iterations:
            break
    best = int(current.log_likelihood.argmax())
    log_likelihood = float(current.log_likelihood[best])
    return Fit(current.mixture[best], log_likelihood, torch.stack(trace), converged)


def maximised(
    moments: Moments, before: GaussianMixture, floor: float, diagonal: bool
) -> GaussianMixture:
    """The M-step: the mixture of largest likelihood for these moments.

    A cluster without points keeps the mean and covariance that it had `before`.
    """
    counts = moments.counts
    alive = counts > DEAD
    divisor = torch.where(alive, counts, 1)[..., None]
    means = torch.where(alive[..., None], moments.sums / divisor, before.means.double())
    scatters = moments.scatters
    if diagonal:
        spread = scatters.diagonal(dim1=-2, dim2=-1) / divisor
        spread = torch.where(alive[..., None], spread, before.variances.double())
    else:
        spread = scatters / divisor[..., None]
        spread = torch.where(alive[..., None, None], spread, before.covariances.double())
    weights = counts / counts.sum(-1, keepdim=True)
    dtype = before.means.dtype
    return _constrained(weights.to(dtype), means.to(dtype), spread, floor)


def _constrained(weights: Tensor, means: Tensor, spread: Tensor, floor: float) -> GaussianMixture:
    """A mixture whose variances, or eigenvalues of covariances, are at least `floor`."""
    if spread.dim() == means.dim():
        return GaussianMixture(weights, means, spread.clamp(min=floor).sqrt().to(means.dtype))
    values, vectors = torch.linalg.eigh(spread)
    root = vectors * values.clamp(min=floor).sqrt()[..., None, :]
    # With root rootᵀ = Σ and rootᵀ = Q R, the Cholesky factor of Σ is Rᵀ, up to signs.
    upper = torch.linalg.qr(root.mT).R
    lower = upper.mT * upper.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]
    return GaussianMixture(weights, means, lower.to(means.dtype))
