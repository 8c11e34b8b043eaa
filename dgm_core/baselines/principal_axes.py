"""Principal axes of the training images, and the probabilistic PCA they define.

    x = μ + W z + ε,   z ~ N(0, I_R),   ε ~ N(0, σ² I)

λ₁ ≥ λ₂ ≥ … are the eigenvalues and U the axes of the covariance of the images. The likelihood is
highest at (Tipping & Bishop 1999)

    σ² = mean of λ_R+1 … λ_D,     W = U (Λ − σ² I)^½.

If σ² would fall below the noise floor, it is set to the floor, and W is optimal for that σ².
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from dgm_core.baselines.training_images import mean_of, rows_of
from dgm_core.rng import generator, normal

EXACT = 3000
"""Largest number of entries whose full covariance is diagonalised."""
OVERSAMPLED = 20
"""Extra axes in the subspace iteration, so that the requested ones all converge."""
PASSES = 6

_FITTED: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


class PrincipalAxes(NamedTuple):
    """Mean, principal axes and eigenvalues of images with D entries, float64."""

    mean: Tensor  # (D,) μ
    axes: Tensor  # (D, R) U, orthonormal
    eigenvalues: Tensor  # (R,) λ, largest first
    remainder: Tensor  # () mean of the other D − R eigenvalues: the maximum-likelihood σ²

    def noise(self, floor: float = 0.0) -> Tensor:
        """σ², at least the floor."""
        return self.remainder.clamp_min(floor)

    def loadings(self, floor: float = 0.0) -> Tensor:
        """W = U (Λ − σ² I)^½, (D, R)."""
        return self.axes * (self.eigenvalues - self.noise(floor)).clamp_min(0).sqrt()


def principal_axes(images: Tensor, components: int) -> PrincipalAxes:
    """The `components` leading axes of the covariance of images (N, \\*event), or all of them.

    Images of up to `EXACT` entries are fitted through their covariance, larger ones by subspace
    iteration with a fixed seed, which converts only a chunk of images to floats at a time. The
    result is cached as long as the images exist, so they must not be changed in place.

    Raises:
        ValueError: fewer than two images, or fewer than two entries.
    """
    entries = images[0].numel() if len(images) else 0
    components = min(components, len(images) - 1, entries - 1)
    if components < 1:
        got = tuple(images.shape)
        raise ValueError(f"expected at least two training images of two entries, got {got}")
    fitted: dict[int, PrincipalAxes] = _FITTED.get(images) or {}
    if components not in fitted:
        fitted[components] = _fit(images, entries, components)
        _FITTED[images] = fitted
    return fitted[components]


def _fit(images: Tensor, entries: int, components: int) -> PrincipalAxes:
    mean = mean_of(images)
    if entries <= EXACT:
        values, axes, total = _all_axes(images, mean)
    else:
        values, axes, total = _leading_axes(images, mean, components + OVERSAMPLED)
    values, axes = values.flip(0)[:components].clamp_min(0), axes.flip(1)[:, :components]
    remainder = ((total - values.sum()) / (entries - components)).clamp_min(0)
    return PrincipalAxes(mean, axes.contiguous(), values, remainder)


def _all_axes(images: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All eigenvalues (smallest first), their axes, and the total variance."""
    covariance = mean.new_zeros(len(mean), len(mean))
    for rows in rows_of(images, images):
        covariance.addmm_((rows - mean).mT, rows - mean)
    covariance /= len(images)
    return *torch.linalg.eigh(covariance), covariance.trace()


def _leading_axes(images: Tensor, mean: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same for the `width` largest, by subspace iteration (Halko, Martinsson & Tropp 2011)."""
    width = min(width, len(mean))
    product = normal((len(mean), width), generator(0), mean.dtype).to(mean.device)
    basis, total = product, mean.new_zeros(())
    for _ in range(PASSES):
        basis = torch.linalg.qr(product).Q
        product, total = torch.zeros_like(basis), mean.new_zeros(())
        for rows in rows_of(images, images):
            centred = rows - mean
            product.addmm_(centred.mT, centred @ basis)
            total += centred.square().sum()
    values, rotation = torch.linalg.eigh(basis.mT @ product / len(images))
    return values, basis @ rotation, total / len(images)
