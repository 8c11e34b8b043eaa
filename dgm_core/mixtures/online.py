"""EM in small steps: the mixture follows points that move while it is fitted.

With moments M per point (`moments_of`, divided by their number), each batch B moves them by a
share ρ of the way,

    M ← (1 − ρ) M + ρ M(B),   M(B) under r_nk ∝ π_k exp E_q log N(x_n; μ_k, Σ_k)

and the mixture is the M-step of M. Steps of ρ = |B| / N forget a data set about as fast as it is
seen (Cappé & Moulines 2009). In natural parameters it is a gradient step of length ρ.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.mixtures.em import maximised
from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.mixtures.moments import Moments, moments_of


def moments_per_point(mixture: GaussianMixture) -> Moments:
    """The moments whose M-step the mixture is, float64."""
    weights, means = mixture.weights.double(), mixture.means.double()
    squares = mixture.covariances.double() + means[..., :, None] * means[..., None, :]
    return Moments(weights, weights[..., None] * means, weights[..., None, None] * squares)


@torch.no_grad()
def online_em_step(
    mixture: GaussianMixture,
    x: Tensor,
    share: float,
    *,
    variance: Tensor | None = None,
    floor: float = 1e-3,
    diagonal: bool = False,
) -> GaussianMixture:
    """The mixture after a batch x (B, D) with, if given, `variance` (B, D) of each point.

    Args:
        share: ρ in (0, 1]; 1 is a step of EM on the batch alone.
        floor, diagonal: as of `em_steps`.

    Raises:
        ValueError: a share out of its range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and at most 1, got {share}")
    responsibilities = mixture.responsibilities(x, variance)
    of_batch = moments_of(x, responsibilities, mixture.clusters, variance)
    moved = Moments(
        *(
            torch.lerp(old, new / len(x), share)
            for old, new in zip(moments_per_point(mixture), of_batch, strict=True)
        )
    )
    return maximised(moved, mixture, floor, diagonal)
