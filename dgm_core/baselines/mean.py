"""The mean image: the simplest baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Normal

from dgm_core import rng
from dgm_core.baselines.training_images import FromTrainingImages, mean_of, rows_of
from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.metrics import gaussian_mixture_log_density
from dgm_core.settings import setting
from dgm_core.types import Imputation, Masked


class Moments(NamedTuple):
    """Mean and variance of each entry over the training images, float64 (D,)."""

    mean: Tensor
    variance: Tensor


def moments(images: Tensor) -> Moments:
    """Moments of images (N, \\*event), in two passes to avoid cancellation."""
    mean = mean_of(images)
    variance = torch.zeros_like(mean)
    for rows in rows_of(images, images):
        variance += (rows - mean).square().sum(0)
    return Moments(mean, variance / len(images))


@dataclass(frozen=True, eq=False)
class MeanImage(FromTrainingImages):
    """Fills every hidden entry with its mean over the training images.

    The predictive distribution treats pixels as independent: N(mean, variance) with the variance
    of the pixel over the training images, at least `noise_floor`.

    Args:
        images: (N, \\*event), floats or bytes. Their moments are computed once.
        draws: completions of independent pixels.
        noise_floor: least variance, squared levels.
    """

    draws: int = setting(16, "Draws", 1, 64, "Completions to show, with independent pixels.")
    noise_floor: float = IMAGE_VARIANCE_FLOOR

    @cached_property
    def fitted(self) -> Moments:
        """Mean and variance of each entry."""
        return moments(self.images)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        x, observed = masked.x, masked.observed
        self.check_events(masked)
        mean, variance = (each.to(x).view_as(x[0]).expand_as(x) for each in self.fitted)
        variance = variance.clamp_min(self.noise_floor)
        draws = rng.draw(Normal(mean, variance.sqrt()), generator, self.draws)
        yield Imputation(
            masked.complete(mean),
            masked.complete(draws),
            torch.where(observed, 0, variance),
            lambda true_values: gaussian_mixture_log_density(
                mean[None], variance[None], true_values, observed, self.noise_floor
            ),
        )
