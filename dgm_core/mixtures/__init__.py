"""Mixtures of Gaussians: the distribution, its conjugate prior, and fits by EM and others.

    >>> import torch
    >>> from dgm_core.rng import generator
    >>> points = torch.cat([torch.zeros(50, 2), 5 + torch.zeros(50, 2)])
    >>> points = points + 0.1 * torch.randn(100, 2, generator=generator(0))
    >>> nearest_centre(points, torch.tensor([[0.0, 0.0], [5.0, 5.0]])).bincount().tolist()
    [50, 50]

Points are (N, D), for example latents of a VAE. The Gibbs sampler of the posterior is
`dgm_core.samplers.mixture_gibbs`.
"""

from dgm_core.mixtures.distribution import MixtureDistribution
from dgm_core.mixtures.em import Fit, Iterate, em, em_steps
from dgm_core.mixtures.gaussian_mixture import Draws, GaussianMixture
from dgm_core.mixtures.labels import Clustering, contingency, matching, relabelled
from dgm_core.mixtures.moments import Moments, moments_of
from dgm_core.mixtures.online import online_em_step
from dgm_core.mixtures.prior import GaussianWishartDirichlet, Posterior
from dgm_core.mixtures.seeds import kmeans_plus_plus, nearest_centre, seeded_mixture
from dgm_core.mixtures.variational import variational_mixture

__all__ = [
    "Clustering",
    "Draws",
    "Fit",
    "GaussianMixture",
    "GaussianWishartDirichlet",
    "Iterate",
    "MixtureDistribution",
    "Moments",
    "Posterior",
    "contingency",
    "em",
    "em_steps",
    "kmeans_plus_plus",
    "matching",
    "moments_of",
    "nearest_centre",
    "online_em_step",
    "relabelled",
    "seeded_mixture",
    "variational_mixture",
]
