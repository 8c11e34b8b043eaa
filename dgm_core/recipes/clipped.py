"""A MIWAE or not-MIWAE trained on a data set that was clipped once, by `missing.clipped`.

The complete images are never seen: neither in training nor in the choice of the weights, which is
by the bound of the clipped validation images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core import objectives
from dgm_core.missing.clipped import clipped_split
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.training import Schedule, Validation
from dgm_core.types import Masked


@dataclass(frozen=True, kw_only=True)
class ClippedRecipe(Recipe):
    """One schedule, and the number of importance samples."""

    schedule: Schedule
    draws: int = 5  # K of the bound in training
    images: int | None = None  # of the training split; None = all
    shift: int = 0  # pixels by which training images are moved at random
    mirrored: bool = False

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            objectives.jittered(
                objectives.negative_completion_bound(self.draws),
                self.shift,
                mirrored=self.mirrored,
            ),
            clipped_split(self.dataset, "train", self.images),
            _validation_by_bound(clipped_split(self.dataset, "valid", 1000).to(device)),
            self.schedule,
        )
        yield model


def _validation_by_bound(masked: Masked, draws: int = 20) -> Validation:
    """Mean bound of the rows, with noise drawn the same way each time."""

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        source = generator(3, masked.device)
        parts = (masked[start : start + 25] for start in range(0, len(masked), 25))
        bounds = [weighted_completions(model, part, draws, source).bound for part in parts]
        return torch.cat(bounds).mean().item()

    return score
