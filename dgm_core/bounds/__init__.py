"""Bounds on log p(x) from importance weights, and integrals over one or two latents."""

from dgm_core.bounds.importance_weighted import (
    FEW,
    Estimate,
    elbo,
    estimate_log_likelihood,
    iwae_bound,
    iwae_curve,
    log_joint,
    log_likelihood,
    log_weights,
)

__all__ = [
    "FEW",
    "Estimate",
    "elbo",
    "estimate_log_likelihood",
    "iwae_bound",
    "iwae_curve",
    "log_joint",
    "log_likelihood",
    "log_weights",
]
