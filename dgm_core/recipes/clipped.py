"""Training of a MIWAE or not-MIWAE on a data set clipped once, by `missing.clipped`.

Complete images are not used: weights are chosen by the bound of the clipped validation images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core.missing.clipped import clipped_split
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.training import Objective, Schedule, Validation, losses
from dgm_core.types import Masked


@dataclass(frozen=True, kw_only=True)
class ClippedRecipe(Recipe):
    """One schedule, augmentation, and the number of importance samples."""

    schedule: Schedule
    integrated: bool = False  # x_mis integrated out of the bound of a not-MIWAE, or drawn
    draws: int = 5  # K of the bound in training
    images: int | None = None  # images of the training split; None = all
    shift: int = 0  # largest random shift of training images, pixels
    mirrored: bool = False

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device)
        bound = (
            losses.negative_integrated_bound
            if self.integrated
            else losses.negative_completion_bound
        )
        objective = losses.jittered(bound(self.draws), self.shift, mirrored=self.mirrored)
        x = clipped_split(self.dataset, "train", self.images)
        validate = _validation_by(bound, clipped_split(self.dataset, "valid", 1000).to(device))
        yield from stage("model", run_folder, model, objective, x, validate, self.schedule)
        yield model


def _validation_by(bound: Callable[[int], Objective], masked: Masked) -> Validation:
    """Mean bound with 20 draws per row and the same noise each time."""
    loss = bound(20)

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        source = generator(3, masked.device)
        parts = [masked[start : start + 25] for start in range(0, len(masked), 25)]
        return -sum(len(part) * loss(model, part, source).item() for part in parts) / len(masked)

    return score
