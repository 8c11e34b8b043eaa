"""A small model of which every bound is to be had: a Gaussian decoder with two latents.

Of scikit-learn's digits at 10×10 pixels: two latents, so that quadrature tells the truth; a floor
of the variance, so that the best mixture is a bound from above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dgm_core.files import save_arrays
from dgm_core.models.floored import FlooredDLVM, FlooredDLVMs
from dgm_core.rng import generator
from dgm_core.studies.likelihood import unbounded_likelihood
from dgm_core.studies.likelihood.unbounded_likelihood import Config, Frame

NAME = "digits-gaussian"
FILE = Path(__file__).parents[3] / "assets" / "bounds" / f"{NAME}-weights.npz"
CONFIG = Config(
    "digits", floors=(0.03,), points=1000, iterations=6000, every=100, hidden=48, latents=2
)


def images(count: int, first: int = 0) -> torch.Tensor:
    """Test images (count, 100) as the model reads them."""
    return unbounded_likelihood.points(replace(CONFIG, points=2, tested=first + count))[1][first:]


def train(config: Config = CONFIG) -> Iterator[Frame | FlooredDLVMs]:
    """Frames, and the model; its latents' networks see every point in every step."""
    x, _ = unbounded_likelihood.points(config)
    source = generator(config.seed + 1)
    models = FlooredDLVMs(config.floors, x.shape[1], config.latents, config.hidden, source)
    yield from unbounded_likelihood.train(models, config, x, source)
    yield models


def save(models: FlooredDLVMs, path: Path = FILE) -> None:
    """Weights in half precision."""
    arrays = {name: value.half().numpy() for name, value in models.state_dict().items()}
    save_arrays(path, arrays)


def load(path: Path = FILE) -> FlooredDLVM:
    """What was shipped.

    Raises:
        OSError: the file is not there.
    """
    models = FlooredDLVMs(CONFIG.floors, 100, CONFIG.latents, CONFIG.hidden, generator(0))
    with np.load(path) as file:
        weights = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    models.load_state_dict(weights | {"floors": torch.tensor(CONFIG.floors)})
    return models.member(0)
