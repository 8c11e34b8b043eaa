"""The models that the MNAR lab shows first, from a side-by-side study.

A plan removes values from a table. MIWAE and not-MIWAE are trained on the remaining values as in
`studies.mnar.side_by_side` with the same settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core import data
from dgm_core.estimators.coding import TableCoding
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.training import Schedule, latest_weights, losses, schedule_of_steps


@dataclass(frozen=True, kw_only=True)
class MnarRecipe(Recipe):
    """One model; the names and defaults are those of `studies.mnar.side_by_side.Config`."""

    plan: Amputation
    steps: int = 200
    batch_size: int = 256
    draws: int = 10  # K of the bound in training
    learning_rate: float = 1e-2

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        features = data.load_table(self.dataset).drop(columns=data.TABLES[self.dataset].target)
        complete = TableCoding.learn(features).encode(features)
        masked = ampute(complete, self.plan).masked
        model = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            losses.negative_completion_bound(self.draws),
            masked,
            latest_weights(),
            self.schedule(len(masked)),
        )
        yield model

    def schedule(self, rows: int) -> Schedule:
        """Schedule for a table with `rows` rows."""
        return schedule_of_steps(
            self.steps, rows, self.batch_size, self.learning_rate, seed=self.seed
        )
