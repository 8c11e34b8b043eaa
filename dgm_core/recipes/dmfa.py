"""Training of a DMFA in one stage, with masks of many kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.missing import mixed_masks
from dgm_core.models.dmfa import DMFA
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.training import Objective, Schedule, Validation, losses
from dgm_core.types import Masked


@dataclass(frozen=True, kw_only=True)
class DmfaRecipe(Recipe):
    """One schedule, the weight of the squared error, and augmentation."""

    schedule: Schedule
    squared_error: float = 4.0  # weight relative to the likelihood; see `losses.dmfa_loss`
    binary_fraction: float = 0.0  # fraction of the images that is binarised at ½
    small_fraction: float = 0.0  # fraction of the batches with faces at 32×32, as in the tables
    mirrored: bool = False

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        held_out = data.load(self.dataset, "valid").sample(1000).x.to(device)
        if self.small_fraction:
            held_out = data.source_window(held_out)
        model = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            self._objective(),
            data.load(self.dataset, "train").x,
            _validation_by_density(held_out),
            self.schedule,
        )
        yield model

    def _objective(self) -> Objective:
        objective = losses.dmfa_loss(self.squared_error)
        if self.binary_fraction:
            objective = losses.sometimes_binary(objective, self.binary_fraction)
        if self.small_fraction:
            objective = losses.at_two_scales(objective, self.small_fraction)
        return losses.flipped(objective) if self.mirrored else objective


def _validation_by_density(x: Tensor) -> Validation:
    """Mean log p(x_mis | x_obs) of a hole with half the sides of the image, at fixed positions."""
    height, width = x.shape[2:]
    observed = mixed_masks.holes(
        len(x), height, width, (height // 2, width // 2), generator(1, x.device)
    ).expand_as(x)

    @torch.no_grad()
    def score(model: DMFA) -> float:
        parts = zip(x.split(250), observed.split(250), strict=True)
        each = [model.negative_log_likelihood(Masked(*part), part[0]) for part in parts]
        return -torch.cat(each).mean().item()

    return score
