"""Training of a partial encoder for a shipped DLVM, which does not change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data, zoo
from dgm_core.missing import mixed_masks
from dgm_core.models.partial import PartialEncoder
from dgm_core.models.vae import VAE
from dgm_core.recipes.recipe import LatentVariableRecipe, Stage, stage
from dgm_core.rng import draw, generator
from dgm_core.training import Schedule, Validation, losses
from dgm_core.types import Masked

SCHEDULE = Schedule(epochs=20, batch_size=128, learning_rate=1e-3, validate_every=2, bfloat16=True)
MASKS = mixed_masks.Proportions(square=0.1, box=0.2, half=0.35)


@dataclass(frozen=True, kw_only=True)
class PartialRecipe(LatentVariableRecipe):
    """One schedule, and the name of the DLVM."""

    dlvm: str
    schedule: Schedule

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        dlvm = zoo.load(self.dlvm, device)
        assert isinstance(dlvm, VAE)  # all models of this kind are
        partial = self.build().to(device)
        yield from stage(
            "model",
            run_folder,
            partial,
            self.prepared(losses.posterior_matching(dlvm, MASKS)),
            data.load(self.dataset, "train").x,
            _validation_by_matching(dlvm, self.held_out(1000).to(device)),
            self.schedule,
        )
        yield partial


def partial_recipe(dataset: str, *, shift: int = 0, **schedule: int) -> PartialRecipe:
    """The recipe of the partial encoder of a data set's DLVM.

    Args:
        dataset: `celeba`, or a set of 28×28 images.
        shift: pixels by which training images are moved at random.
        schedule: fields of the `Schedule` that differ from `SCHEDULE`.
    """
    faces = dataset == "celeba"
    return PartialRecipe(
        name=f"{dataset}-partial",
        packed=True,
        summary=f"Partial encoder of {dataset}-dlvm",
        dataset=dataset,
        dlvm=f"{dataset}-dlvm",
        architecture="face-partial-encoder" if faces else "convolutional-partial-encoder",
        schedule=replace(SCHEDULE, **schedule),
        binary=not faces,
        mirrored=faces,
        shift=shift,
    )


def _validation_by_matching(dlvm: VAE, x: Tensor) -> Validation:
    """Mean log q(z | x_obs, observed) with the same masks and latents each time, nats."""
    source = generator(2, x.device)
    height, width = x.shape[2:]
    observed = mixed_masks.mixed(len(x), height, width, source, MASKS).expand_as(x)
    with torch.no_grad():
        z = torch.cat([draw(dlvm.encode(part), source) for part in x.split(250)])

    @torch.no_grad()
    def score(partial: PartialEncoder) -> float:
        parts = zip(x.split(250), observed.split(250), z.split(250), strict=True)
        logs = [partial(Masked(part, seen)).log_prob(latents) for part, seen, latents in parts]
        return torch.cat(logs).mean().item()

    return score
