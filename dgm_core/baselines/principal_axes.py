"""Principal axes of the training images, and the probabilistic PCA they make.

    x = μ + W z + ε,   z ~ N(0, I_R),   ε ~ N(0, σ² I)

With the eigenvalues λ₁ ≥ λ₂ ≥ … and axes u of the covariance of the images, the likelihood is
highest (Tipping & Bishop 1999) at

    σ² = mean of λ_R+1 … λ_D,     W = U (Λ − σ² I)^½.

Where σ² would fall below the noise floor, it is the floor, and W is the best for that σ².
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from dgm_core.baselines.training_images import rows_of
from dgm_core.rng import generator, normal

EXACT = 3000
"""Entries up to which the whole covariance is diagonalised."""
OVERSAMPLED = 20
"""Axes beyond those asked for that the subspace iteration carries, so that the last converge."""
PASSES = 6

_FITTED: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


class PrincipalAxes(NamedTuple):
    """Of D entries, float64."""

    mean: Tensor  # (D,) μ
    axes: Tensor  # (D, R) U, orthonormal
    eigenvalues: Tensor  # (R,) λ, largest first
    rest: Tensor  # () mean of the other D − R eigenvalues: the maximum-likelihood σ²

    def noise(self, floor: float = 0.0) -> Tensor:
        """σ², not below the floor."""
        return self.rest.clamp_min(floor)

    def loadings(self, floor: float = 0.0) -> Tensor:
        """W = U (Λ − σ² I)^½, (D, R)."""
        return self.axes * (self.eigenvalues - self.noise(floor)).clamp_min(0).sqrt()


def principal_axes(images: Tensor, components: int) -> PrincipalAxes:
    """The `components` leading axes of the covariance of images (N, \\*event), or all there are.

    Up to `EXACT` entries from the covariance itself, above by subspace iteration with a fixed
    seed, which never holds the images as floats all at once. Kept as long as the images live;
    they must not be changed in place.

    Raises:
        ValueError: fewer than two images, or than two entries.
    """
    entries = images[0].numel() if len(images) else 0
    components = min(components, len(images) - 1, entries - 1)
    if components < 1:
        got = tuple(images.shape)
        raise ValueError(f"expected at least two training images of two entries, got {got}")
    kept = _FITTED.setdefault(images, {})
    if components not in kept:
        kept[components] = _fit(images, entries, components)
    return kept[components]


def _fit(images: Tensor, entries: int, components: int) -> PrincipalAxes:
    mean = sum(rows.sum(0) for rows in rows_of(images, images)) / len(images)
    if entries <= EXACT:
        values, axes, total = _all_axes(images, mean)
    else:
        values, axes, total = _leading_axes(images, mean, components + OVERSAMPLED)
    values, axes = values.flip(0)[:components].clamp_min(0), axes.flip(1)[:, :components]
    rest = ((total - values.sum()) / (entries - components)).clamp_min(0)
    return PrincipalAxes(mean, axes.contiguous(), values, rest)


def _all_axes(images: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvalues, smallest first, axes, and the total variance."""
    covariance = mean.new_zeros(len(mean), len(mean))
    for rows in rows_of(images, images):
        covariance.addmm_((rows - mean).mT, rows - mean)
    covariance /= len(images)
    return *torch.linalg.eigh(covariance), covariance.trace()


def _leading_axes(images: Tensor, mean: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same for the `width` largest, by subspace iteration (Halko, Martinsson & Tropp 2011)."""
    width = min(width, len(mean))
    basis = normal((len(mean), width), generator(0), mean.dtype).to(mean.device)
    for _ in range(PASSES):
        basis = torch.linalg.qr(basis).Q
        product, total = torch.zeros_like(basis), mean.new_zeros(())
        for rows in rows_of(images, images):
            centred = rows - mean
            product.addmm_(centred.mT, centred @ basis)
            total += centred.square().sum()
        last, basis = basis, product
    values, turn = torch.linalg.eigh(last.mT @ product / len(images))
    return values, last @ turn, total / len(images)
