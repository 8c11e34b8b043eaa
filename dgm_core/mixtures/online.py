"""Online EM: the mixture follows points that change while it is fitted.

Let M be the moments per point (`moments_of` divided by the number of points). Each batch B updates

    M ← (1 − ρ) M + ρ M(B),   M(B) under r_nk ∝ π_k exp E_q log N(x_n; μ_k, Σ_k)

and the mixture is the M-step of M. With ρ = |B| / N, one pass over the data replaces most of the
previous moments (Cappé & Moulines 2009). In natural parameters it is a gradient step of length ρ.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.mixtures.em import maximised
from dgm_core.mixtures.gaussian_mixture import GaussianMixture
from dgm_core.mixtures.moments import Moments, moments_of


def moments_per_point(mixture: GaussianMixture) -> Moments:
    """The moments whose M-step gives the mixture, float64."""
    weights, means = mixture.weights.double(), mixture.means.double()
    squares = mixture.covariances.double() + means[..., :, None] * means[..., None, :]
    return Moments(weights, weights[..., None] * means, weights[..., None, None] * squares)


@torch.no_grad()
def online_em_step(
    mixture: GaussianMixture,
    x: Tensor,
    step: float,
    *,
    variance: Tensor | None = None,
    floor: float = 1e-3,
    diagonal: bool = False,
) -> GaussianMixture:
    """The mixture after one step on a batch.

    Args:
        mixture: before the step.
        x: the batch, (B, D).
        step: ρ in (0, 1]; 1 is a step of EM on the batch alone.
        variance: (B, D) of each point; None: the points are certain.
        floor, diagonal: as in `em_steps`.

    Raises:
        ValueError: a step outside (0, 1].
    """
    if not 0 < step <= 1:
        raise ValueError(f"expected a step above 0 and at most 1, got {step}")
    responsibilities = mixture.responsibilities(x, variance)
    of_batch = moments_of(x, responsibilities, mixture.clusters, variance)
    pairs = zip(moments_per_point(mixture), of_batch, strict=True)
    updated = Moments(*(torch.lerp(old, new / len(x), step) for old, new in pairs))
    return maximised(updated, mixture, floor, diagonal)
