"""Training of an autoregressive model in one stage by its exact likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.training import Schedule, Validation, losses


@dataclass(frozen=True, kw_only=True)
class PixelRecipe(Recipe):
    """One schedule; images are binarised again at each use."""

    schedule: Schedule
    shift: int = 0  # largest random shift of training images, pixels

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device, memory_format=torch.channels_last)
        held_out = data.binarize(data.load(self.dataset, "valid").x, generator(1)).to(device)
        yield from stage(
            "model",
            run_folder,
            model,
            losses.shifted(losses.binarised(_negative_log_likelihood), self.shift),
            data.load(self.dataset, "train").x,
            _validation_by_likelihood(held_out),
            self.schedule,
        )
        yield model


def _negative_log_likelihood(model: PixelCNN, x: Tensor, _: torch.Generator) -> Tensor:
    """Exact −log p(x), nats per image, a mean over the batch."""
    return -model.log_prob(x).mean()


def _validation_by_likelihood(x: Tensor) -> Validation:
    """Mean log p(x) of binary images, nats per image."""

    @torch.no_grad()
    def score(model: PixelCNN) -> float:
        return torch.cat([model.log_prob(part) for part in x.split(100)]).mean().item()

    return score
