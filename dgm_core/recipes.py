"""One named recipe for each shipped weight file: `python -m dgm_core train RECIPE` makes it again.

A DLVM is trained in two stages. *model*: decoder and a diagonal encoder by the ELBO. *proposal*:
the decoder is fixed, the encoder gets a full covariance and learns to propose well on completed
images (`objectives.proposal_divergence`), which is what Metropolis acceptance depends on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dgm_core import bounds, data, objectives, zoo
from dgm_core.files import written_whole
from dgm_core.missing import masks
from dgm_core.models.dlvm import grow_full_covariance
from dgm_core.rng import generator
from dgm_core.samplers import chains, metropolis_within_gibbs
from dgm_core.training import Objective, Progress, Schedule, Validation, fit
from dgm_core.types import Masked


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a weight file, but the machine."""

    name: str
    summary: str
    dataset: str
    architecture: str
    model: Schedule
    proposal: Schedule
    arguments: dict[str, Any] = field(default_factory=dict)
    shift: int = 0  # pixels by which training images are moved at random
    warm_start: str | None = None  # a shipped model of the same architecture to begin from

    def build(self, *, full_covariance: bool) -> nn.Module:
        """An untrained model, initialised by the schedule's seed."""
        make = zoo.ARCHITECTURES[self.architecture]
        with torch.random.fork_rng():
            torch.manual_seed(self.model.seed)
            return make(**self.arguments, full_covariance=full_covariance)


class Stage(NamedTuple):
    """Progress with the name of the stage it belongs to."""

    name: str
    progress: Progress


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mnist-dlvm",
            summary="Convolutional Bernoulli DLVM of MNIST, binarised anew at each use",
            dataset="mnist",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            model=Schedule(
                epochs=120, batch_size=128, learning_rate=1e-3, validate_every=5, patience=30
            ),
            proposal=Schedule(epochs=16, batch_size=128, learning_rate=5e-4, validate_every=5),
        ),
        Recipe(
            name="omniglot-dlvm",
            summary="Convolutional Bernoulli DLVM of Omniglot's 30 background alphabets",
            dataset="omniglot",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            model=Schedule(
                epochs=200, batch_size=100, learning_rate=1e-3, validate_every=5, patience=60
            ),
            shift=2,
            proposal=Schedule(epochs=40, batch_size=128, learning_rate=5e-4, validate_every=5),
        ),
        Recipe(
            name="digits-dlvm",
            summary="Convolutional Bernoulli DLVM of scikit-learn's digits, begun from mnist-dlvm",
            dataset="digits",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            warm_start="mnist-dlvm",
            model=Schedule(
                epochs=300, batch_size=64, learning_rate=1e-3, validate_every=5, patience=60
            ),
            proposal=Schedule(epochs=200, batch_size=64, learning_rate=3e-4, validate_every=10),
        ),
    )
}


def train(recipe: Recipe, run_folder: Path, device: torch.device) -> Iterator[Stage]:
    """Train both stages, resuming from the checkpoints in `run_folder` if there are any.

    Writes `run_folder/weights.pt`, the trained state, at the end; `publish` makes a card of it.
    """
    x = data.load(recipe.dataset, "train").x
    held_out = data.load(recipe.dataset, "valid").x.to(device)
    diagonal = recipe.build(full_covariance=False).to(device)
    if recipe.warm_start:
        _begin_from(diagonal, zoo.load(recipe.warm_start, device))
    stage = fit(
        diagonal,
        _moved(objectives.negative_elbo, recipe),
        x,
        _validation_by_elbo(held_out),
        recipe.model,
        checkpoint=run_folder / "model.pt",
    )
    for progress in stage:
        yield Stage("model", progress)
    model = grow_full_covariance(diagonal, recipe.build(full_covariance=True).to(device))
    stage = fit(
        model,
        _moved(objectives.proposal_divergence, recipe),
        x,
        _validation_by_acceptance(held_out),
        recipe.proposal,
        parameters=list(model.encoder.parameters()),
        checkpoint=run_folder / "proposal.pt",
    )
    for progress in stage:
        yield Stage("proposal", progress)
    with written_whole(run_folder / "weights.pt") as part:
        torch.save(model.state_dict(), part)


def publish(
    recipe: Recipe, run_folder: Path, origin: dict[str, Any], folder: Path = zoo.FOLDER
) -> None:
    """Write weights and a card without numbers; `evaluate` adds them."""
    model = recipe.build(full_covariance=True)
    model.load_state_dict(torch.load(run_folder / "weights.pt", weights_only=True))
    about = {
        "summary": recipe.summary,
        "recipe": recipe.name,
        "data": recipe.dataset,
        "architecture": {"name": recipe.architecture, **recipe.arguments},
        "training": origin,
    }
    zoo.save(recipe.name, model, about, folder)


def _moved(objective: Objective, recipe: Recipe) -> Objective:
    return objectives.shifted(objective, recipe.shift) if recipe.shift else objective


def _begin_from(diagonal: nn.Module, trained: nn.Module) -> None:
    """Copy what fits; of the last encoder layer, the rows for mean and scale."""
    source = trained.state_dict()
    target = diagonal.state_dict()
    for name, value in target.items():
        target[name] = source[name][: len(value)].clone()
    diagonal.load_state_dict(target)


def _validation_by_elbo(x: Tensor) -> Validation:
    """ELBO of one draw, images binarised and noise drawn the same way each time."""
    binary = data.binarize(x, generator(1, x.device))

    @torch.no_grad()
    def score(model: nn.Module) -> float:
        source = generator(2, x.device)
        parts = [bounds.log_weights(model, part, 1, source)[0] for part in binary.split(500)]
        return torch.cat(parts).mean().item()

    return score


def _validation_by_acceptance(x: Tensor, images: int = 500, iterations: int = 12) -> Validation:
    """Mean Metropolis acceptance at 50 % missing, chains started at the truth."""
    binary = data.binarize(x[:images], generator(1, x.device))
    observed = torch.stack(
        [masks.random_pixels(28, 28, 0.5, generator(seed))[None] for seed in range(len(binary))]
    ).to(x.device)

    def score(model: nn.Module) -> float:
        def truth(*_: object) -> Tensor:
            return binary

        sampler = metropolis_within_gibbs(model, Masked(binary, observed), truth)
        steps = chains.run(sampler, generator(3, x.device), iterations)
        counted = itertools.islice(steps, 2, None)
        return torch.stack([step.info.accepted.float().mean() for step in counted]).mean().item()

    return score
