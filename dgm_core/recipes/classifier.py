"""Training of a classifier in one stage on complete images, validated by the likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dgm_core import data
from dgm_core.models.classifier import Classifier
from dgm_core.recipes.recipe import Recipe, Stage, stage
from dgm_core.training import Schedule, Validation, losses
from dgm_core.types import LabelledImages

FACE_ATTRIBUTES = (
    "5 o clock shadow",
    "arched eyebrows",
    "attractive",
    "bags under eyes",
    "bald",
    "bangs",
    "big lips",
    "big nose",
    "black hair",
    "blond hair",
    "blurry",
    "brown hair",
    "bushy eyebrows",
    "chubby",
    "double chin",
    "eyeglasses",
    "goatee",
    "gray hair",
    "heavy makeup",
    "high cheekbones",
    "male",
    "mouth slightly open",
    "mustache",
    "narrow eyes",
    "no beard",
    "oval face",
    "pale skin",
    "pointy nose",
    "receding hairline",
    "rosy cheeks",
    "sideburns",
    "smiling",
    "straight hair",
    "wavy hair",
    "wearing earrings",
    "wearing hat",
    "wearing lipstick",
    "wearing necklace",
    "wearing necktie",
    "young",
)
"""The attributes of CelebA, in its order."""


@dataclass(frozen=True, kw_only=True)
class ClassifierRecipe(Recipe):
    """One schedule, augmentation and dropout."""

    schedule: Schedule
    shift: int = 0  # largest random shift of training images, pixels
    mirrored: bool = False
    dropout: float = 0.0  # fraction of the features set to 0 in training

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        model = self.build().to(device, memory_format=torch.channels_last)
        yield from stage(
            "model",
            run_folder,
            model,
            losses.negative_log_likelihood(self.shift, self.dropout, mirrored=self.mirrored),
            labelled(self.dataset, "train"),
            _validation_by_likelihood(labelled(self.dataset, "valid").to(device)),
            self.schedule,
        )
        yield model


def labelled(dataset: str, split: str) -> LabelledImages:
    """A split with its classes (N,); for faces, with all attributes (N, 40)."""
    if dataset == "celeba":
        table = np.stack(list(data.face_attributes(split).values()), 1)
        return LabelledImages(data.pixels(dataset, split), torch.from_numpy(table).float())
    return LabelledImages(data.pixels(dataset, split), data.load(dataset, split).y)


def _validation_by_likelihood(images: LabelledImages) -> Validation:
    """Mean log p(y | x), nats per image."""

    @torch.no_grad()
    def score(model: Classifier) -> float:
        parts = zip(images.x.split(500), images.y.split(500), strict=True)
        each = [model.predict(x.float() / 255).log_prob(y) for x, y in parts]
        return torch.cat(each).mean().item()

    return score
