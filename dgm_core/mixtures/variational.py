"""Variational Bayes for the same prior, by scikit-learn, for comparison."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.mixtures.prior import GaussianWishartDirichlet


def variational_mixture(
    x: Tensor,
    clusters: int,
    seed: int,
    prior: GaussianWishartDirichlet | None = None,
    restarts: int = 1,
    iterations: int = 500,
    tolerance: float = 1e-3,
) -> GaussianMixture:
    """E π, E μ and (E Λ)⁻¹ of a mean-field posterior q(z) q(π) Π_k q(μ_k, Λ_k).

    scikit-learn's `BayesianGaussianMixture` (Bishop 2006, section 10.2) with this prior, whose W⁻¹
    it calls `covariance_prior`. It warns if it has not converged.

    Args:
        x: (N, D).
        clusters: K.
        seed: of its k-means; an integer, because scikit-learn uses NumPy.
        prior: None: `GaussianWishartDirichlet(D)`.
        restarts: the best one is kept.
        iterations: maximum number.
        tolerance: it has converged if the lower bound gains less than this.
    """
    from sklearn.mixture import BayesianGaussianMixture  # half a second to import

    dim = x.shape[-1]
    prior = prior or GaussianWishartDirichlet(dim)
    fitted = BayesianGaussianMixture(
        n_components=clusters,
        weight_concentration_prior_type="dirichlet_distribution",
        weight_concentration_prior=prior.alpha,
        mean_precision_prior=prior.beta,
        mean_prior=np.full(dim, prior.mean),
        degrees_of_freedom_prior=prior.degrees,
        covariance_prior=np.eye(dim) / prior.scale,
        n_init=restarts,
        max_iter=iterations,
        tol=tolerance,
        reg_covar=0.0,
        random_state=seed,
    ).fit(x.double().cpu().numpy())
    weights, means, covariances = (
        torch.as_tensor(each, device=x.device)
        for each in (fitted.weights_, fitted.means_, fitted.covariances_)
    )
    return GaussianMixture.of_covariances(weights, means, covariances).to(x.dtype)
