"""The documentation's table of samplers: four samplers on the same model, images and masks.

F1 on the hidden pixels of the posterior mean, MNIST binarised at ½, pixels of all images pooled.
LAIR is run for as many iterations as take it the time of Metropolis-within-Gibbs: a few of each
are timed in turns, so that other work on the machine disturbs both.

Images go some at once, and each such block draws from a stream of its own, seeded by what is
measured and its first image: blocks can be measured in any order.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE
from dgm_core.rng import generator
from dgm_core.studies.inpainting.filling import f1_and_error, fill_in, ink_counts
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by
from dgm_core.studies.progress import Frame
from dgm_core.types import LatentVariableModel

LAIR = "LAIR"
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
        lair_iterations: of LAIR; None = found by its speed.
        data: whose model and test images.
        seed: of all randomness but the masks.
    """

    images: int = 1000
    chains: int = 4
    iterations: int = 200
    warmup: int = 30
    completions: int = 16
    prior_proposals: int = 1
    batch: int = 50
    lair_iterations: int | None = None
    data: str = "mnist"
    seed: int = 0

    def settings(self, name: str) -> dict[str, Any]:
        """Of a sampler of the catalogue; perhaps without LAIR's iterations."""
        if name == LAIR:
            own = {"completions": self.completions, "prior_proposals": self.prior_proposals}
            if self.lair_iterations is not None:
                own["iterations"] = self.lair_iterations
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


class Part(NamedTuple):
    """What is read off the images of a block, (n,) each."""

    counts: Tensor  # (n, 2) true positives and wrong pixels
    nll: Tensor
    acceptance: Tensor
    stuck: Tensor  # chains
    ess: Tensor
    seconds: float  # an image
    iterations: int


def run(config: Config, device: torch.device) -> Iterator[Frame | Row]:
    """Rows of the four samplers on every pattern, as they are measured; LAIR last."""
    model, truth = zoo.load(f"{config.data}-dlvm", device), test_images(config)
    pairs = [(pattern, name) for pattern in PATTERNS for name in (*CHAINS, LAIR)]
    for number, (pattern, name) in enumerate(pairs):
        parts, observed = [], observed_by(pattern, truth)
        yield Frame(f"{pattern}, {name}", number / len(pairs))
        for part in measure(config, pattern, name, model, truth, observed, device):
            parts.append(part)
            share = len(parts) * config.batch / len(truth)
            yield Frame(f"{pattern}, {name}", (number + min(share, 1)) / len(pairs))
        yield row_of(config, pattern, name, parts)


def test_images(config: Config) -> Tensor:
    """Binarised at ½."""
    return data.threshold(data.load(config.data, "test").x[: config.images])


def measure(
    config: Config,
    pattern: str,
    name: str,
    model: LatentVariableModel,
    truth: Tensor,
    observed: Tensor,
    device: torch.device,
    first: int = 0,
) -> Iterator[Part]:
    """One sampler on images of which the first has the number `first`, block by block."""
    settings = config.settings(name)
    if "iterations" not in settings:
        batch = truth[: config.batch], observed[: config.batch]
        settings["iterations"] = _affordable(config, model, *batch, device)
    method = CATALOGUE[name](model, **settings, draws=1, updates=1)
    for start in range(0, len(truth), config.batch):
        own = (config.seed, config.data, pattern, name, first + start)
        source = generator(zlib.crc32(repr(own).encode()), device)
        rows = slice(start, start + config.batch)
        filled = fill_in(method, truth[rows], observed[rows], source, batch=config.batch)
        yield Part(
            ink_counts(filled.mean, filled.truth, filled.observed),
            filled.negative_log_likelihood(),
            *(filled.diagnostic(each) for each in ("acceptance", "stuck chains", "ESS")),
            filled.seconds,
            settings["iterations"],
        )


def _affordable(
    config: Config,
    model: LatentVariableModel,
    truth: Tensor,
    observed: Tensor,
    device: torch.device,
) -> int:
    """Iterations of LAIR in the time of Metropolis-within-Gibbs."""
    seconds: dict[str, list[float]] = {"Metropolis-within-Gibbs": [], LAIR: []}
    for _ in range(TURNS):
        for name, taken in seconds.items():
            settings = config.settings(name) | {"iterations": TRIAL, "warmup": TRIAL // 2}
            trial = CATALOGUE[name](model, **settings, draws=1, updates=1)
            filled = fill_in(trial, truth, observed, generator(0, device), batch=len(truth))
            taken.append(filled.seconds)
    chain, own = (statistics.median(taken) for taken in seconds.values())
    return min(max(int(config.iterations * chain / own), TRIAL), 5000)


def row_of(config: Config, pattern: str, name: str, parts: Sequence[Part]) -> Row:
    """From the blocks of all images, in their order."""
    counts, nll, acceptance, stuck, ess = (
        torch.cat([part[field] for part in parts]) for field in range(5)
    )
    seconds = sum(len(part.counts) * part.seconds for part in parts)
    return Row(
        name,
        pattern,
        len(counts),
        parts[0].iterations,
        *f1_and_error(counts),
        nll.mean().item(),
        seconds / len(counts),
        acceptance.mean().item(),
        stuck.mean().item() / config.chains,
        ess.nanmean().item(),
    )
