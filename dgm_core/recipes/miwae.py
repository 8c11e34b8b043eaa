"""Training of a MIWAE in one stage on incomplete images.

Masks of many kinds are drawn again at each use: random pixels, boxes, halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.bounds import importance_weighted
from dgm_core.missing import mixed_masks
from dgm_core.models.miwae import MIWAE
from dgm_core.recipes.recipe import LatentVariableRecipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.samplers.importance import incomplete_log_weights
from dgm_core.training import Schedule, Validation, losses
from dgm_core.types import Masked

MASKS = mixed_masks.Proportions(square=0.2, box=0.3, half=0.15)


@dataclass(frozen=True, kw_only=True)
class MiwaeRecipe(LatentVariableRecipe):
    """One schedule and the number of importance samples."""

    schedule: Schedule
    draws: int = 5  # K of the bound in training

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            self.prepared(losses.negative_miwae_bound(self.draws, MASKS)),
            data.load(self.dataset, "train").x,
            _validation_by_bound(self.held_out(1000).to(device)),
            self.schedule,
        )
        yield model


def _validation_by_bound(x: Tensor, draws: int = 20) -> Validation:
    """Mean MIWAE bound of `x` with the same masks and noise each time, nats per image."""
    height, width = x.shape[2:]
    observed = mixed_masks.mixed(len(x), height, width, generator(2, x.device), MASKS)
    masked = Masked(x, observed.expand_as(x))

    @torch.no_grad()
    def score(model: MIWAE) -> float:
        source = generator(3, x.device)
        parts = [masked[start : start + 50] for start in range(0, len(masked), 50)]
        log_w = [incomplete_log_weights(model, part, draws, source) for part in parts]
        return torch.cat([importance_weighted.iwae_bound(each) for each in log_w]).mean().item()

    return score
