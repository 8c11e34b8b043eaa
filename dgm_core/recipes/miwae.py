"""A MIWAE is trained in one stage on images of which it only ever sees a part.

Masks are of many kinds, drawn anew at each use: pixels at random, boxes, halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import bounds, data, objectives
from dgm_core.missing import mixtures
from dgm_core.recipes.recipe import Recipe, Stage
from dgm_core.rng import generator
from dgm_core.samplers.importance import incomplete_log_weights
from dgm_core.training import Objective, Schedule, Validation, fit
from dgm_core.types import Masked

MASKS = mixtures.Shares(square=0.2, box=0.3, half=0.15)


@dataclass(frozen=True, kw_only=True)
class MiwaeRecipe(Recipe):
    """One schedule, the number of importance samples, and what is done to the images."""

    schedule: Schedule
    draws: int = 5  # K of the bound in training
    binary: bool = True  # a Bernoulli model: images are binarised anew at each use
    mirrored: bool = False
    shift: int = 0  # pixels by which training images are moved at random

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        held_out = data.load(self.dataset, "valid").x[:1000]
        if self.binary:
            held_out = data.binarize(held_out, generator(1))
        model = self.build().to(device)
        stage = fit(
            model,
            self._objective(),
            data.load(self.dataset, "train").x,
            _validation_by_bound(held_out.to(device)),
            self.schedule,
            checkpoint=run_folder / "model.pt",
        )
        for progress in stage:
            yield Stage("model", progress)
        yield model

    def _objective(self) -> Objective:
        objective = objectives.negative_miwae_bound(self.draws, MASKS)
        if self.binary:
            objective = objectives.binarised(objective)
        if self.shift:
            objective = objectives.shifted(objective, self.shift)
        return objectives.flipped(objective) if self.mirrored else objective


def _validation_by_bound(x: Tensor, draws: int = 20) -> Validation:
    """Mean MIWAE bound of `x` under masks and noise drawn the same way each time."""
    observed = mixtures.mixed(len(x), *x.shape[2:], generator(2, x.device), MASKS).expand_as(x)

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        source = generator(3, x.device)
        parts = zip(x.split(50), observed.split(50), strict=True)
        each = [
            bounds.iwae_bound(incomplete_log_weights(model, Masked(*part), draws, source))
            for part in parts
        ]
        return torch.cat(each).mean().item()

    return score
