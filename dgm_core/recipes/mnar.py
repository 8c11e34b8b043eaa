"""The models that the MNAR lab shows first: those of a side-by-side study, kept as they end.

The table of `mnar.SHOWN` loses values by its plan; MIWAE and not-MIWAE are trained on what is left
as the study trains them, so the weights are those of its run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core import data, objectives
from dgm_core.coding import TableCoding
from dgm_core.missing.amputation import ampute
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.studies import mnar
from dgm_core.training import latest_weights


@dataclass(frozen=True, kw_only=True)
class MnarRecipe(Recipe):
    """One model of a run of the study."""

    config: mnar.Config

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        features = data.load_table(self.dataset).drop(columns=data.TABLES[self.dataset].target)
        known = TableCoding.learn(features).encode(features)
        left = ampute(known, self.config.plan).masked
        model = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            objectives.negative_completion_bound(self.config.draws),
            left,
            latest_weights(),
            self.config.schedule(len(left)),
        )
        yield model
