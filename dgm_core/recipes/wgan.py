"""A WGAN is trained in one stage on the training and validation images, for it has no validation.

Along the way the averaged weights are kept a dozen times, at iterations spaced as their logarithm,
so that a slider can play the training from noise to pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.adversarial import AdversarialSchedule, Round, fit_adversarial
from dgm_core.files import written_whole
from dgm_core.models.wgan import settle
from dgm_core.recipes.recipe import Recipe, Stage
from dgm_core.rng import generator

SNAPSHOTS = 12
"""How many of the training are kept, besides the very beginning."""


@dataclass(frozen=True, kw_only=True)
class WganRecipe(Recipe):
    """One schedule."""

    schedule: AdversarialSchedule

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device, memory_format=torch.channels_last)
        kept = {0, *np.geomspace(1, self.schedule.chunks, SNAPSHOTS).round().astype(int).tolist()}
        x = training_images(self.dataset)
        for now in fit_adversarial(model, x, self.schedule, checkpoint=run_folder / "model.pt"):
            if now.progress.epoch in kept:
                _keep(now, run_folder / "snapshots")
            yield Stage("model", now.progress)
        yield model


def training_images(dataset: str) -> Tensor:
    """All images but the test split, (N, C, H, W) uint8: of svhn, [:9000]."""
    if dataset == "celeba":
        return torch.cat([data.faces(split) for split in ("train", "valid")])
    both = torch.cat([data.load(dataset, split).x for split in ("train", "valid")])
    return (both * 255).round().to(torch.uint8)


def snapshots(run_folder: Path) -> dict[int, Path]:
    """The weights of the synthesis that a training has kept so far, by iteration."""
    return {int(path.stem): path for path in sorted((run_folder / "snapshots").glob("*.pt"))}


def _keep(now: Round, folder: Path) -> None:
    path = folder / f"{now.iteration:06d}.pt"
    if not path.is_file():
        settle(now.averaged, generator(0, next(now.averaged.parameters()).device))
        weights = now.averaged.synthesis.state_dict()
        with written_whole(path) as part:
            torch.save({name: value.half() for name, value in weights.items()}, part)
