"""The base class of recipes: name, architecture, stages of training, and publication."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core import data, zoo
from dgm_core.rng import generator
from dgm_core.training import (
    Data,
    Objective,
    Progress,
    Schedule,
    Validation,
    checkpoints,
    fit,
    losses,
    parallel,
)


class Stage(NamedTuple):
    """Progress of a named stage, with further numbers and images to log."""

    name: str
    progress: Progress
    numbers: Mapping[str, float] = MappingProxyType({})
    sheet: Tensor | None = None  # samples as one image, (H, W, C) uint8


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """Everything that determines a weight file, apart from the machine."""

    name: str
    summary: str
    dataset: str
    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    packed: bool = False  # one byte per weight in the published file

    def build(self, **more: object) -> Any:
        """An untrained model initialised by the seed; its class depends on the architecture."""
        make = zoo.ARCHITECTURES[self.architecture]
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return make(**self.arguments, **more)

    @abstractmethod
    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        """Train, resuming from checkpoints in `run_folder`; the last item is the trained model."""


def stage(
    name: str,
    run_folder: Path,
    model: nn.Module,
    objective: Objective,
    x: Data,
    validate: Validation,
    schedule: Schedule,
    parameters: list[nn.Parameter] | None = None,
) -> Iterator[Stage]:
    """`fit` as a stage, with the checkpoint `run_folder/name.pt`."""
    checkpoint = run_folder / f"{name}.pt"
    for progress in fit(
        model, objective, x, validate, schedule, parameters=parameters, checkpoint=checkpoint
    ):
        yield Stage(name, progress)


@dataclass(frozen=True, kw_only=True)
class LatentVariableRecipe(Recipe):
    """The base class of recipes for models with latent variables: preparation of images."""

    binary: bool = True  # a Bernoulli model: images are binarised again at each use
    mirrored: bool = False
    shift: int = 0  # pixels by which training images are moved at random

    def prepared(self, objective: Objective) -> Objective:
        """The objective on images as this recipe prepares them."""
        if self.binary:
            objective = losses.binarised(objective)
        if self.shift:
            objective = losses.shifted(objective, self.shift)
        return losses.flipped(objective) if self.mirrored else objective

    def held_out(self, images: int | None = None) -> Tensor:
        """Validation images (N, C, H, W), binarised once; None = all."""
        x = data.load(self.dataset, "valid").sample(images).x
        return data.binarize(x, generator(1)) if self.binary else x


def train(recipe: Recipe, run_folder: Path, device: torch.device) -> Iterator[Stage]:
    """Train all stages, resuming from the checkpoints in `run_folder` if there are any.

    At the end, the trained state is written to `run_folder/weights.pt`, for `publish`. Several
    processes need the same folder; the first of them writes.
    """
    for item in recipe.stages(run_folder, device):
        if isinstance(item, Stage):
            yield item
        elif parallel.is_first():  # the trained model, which comes last
            checkpoints.save(item.state_dict(), run_folder / "weights.pt")


def publish(
    recipe: Recipe, run_folder: Path, origin: dict[str, Any], folder: Path = zoo.FOLDER
) -> None:
    """Write weights, and a card without scores; `dgm evaluate` adds the scores."""
    model = recipe.build()
    model.load_state_dict(torch.load(run_folder / "weights.pt", weights_only=True))
    about = {
        "summary": recipe.summary,
        "recipe": recipe.name,
        "data": recipe.dataset,
        "architecture": {"name": recipe.architecture, **recipe.arguments},
        "training": origin,
    }
    zoo.save(recipe.name, model, about, folder, packed=recipe.packed)
