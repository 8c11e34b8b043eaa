"""Training of a plain VAE in one stage, or with a first stage that weights its KL term less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core import data
from dgm_core.recipes.dlvm import validation_by_elbo
from dgm_core.recipes.recipe import LatentVariableRecipe, Stage, stage
from dgm_core.training import Schedule, latest_weights, losses


@dataclass(frozen=True, kw_only=True)
class VaeRecipe(LatentVariableRecipe):
    """One schedule, or two, and the number of draws in the bound.

    If the data set is binary already, `binary` changes nothing.
    """

    schedule: Schedule
    draws: int = 1  # K of IWAE; 1 is the ELBO
    warmup: Schedule | None = None
    warmup_weight: float = 0.3  # weight of the KL term in the warm-up

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        x = data.load(self.dataset, "train").x
        model = self.build().to(device)
        if self.warmup is not None:
            weighted = losses.negative_weighted_elbo(self.warmup_weight)
            yield from stage(
                "warm-up",
                run_folder,
                model,
                self.prepared(weighted),
                x,
                latest_weights(),
                self.warmup,
            )
        bound = losses.negative_elbo if self.draws == 1 else losses.negative_iwae_bound(self.draws)
        yield from stage(
            "model",
            run_folder,
            model,
            self.prepared(bound),
            x,
            validation_by_elbo(self.held_out().to(device)),
            self.schedule,
        )
        yield model
