"""Training of a WGAN in one stage on the training and validation images, without validation.

During training, snapshots of the averaged weights are saved at iterations spaced logarithmically,
so that a slider can show the training from noise to images. If a classifier of the data set is
shipped, the Fréchet distance is logged at each snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dgm_core import data, zoo
from dgm_core.models.wgan import WGAN, recompute_batch_statistics
from dgm_core.recipes.recipe import Recipe, Stage
from dgm_core.rng import generator
from dgm_core.training import checkpoints, parallel
from dgm_core.training.adversarial import AdversarialSchedule, fit_adversarial
from dgm_core.training.gan_reference import IMAGES, SEEN, SIDE, Reference, generated_images, sheet

SNAPSHOTS = 12
"""Number of snapshots of a training run, besides the first at iteration 0."""


@dataclass(frozen=True, kw_only=True)
class WganRecipe(Recipe):
    """One schedule."""

    schedule: AdversarialSchedule

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device, memory_format=torch.channels_last)
        spaced = np.geomspace(1, self.schedule.chunks, SNAPSHOTS).round().astype(int)
        chosen = {0, *spaced.tolist()}
        x, reference = data.pixels(self.dataset, *SEEN), self._reference(device)
        for now in fit_adversarial(model, x, self.schedule, checkpoint=run_folder / "model.pt"):
            numbers, samples = {"distance": now.distance, "penalty": now.penalty}, None
            path = run_folder / "snapshots" / f"{now.iteration:06d}.pt"
            if parallel.is_first() and now.progress.epoch in chosen and not path.is_file():
                recompute_batch_statistics(now.averaged, generator(self.seed, device))
                _save_snapshot(now.averaged, path)
                images = generated_images(now.averaged, IMAGES)
                samples = sheet(images[: SIDE**2])
                if reference is not None:
                    numbers["frechet"] = reference.frechet(images)
            yield Stage("model", now.progress, numbers, samples)
        yield model

    def _reference(self, device: torch.device) -> Reference | None:
        """Training images for comparison, if the classifier is available."""
        name = f"{self.dataset}-classifier"
        if name not in zoo.names():
            return None
        return Reference(self.dataset, zoo.load(name, device))


def snapshots(run_folder: Path) -> dict[int, Path]:
    """Snapshots of the synthesis that a training run has saved so far, by iteration."""
    return {int(path.stem): path for path in sorted((run_folder / "snapshots").glob("*.pt"))}


def _save_snapshot(model: WGAN, path: Path) -> None:
    weights = model.synthesis.state_dict()
    checkpoints.save({name: value.half() for name, value in weights.items()}, path)
