"""Distributions that `torch.distributions` lacks, and the heads that produce distributions.

Gaussians with exact conditionals are in `gaussian`, likelihood heads in `likelihoods`, proposals
q(z|x) in `posteriors`, rows of mixed columns in `columns`.
"""

from dgm_core.distributions.basic import (
    GREY_LEVELS,
    BernoulliPixels,
    DiscretisedLogistic,
    Gaussian,
    TriangularNormal,
    where,
)

__all__ = [
    "GREY_LEVELS",
    "BernoulliPixels",
    "DiscretisedLogistic",
    "Gaussian",
    "TriangularNormal",
    "where",
]
