"""A small model for which every bound can be computed: a Gaussian decoder with two latents.

It is trained on scikit-learn's digits at 10×10 pixels. With two latents, quadrature gives the
exact log p(x). With a floor of the variance, the best mixture is an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dgm_core.checkout import ASSETS
from dgm_core.files import save_arrays
from dgm_core.models.floored import FlooredDLVM, FlooredDLVMs
from dgm_core.rng import generator
from dgm_core.studies.likelihood import unbounded_likelihood
from dgm_core.studies.likelihood.unbounded_likelihood import Config, Frame

NAME = "digits-gaussian"
FILE = ASSETS / "bounds" / f"{NAME}-weights.npz"
CONFIG = Config(
    "digits", floors=(0.03,), points=1000, iterations=6000, every=100, hidden=48, latents=2
)


def images(count: int, first: int = 0) -> torch.Tensor:
    """Test images (count, 100) as the model reads them, beginning with number `first`."""
    return unbounded_likelihood.points(replace(CONFIG, points=2, tested=first + count))[1][first:]


def train(config: Config = CONFIG) -> Iterator[Frame | FlooredDLVMs]:
    """Train the model on all points in every step: yield frames, and at the end the model."""
    x, _ = unbounded_likelihood.points(config)
    source = generator(config.seed + 1)
    models = FlooredDLVMs(config.floors, x.shape[1], config.latents, config.hidden, source)
    yield from unbounded_likelihood.train(models, config, x, source)
    yield models


def save(models: FlooredDLVMs, path: Path = FILE) -> None:
    """Write the weights in half precision."""
    arrays = {name: value.half().numpy() for name, value in models.state_dict().items()}
    save_arrays(path, arrays)


def load(path: Path = FILE) -> FlooredDLVM:
    """Load the shipped model.

    Raises:
        OSError: the file is missing.
    """
    models = FlooredDLVMs(CONFIG.floors, 100, CONFIG.latents, CONFIG.hidden, generator(0))
    with np.load(path) as file:
        weights = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    models.load_state_dict(weights | {"floors": torch.tensor(CONFIG.floors)})
    return models.member(0)
