"""Training of a VAE and a mixture of Gaussians by `training.mutual`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dgm_core.data.cluster_images import cluster_images
from dgm_core.recipes.recipe import Recipe, Stage
from dgm_core.training import Progress, mutual


@dataclass(frozen=True, kw_only=True)
class MixtureRecipe(Recipe):
    """One run of `training.mutual`; architecture and seed are those of `config`."""

    config: mutual.Config

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        config = self.config
        images = cluster_images(config.dataset, config.images, deskewed=config.deskewed)
        for item in mutual.run(config, images.to(device), run_folder):
            if isinstance(item, mutual.Result):
                yield item.model
            else:
                yield Stage(config.form, _progress(item, config.all_epochs))


def mixture_recipe(name: str, summary: str, config: mutual.Config) -> MixtureRecipe:
    """A recipe whose every number comes from `config`."""
    arguments = {
        each: getattr(config, each) for each in ("latent_dim", "hidden", "clusters", "layers")
    }
    return MixtureRecipe(
        name=name,
        summary=summary,
        dataset=config.dataset,
        architecture="mixture-vae",
        arguments=arguments,
        seed=config.seed,
        packed=True,
        config=config,
    )


def _progress(frame: mutual.Frame, epochs: int) -> Progress:
    elbos = [shot.bound.elbo for shot in frame.shots] or [float("nan")]
    eta = frame.seconds * (1 / frame.done - 1) if frame.done else float("nan")
    epoch = int(frame.done * epochs + 1e-6)  # (49 / 85) · 85 is a little less than 49
    return Progress(
        epoch, epochs, 0, 1, frame.loss, elbos[-1], max(elbos), frame.seconds, eta, epoch == epochs
    )
