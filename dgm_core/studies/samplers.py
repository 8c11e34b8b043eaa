"""The README's table of samplers: the four of them on the same model, images and masks.

F1 on the hidden pixels of the posterior mean, MNIST binarised at ½, pixels of all images pooled.
LAIR is run for as many iterations as take it the time of Metropolis-within-Gibbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE
from dgm_core.rng import generator
from dgm_core.studies.filling import Filled, fill_in
from dgm_core.studies.patterns import PATTERNS, observed_by
from dgm_core.studies.progress import Frame
from dgm_core.types import LatentVariableModel

CHAINS = ("pseudo-Gibbs", "Metropolis-within-Gibbs", "collapsed Metropolis")
TRIAL = 20
"""Iterations of LAIR by which its speed is measured; it is never run for fewer."""
KEY = ("method", "pattern")
"""What a row of the table is known by."""


@dataclass(frozen=True)
class Config:
    """How much is measured.

    Args:
        images: MNIST test images, from the first on.
        chains: an image, for the chain samplers.
        iterations: of the chain samplers, warm-up included.
        warmup: of which left out.
        completions: K of LAIR.
        batch: images at once.
    """

    images: int = 1000
    chains: int = 4
    iterations: int = 200
    warmup: int = 30
    completions: int = 16
    batch: int = 50


class Row(NamedTuple):
    """One sampler on one pattern of hidden pixels."""

    method: str
    pattern: str
    images: int
    iterations: int
    f1: float  # pooled over images
    f1_error: float  # standard error over images, jackknifed
    nll: float  # −log p(x_mis | x_obs), nats; a bound from above where latents are few
    seconds: float  # an image
    acceptance: float  # NaN for LAIR
    stuck: float  # share of chains that accepted nothing; NaN for LAIR
    ess: float  # of the pool for LAIR, of log p(x, z) for chains; mean over images

    def sentence(self) -> str:
        """One line for a terminal."""
        return (
            f"{self.pattern:15} {self.method:24} F1 {self.f1:.3f} ± {self.f1_error:.3f}  "
            f"NLL {self.nll:.1f}  {self.seconds:.2f} s an image, {self.iterations} iterations"
        )


def run(config: Config, device: torch.device) -> Iterator[Frame | Row]:
    """Rows of the four samplers on every pattern, as they are measured; LAIR last."""
    model = zoo.load("mnist-dlvm", device)
    truth = data.threshold(data.load("mnist", "test").x[: config.images])
    of_chains = {"iterations": config.iterations, "warmup": config.warmup, "chains": config.chains}
    for number, pattern in enumerate(PATTERNS):
        observed, seconds = observed_by(pattern, truth), {}
        for place, name in enumerate((*CHAINS, "LAIR")):
            yield Frame(f"{pattern}, {name}", (number + place / 4) / len(PATTERNS))
            if name == "LAIR":
                batch = truth[: config.batch], observed[: config.batch]
                settings = _of_lair(
                    config, model, *batch, seconds["Metropolis-within-Gibbs"], device
                )
            else:
                settings = of_chains
            method = CATALOGUE[name](model, **settings, draws=1, updates=1)
            filled = fill_in(method, truth, observed, generator(0, device), batch=config.batch)
            seconds[name] = filled.seconds
            yield _row(name, pattern, settings["iterations"], filled, config.chains)


def _of_lair(
    config: Config,
    model: LatentVariableModel,
    truth: Tensor,
    observed: Tensor,
    seconds: float,
    device: torch.device,
) -> dict[str, Any]:
    """Settings with as many iterations as fit into `seconds` an image."""
    settings = {"completions": config.completions, "warmup": 10}
    trial = CATALOGUE["LAIR"](model, iterations=TRIAL, **settings, draws=1, updates=1)
    filled = fill_in(trial, truth, observed, generator(0, device), batch=len(truth))
    affordable = int(seconds / filled.seconds * TRIAL)
    return {"iterations": min(max(affordable, TRIAL), 5000), **settings}


def _row(name: str, pattern: str, iterations: int, filled: Filled, chains: int) -> Row:
    return Row(
        name,
        pattern,
        len(filled.truth),
        iterations,
        *filled.pooled_f1(),
        filled.negative_log_likelihood().mean().item(),
        filled.seconds,
        filled.diagnostic("acceptance").mean().item(),
        filled.diagnostic("stuck chains").mean().item() / chains,
        filled.diagnostic("ESS").nanmean().item(),
    )
