"""Distributions that `torch.distributions` lacks, and the heads that produce distributions.

`gaussian` has Gaussians with exact conditionals, `likelihoods` has decoder heads, `posteriors`
has encoder heads for q(z|x), `columns` has rows with numeric and discrete columns, and
`variance_floors` has the least variances of Gaussian decoders.
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
