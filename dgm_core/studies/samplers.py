"""The README's table of samplers: the four of them on the same model, images and masks.

F1 on the hidden pixels of the posterior mean, MNIST binarised at ½, pixels of all images pooled.
LAIR is run for as many iterations as take it the time of Metropolis-within-Gibbs: a few of each
are timed in turns, so that other work on the machine disturbs both.
"""

from __future__ import annotations

import statistics
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
"""Iterations by which speeds are compared; LAIR is never run for fewer."""
TURNS = 5
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
        prior_proposals: R of LAIR.
        batch: images at once.
    """

    images: int = 1000
    chains: int = 4
    iterations: int = 200
    warmup: int = 30
    completions: int = 16
    prior_proposals: int = 1
    batch: int = 50

    def settings(self, name: str) -> dict[str, Any]:
        """Of a sampler of the catalogue; LAIR's iterations are found by its speed."""
        if name == "LAIR":
            own = {"completions": self.completions, "prior_proposals": self.prior_proposals}
            return own | {"warmup": 5}
        return {"iterations": self.iterations, "warmup": self.warmup, "chains": self.chains}


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
    for number, pattern in enumerate(PATTERNS):
        observed = observed_by(pattern, truth)
        for place, name in enumerate((*CHAINS, "LAIR")):
            yield Frame(f"{pattern}, {name}", (number + place / 4) / len(PATTERNS))
            settings = config.settings(name)
            if name == "LAIR":
                batch = truth[: config.batch], observed[: config.batch]
                settings["iterations"] = _affordable(config, model, *batch, device)
            method = CATALOGUE[name](model, **settings, draws=1, updates=1)
            filled = fill_in(method, truth, observed, generator(0, device), batch=config.batch)
            yield _row(name, pattern, settings["iterations"], filled, config.chains)


def _affordable(
    config: Config,
    model: LatentVariableModel,
    truth: Tensor,
    observed: Tensor,
    device: torch.device,
) -> int:
    """Iterations of LAIR in the time of Metropolis-within-Gibbs."""
    seconds: dict[str, list[float]] = {"Metropolis-within-Gibbs": [], "LAIR": []}
    for _ in range(TURNS):
        for name, taken in seconds.items():
            settings = config.settings(name) | {"iterations": TRIAL, "warmup": TRIAL // 2}
            trial = CATALOGUE[name](model, **settings, draws=1, updates=1)
            filled = fill_in(trial, truth, observed, generator(0, device), batch=len(truth))
            taken.append(filled.seconds)
    chain, own = (statistics.median(taken) for taken in seconds.values())
    return min(max(int(config.iterations * chain / own), TRIAL), 5000)


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
