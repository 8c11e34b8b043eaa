"""Nearest neighbours: the training images most similar on the observed pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.baselines.training_images import FromTrainingImages, levels, rows_of
from dgm_core.distributions.variance_floors import IMAGE_VARIANCE_FLOOR
from dgm_core.metrics import gaussian_mixture_log_density
from dgm_core.rng import uniform
from dgm_core.settings import setting
from dgm_core.types import Imputation, Masked

TIE = 1e-9
"""Sums of squares closer than this are ties; 8-bit levels differ by at least 1.5e-5."""


class Nearest(NamedTuple):
    """The nearest training images of each row, nearest first."""

    indices: Tensor  # (B, k) into the training images
    distances: Tensor  # (B, k) sum of squares over the observed entries, float64


def nearest(images: Tensor, masked: Masked, neighbours: int, source: torch.Generator) -> Nearest:
    """The training images t with the least Σ_obs (x − t)²; ties are broken at random.

    With s the mask, Σ_obs (x − t)² = Σ s x² − 2 (s x)·t + s·t²: matrix products over one chunk of
    training images at a time. If nothing is observed, all are tied.
    """
    x = masked.x.flatten(1).double()  # 0 where hidden, so that it is s x
    observed = masked.observed.flatten(1).to(x)
    square, start = x.square().sum(1, keepdim=True), 0
    best = x.new_empty(len(x), 0)
    indices = torch.empty(len(x), 0, dtype=torch.long, device=x.device)
    for rows in rows_of(images, x):
        distance = (square - 2 * x @ rows.mT + observed @ rows.square().mT).clamp_min(0)
        distance += TIE * uniform(tuple(distance.shape), source, x.dtype).to(x.device)
        new = torch.arange(start, start + len(rows), device=x.device).expand_as(distance)
        best, indices = torch.cat([best, distance], 1), torch.cat([indices, new], 1)
        best, order = best.topk(min(neighbours, best.shape[1]), largest=False)
        indices, start = indices.gather(1, order), start + len(rows)
    return Nearest(indices, best)


@dataclass(frozen=True, eq=False)
class NearestNeighbours(FromTrainingImages):
    """The training images nearest in mean squared distance over the observed entries.

    Mean and variance are those of the neighbours, equally weighted; the draws are the neighbours
    themselves, nearest first. The predictive density puts a Gaussian on each neighbour,

        log (1/k) Σ_i N(x_mis; t_i, h² I).

    The bandwidth h² is the mean squared distance of the neighbours over the *observed* entries, at
    least `noise_floor`. If nothing is observed, h² is the mean variance between the neighbours.
    A training image is its own nearest neighbour, so scores need images outside the training set.

    Args:
        images: (N, \\*event), floats or bytes.
        neighbours: k; all training images if there are fewer.
        noise_floor: least bandwidth, squared levels.
    """

    neighbours: int = setting(10, "Neighbours", 1, 100, "Training images to average and to show.")
    noise_floor: float = IMAGE_VARIANCE_FLOOR

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        x, observed = masked.x, masked.observed
        self.check_events(masked)
        found = nearest(self.images, masked, self.neighbours, generator)
        chosen = self.images[found.indices.mT.to(self.images.device)]  # (k, B, *event)
        chosen = levels(chosen, x).to(x.dtype)
        variance = torch.where(observed, 0, chosen.var(0, correction=0))
        count = observed.flatten(1).sum(1)
        distance = (found.distances.mean(1) / count).where(count > 0, torch.nan)
        spread = variance.flatten(1).mean(1).double()
        bandwidth = distance.where(count > 0, spread).clamp_min(self.noise_floor)
        per_entry = bandwidth.to(x.dtype).view(1, -1, *[1] * (x.ndim - 1))
        yield Imputation(
            masked.complete(chosen.mean(0)),
            masked.complete(chosen),
            variance,
            lambda true_values: gaussian_mixture_log_density(
                chosen, per_entry, true_values, observed, self.noise_floor
            ),
            {"distance": distance.to(x.dtype), "bandwidth": bandwidth.to(x.dtype)},
        )
