"""Training of a DLVM in two stages.

*model*: decoder and diagonal encoder, by the ELBO. *proposal*: the decoder is fixed, and the
encoder gets a full covariance and is trained on completed images (`losses.proposal_divergence`).
The acceptance rate of Metropolis depends on the second stage.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data, zoo
from dgm_core.bounds import importance_weighted
from dgm_core.missing import masks
from dgm_core.models.dlvm import grow_full_covariance
from dgm_core.recipes.recipe import LatentVariableRecipe, Stage, stage
from dgm_core.rng import generator
from dgm_core.samplers import chains, metropolis_within_gibbs
from dgm_core.training import Schedule, Validation, losses
from dgm_core.types import LatentVariableModel, Masked


@dataclass(frozen=True, kw_only=True)
class DlvmRecipe(LatentVariableRecipe):
    """Two schedules, and a model to start from."""

    model: Schedule
    proposal: Schedule
    warm_start: str | None = None  # a shipped model of the same architecture to start from

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        x = data.load(self.dataset, "train").x
        held_out = self.held_out().to(device)
        diagonal = self.build(full_covariance=False).to(device)
        if self.warm_start:
            _copy_weights(diagonal, zoo.load(self.warm_start, device))
        yield from stage(
            "model",
            run_folder,
            diagonal,
            self.prepared(losses.negative_elbo),
            x,
            validation_by_elbo(held_out),
            self.model,
        )
        model = grow_full_covariance(diagonal, self.build(full_covariance=True).to(device))
        yield from stage(
            "proposal",
            run_folder,
            model,
            self.prepared(losses.proposal_divergence),
            x,
            _validation_by_acceptance(held_out),
            self.proposal,
            parameters=list(model.encoder.parameters()),
        )
        yield model


def _copy_weights(diagonal: nn.Module, trained: nn.Module) -> None:
    """Copy the weights; from the last encoder layer only the rows for mean and scale."""
    source = trained.state_dict()
    target = diagonal.state_dict()
    for name, value in target.items():
        target[name] = source[name][: len(value)].clone()
    diagonal.load_state_dict(target)


def validation_by_elbo(x: Tensor) -> Validation:
    """Mean ELBO from one draw with the same noise each time, nats per image."""

    @torch.no_grad()
    def score(model: LatentVariableModel) -> float:
        source = generator(2, x.device)
        parts = [
            importance_weighted.log_weights(model, part, 1, source)[0] for part in x.split(500)
        ]
        return torch.cat(parts).mean().item()

    return score


def _validation_by_acceptance(x: Tensor, images: int = 500, iterations: int = 12) -> Validation:
    """Mean Metropolis acceptance with 50 % of the pixels hidden, for chains that start at x.

    A seeded permutation chooses the images: the rows of Omniglot are sorted by alphabet.
    """
    x = x[torch.randperm(len(x), generator=generator(4))[:images].to(x.device)]
    height, width = x.shape[2:]
    each = [masks.random_pixels(height, width, 0.5, generator(seed)) for seed in range(len(x))]
    observed = torch.stack(each)[:, None].expand_as(x.cpu()).to(x.device)

    def score(model: LatentVariableModel) -> float:
        def original(*_: object) -> Tensor:
            return x

        sampler = metropolis_within_gibbs(model, Masked(x, observed), original)
        steps = chains.run(sampler, generator(3, x.device), iterations)
        counted = itertools.islice(steps, 2, None)
        return torch.stack([step.info.accepted.float().mean() for step in counted]).mean().item()

    return score
