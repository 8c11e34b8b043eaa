"""A DMFA is trained in one stage, under holes of varied size and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.missing import mixed_masks
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.training import Objective, Schedule, Validation, losses
from dgm_core.types import Masked


@dataclass(frozen=True, kw_only=True)
class DmfaRecipe(Recipe):
    """One schedule, and what is done to the images on the way."""

    schedule: Schedule
    squared_error: float = 4.0  # weight beside the likelihood; see `objectives.dmfa_loss`
    binary_share: float = 0.0  # of the images: binarised at ½
    small_share: float = 0.0  # of the batches: faces at 32×32, for which the tables are made
    mirrored: bool = False

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        held_out = data.load(self.dataset, "valid").x[:1000].to(device)
        if self.small_share:
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
        if self.binary_share:
            objective = losses.sometimes_binary(objective, self.binary_share)
        if self.small_share:
            objective = losses.at_two_scales(objective, self.small_share)
        return losses.flipped(objective) if self.mirrored else objective


def _validation_by_density(x: Tensor) -> Validation:
    """Mean log p(x_mis | x_obs) of a hole of half the image's sides, at the same places always."""
    height, width = x.shape[2:]
    observed = mixed_masks.holes(
        len(x), height, width, (height // 2, width // 2), generator(1, x.device)
    ).expand_as(x)

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        parts = zip(x.split(250), observed.split(250), strict=True)
        each = [model.negative_log_likelihood(Masked(*part), part[0]) for part in parts]
        return -torch.cat(each).mean().item()

    return score
