"""Maximum likelihood by expectation–maximisation (EM), all clusters and restarts at once.

    E:  r_nk ∝ π_k N(x_n; μ_k, Σ_k)
    M:  π_k = N_k / N,   μ_k = s_k / N_k,   Σ_k = clamp(Σ_n r_nk (x_n − μ_k)(x_n − μ_k)ᵀ / N_k)

The likelihood is unbounded: a cluster may shrink onto one point. Hence the constraint
Σ_k ⪰ floor·I, whose exact M-step raises the eigenvalues of the covariance (or the variances of a
diagonal one) that lie below `floor` to it. So no penalty joins the objective, the log-likelihood


    Σ_n log Σ_k π_k N(x_n; μ_k, Σ_k),

and no step lowers it among mixtures that obey the constraint.

Points that are uncertain, q_n = N(m_n, diag v_n), have moments of their own (see `moments`), and
the matching E-step is r_nk ∝ π_k exp E_q log N(x_n; μ_k, Σ_k). What no step lowers is then

    Σ_n log Σ_k π_k exp E_q log N(x_n; μ_k, Σ_k)

a lower bound on Σ_n E_q log p(x_n), since one cluster is chosen for a whole point rather than for
each place it may be in. The bound is tight while v is small beside the clusters. Where v comes
near their own variance it merges clusters that a fit to draws of the aggregate posterior still
tells apart; with uncertain points of that kind, fit draws instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture, shares
from dgm_core.mixtures.moments import Moments, moments_of
from dgm_core.mixtures.seeds import seeded_mixture
from dgm_core.rng import Source

DEAD = 1e-6
"""Points below which a cluster keeps its shape: of fewer there is none."""


class Iterate(NamedTuple):
    """A mixture, and how well it fits."""

    mixture: GaussianMixture
    log_likelihood: Tensor  # (…) of this mixture, nats summed over points, float64


class Fit(NamedTuple):
    """The best of several restarts, and what the others came to."""

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
    """Iterates without end, the first being `start` within the constraint.

    Args:
        x: (N, D).
        start: leading dimensions are restarts, which run side by side.
        floor: least variance in any direction, in squared units of x.
        variance: (N, D) of each point; None = the points are certain.
        diagonal: covariances without correlations.

    Raises:
        ValueError: a floor not above 0.
    """
    if not floor > 0:
        raise ValueError(f"expected a floor above 0, got {floor}")
    covariances = start.variances if diagonal else start.covariances
    mixture = _constrained(start.weights, start.means, covariances.double(), floor)
    while True:
        with torch.no_grad():
            responsibilities, log_prob = shares(mixture.log_joint(x, variance))
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
    """The best of several restarts from seeded mixtures; they run side by side.

    Args:
        x: (N, D).
        clusters: K.
        source: of the seeds; several streams are one a restart.
        restarts: how many.
        iterations: at most.
        tolerance: gain in one iteration, nats a point, below which a restart has converged.
        floor: as of `em_steps`.
        variance: as of `em_steps`.
        diagonal: as of `em_steps`.
    """
    start = seeded_mixture(x, clusters, source, chains=(restarts,), floor=floor, variance=variance)
    trace: list[Tensor] = []
    converged = torch.zeros(restarts, dtype=torch.bool, device=x.device)
    steps = em_steps(x, start, floor=floor, variance=variance, diagonal=diagonal)
    while True:
        now = next(steps)
        if trace:
            converged = now.log_likelihood - trace[-1] < tolerance * len(x)
        trace.append(now.log_likelihood)
        if converged.all() or len(trace) > iterations:
            break
    best = int(now.log_likelihood.argmax())
    reached = float(now.log_likelihood[best])
    return Fit(now.mixture[best], reached, torch.stack(trace), converged)


def maximised(
    moments: Moments, before: GaussianMixture, floor: float, diagonal: bool
) -> GaussianMixture:
    """The M-step: the likeliest mixture of these moments; a dead cluster stays as it was."""
    counts = moments.counts
    alive = counts > DEAD
    inside = torch.where(alive, counts, 1)[..., None]
    means = torch.where(alive[..., None], moments.sums / inside, before.means.double())
    scatters = moments.scatters
    if diagonal:
        spread = scatters.diagonal(dim1=-2, dim2=-1) / inside
        spread = torch.where(alive[..., None], spread, before.variances.double())
    else:
        spread = scatters / inside[..., None]
        spread = torch.where(alive[..., None, None], spread, before.covariances.double())
    weights = counts / counts.sum(-1, keepdim=True)
    dtype = before.means.dtype
    return _constrained(weights.to(dtype), means.to(dtype), spread, floor)


def _constrained(weights: Tensor, means: Tensor, spread: Tensor, floor: float) -> GaussianMixture:
    """With variances, or eigenvalues of covariances, of at least `floor`."""
    if spread.dim() == means.dim():
        return GaussianMixture(weights, means, spread.clamp(min=floor).sqrt().to(means.dtype))
    values, vectors = torch.linalg.eigh(spread)
    root = vectors * values.clamp(min=floor).sqrt()[..., None, :]
    # With root rootᵀ = Σ and rootᵀ = Q R, the Cholesky factor of Σ is Rᵀ, up to signs.
    upper = torch.linalg.qr(root.mT).R
    lower = upper.mT * upper.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]
    return GaussianMixture(weights, means, lower.to(means.dtype))
