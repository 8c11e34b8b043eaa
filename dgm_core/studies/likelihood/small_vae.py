"""Training of a small VAE with a weight β on its KL term.

    loss = −E log p(x|z) + β KL(q(z|x) ‖ p(z))

With β = 1 the loss is the negative ELBO. With β > 1, units whose KL term costs more than they
improve the reconstruction collapse: their posteriors become equal to the prior. With β < 1 more
units stay active, but draws from the prior differ from the latents that the decoder was trained on
(Higgins et al. 2017; Alemi et al. 2018). The study reports the ELBO, β = 1, on held-out images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import data
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.vae import VAE
from dgm_core.rng import generator
from dgm_core.studies.likelihood.latent_units import Units, bound_terms, moments, units
from dgm_core.studies.likelihood.vae_images import manifold, samples
from dgm_core.training import Progress, Schedule, fit, latest_weights, losses

DATASETS = ("digits", "binarized_mnist")
LIMITS = {
    "images": (50, 60_000),
    "latent_dim": (2, 50),
    "hidden": (8, 1024),
    "weight": (0.0, 100.0),
    "epochs": (1, 1000),
    "batch_size": (1, 10_000),
    "seed": (0, 2**31 - 1),
}
HELD_OUT = 200
"""Number of validation images for the ELBO."""
DRAWS = 4
"""Draws of z per image for the ELBO."""
SAMPLES, SIDE = 36, 10
"""Number of samples in a frame, and number of images along each side of its manifold."""
STEPS = 10
"""Largest number of training steps between two frames."""


@dataclass(frozen=True)
class Config:
    """Everything that determines a training run.

    Args:
        dataset: a member of `DATASETS`.
        images: number of training images, from the first.
        latent_dim: L.
        hidden: hidden units of the encoder and of the decoder.
        weight: β, the weight of the KL term.
        epochs: passes through the images.
        batch_size, learning_rate: of Adam.
        seed: of weights and noise.

    Raises:
        ValueError: a value outside `LIMITS`, or an unknown data set.
    """

    dataset: str = "digits"
    images: int = 1297
    latent_dim: int = 10
    hidden: int = 128
    weight: float = 1.0
    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise ValueError(f"expected a data set among {DATASETS}, got {self.dataset!r}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )


class Frame(NamedTuple):
    """State of the training; bounds in nats per held-out image."""

    epoch: float  # completed passes, with a fraction
    done: float  # fraction of the training, in [0, 1]
    seconds: float
    reconstruction: float  # E log p(x|z)
    divergence: float  # KL(q(z|x) ‖ p(z))
    units: Units
    samples: Tensor  # (36, 1, 28, 28), at the same z in every frame
    plane: tuple[int, int]  # the two units with the largest KL
    manifold: Tensor  # (100, 1, 28, 28) in that plane; see `vae_images.manifold`

    @property
    def elbo(self) -> float:
        """The ELBO (β = 1)."""
        return self.reconstruction - self.divergence


class Result(NamedTuple):
    """A finished training run."""

    config: Config
    model: VAE
    last: Frame


def run(config: Config) -> Iterator[Frame | Result]:
    """Yield a `Frame` before the first step, more after every few steps, and the `Result`."""
    x = data.load(config.dataset, "train", download_missing=False).sample(config.images).x
    held_out = data.load(config.dataset, "valid", download_missing=False).sample(HELD_OUT).x
    held_out = data.binarize(held_out, generator(1))
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = fully_connected_dlvm(config.latent_dim, config.hidden, full_covariance=False)
    frame = _frame(config, model.eval(), held_out, None)
    yield frame
    progress = fit(
        model,
        losses.binarised(losses.negative_weighted_elbo(config.weight)),
        x,
        latest_weights(),
        Schedule(
            config.epochs,
            config.batch_size,
            config.learning_rate,
            constant_part=1.0,
            seed=config.seed,
        ),
        report_every=STEPS,
    )
    for each in progress:
        frame = _frame(config, model, held_out, each)
        if not each.finished:
            yield frame
    yield frame
    yield Result(config, model, frame)


@torch.no_grad()
def _frame(config: Config, model: VAE, held_out: Tensor, at: Progress | None) -> Frame:
    reconstruction, divergence = bound_terms(model, held_out, DRAWS, generator(2))
    each = units(*moments(model, held_out))
    first, second = each.divergence.sort(descending=True, stable=True).indices[:2].tolist()
    plane = (0, 1) if config.latent_dim == 2 else (first, second)
    epoch = 0.0 if at is None else at.epoch + at.step / at.steps
    return Frame(
        epoch,
        epoch / config.epochs,
        0.0 if at is None else at.seconds,
        reconstruction.double().mean().item(),
        divergence.double().mean().item(),
        each,
        samples(model, SAMPLES),
        plane,
        manifold(model, plane, SIDE),
    )
