"""The documented table of samplers: five samplers on the same model, images and masks.

F1 of the posterior mean on the hidden pixels, MNIST binarised at ½, pixels of all images pooled.
LAIR gets the number of iterations that take as long as Metropolis-within-Gibbs. A few iterations
of both are timed alternately, so that other work on the machine affects both. All start from the
partial encoder, which is the fifth sampler by itself, with a number of draws.

Images are measured in blocks. The random numbers of a block depend on the settings and on its
first image, so blocks can be measured in any order.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.imputers import CATALOGUE
from dgm_core.models.partial import PartiallyEncoded
from dgm_core.rng import generator
from dgm_core.studies.inpainting.filling import f1_and_error, fill_in, ink_counts
from dgm_core.studies.inpainting.materials import with_partial_encoder
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by
from dgm_core.studies.progress import Frame
from dgm_core.types import LatentVariableModel

LAIR, PARTIAL = "LAIR", "partial encoder"
CHAINS = ("pseudo-Gibbs", "Metropolis-within-Gibbs", "collapsed Metropolis")
TRIAL = 20
"""Iterations for the comparison of speeds, and the least number of iterations of LAIR."""
REPEATS = 5
KEY = ("method", "pattern")
"""Fields that identify a row of the table."""


@dataclass(frozen=True)
class Config:
    """Data, and settings of the samplers.

    Args:
        images: number of test images, chosen at random.
        chains: chains per image, for the chain samplers.
        iterations: iterations of the chain samplers, warm-up included.
        warmup: first iterations, left out.
        completions: K of LAIR.
        prior_proposals: R of LAIR.
        batch: images per block.
        lair_iterations: iterations of LAIR; None = chosen by its speed.
        draws: importance samples of the partial encoder.
        data: name of the data set, for the model and the test images.
        seed: for all random numbers except the masks.
    """

    images: int = 1000
    chains: int = 4
    iterations: int = 200
    warmup: int = 30
    completions: int = 16
    prior_proposals: int = 1
    batch: int = 50
    lair_iterations: int | None = None
    draws: int = 1000
    data: str = "mnist"
    seed: int = 0

    def settings(self, name: str) -> dict[str, Any]:
        """Settings of a sampler of the catalogue; without LAIR's iterations if they are None."""
        if name == LAIR:
            own = {"completions": self.completions, "prior_proposals": self.prior_proposals}
            if self.lair_iterations is not None:
                own["iterations"] = self.lair_iterations
            return own | {"warmup": 5}
        if name == PARTIAL:
            return {"samples": self.draws}
        return {"iterations": self.iterations, "warmup": self.warmup, "chains": self.chains}

    def is_timed(self, name: str) -> bool:
        """Whether the number of iterations is chosen by the speed."""
        return name == LAIR and self.lair_iterations is None


class Row(NamedTuple):
    """One sampler on one pattern of hidden pixels."""

    method: str
    pattern: str
    images: int
    iterations: int  # draws of the partial encoder
    f1: float  # pooled over images
    f1_error: float  # standard error over images, jackknifed
    nll: float  # −log p(x_mis | x_obs), nats; too high on average with few latents
    seconds: float  # per image
    acceptance: float  # NaN for LAIR
    stuck: float  # fraction of chains that accepted nothing; NaN for LAIR
    ess: float  # of the pool for LAIR, of log p(x, z) for chains; mean over images

    def sentence(self) -> str:
        """One line for a terminal."""
        return (
            f"{self.pattern:15} {self.method:24} F1 {self.f1:.3f} ± {self.f1_error:.3f}  "
            f"NLL {self.nll:.1f}  {self.seconds:.2f} s per image, {self.iterations} iterations"
        )


class Part(NamedTuple):
    """Scores of the images of a block, (n,) each."""

    counts: Tensor  # (n, 2) true positives and wrong pixels
    nll: Tensor
    acceptance: Tensor
    stuck: Tensor  # number of stuck chains
    ess: Tensor
    seconds: float  # per image
    iterations: int


def run(config: Config, device: torch.device) -> Iterator[Frame | Row]:
    """Rows of the samplers on every pattern, each as soon as it is measured; LAIR last."""
    model = model_of(config, device)
    original, groups = test_images(config)
    pairs = methods_by_pattern()
    for number, (pattern, name) in enumerate(pairs):
        parts, observed = [], observed_by(pattern, original)
        yield Frame(f"{pattern}, {name}", number / len(pairs))
        for part in measure(config, pattern, name, model, original, observed, device):
            parts.append(part)
            done = len(parts) * config.batch / len(original)
            yield Frame(f"{pattern}, {name}", (number + min(done, 1)) / len(pairs))
        yield row_of(config, pattern, name, parts, groups)


def methods_by_pattern() -> list[tuple[str, str]]:
    """Patterns of hidden pixels and samplers, in the order of the rows."""
    return [(pattern, name) for pattern in PATTERNS for name in (*CHAINS, PARTIAL, LAIR)]


def model_of(config: Config, device: torch.device) -> PartiallyEncoded:
    """The DLVM with its partial encoder."""
    return with_partial_encoder(config.data, partial(zoo.load, device=device))


def test_images(config: Config) -> tuple[Tensor, Tensor | None]:
    """Test images (N, 1, H, W), binarised at ½, and which are dependent (N,); None = none are."""
    sample = data.load(config.data, "test").sample(config.images)
    return data.threshold(sample.x), sample.groups


def measure(
    config: Config,
    pattern: str,
    name: str,
    model: LatentVariableModel,
    original: Tensor,
    observed: Tensor,
    device: torch.device,
    first: int = 0,
) -> Iterator[Part]:
    """One sampler on images whose first has the index `first`, block by block."""
    settings = config.settings(name)
    if config.is_timed(name):
        batch = original[: config.batch], observed[: config.batch]
        settings["iterations"] = _affordable(config, model, *batch, device)
    if name != PARTIAL:
        settings["updates"] = 1  # it yields once
    method = CATALOGUE[name](model, **settings, draws=1)
    for start in range(0, len(original), config.batch):
        key = (config.seed, config.data, pattern, name, first + start)
        source = generator(zlib.crc32(repr(key).encode()), device)
        rows = slice(start, start + config.batch)
        filled = fill_in(method, original[rows], observed[rows], source, batch=config.batch)
        yield Part(
            counts=ink_counts(filled.mean, filled.original, filled.observed),
            nll=filled.negative_log_likelihood(),
            acceptance=filled.diagnostic("acceptance"),
            stuck=filled.diagnostic("stuck chains"),
            ess=filled.diagnostic("ESS"),
            seconds=filled.seconds,
            iterations=settings.get("iterations", config.draws),
        )


def _affordable(
    config: Config,
    model: LatentVariableModel,
    original: Tensor,
    observed: Tensor,
    device: torch.device,
) -> int:
    """Iterations of LAIR that take as long as Metropolis-within-Gibbs.

    The time of both is linear in the iterations. LAIR also needs time at its end.
    """
    seconds: dict[tuple[str, int], list[float]] = {
        (name, iterations): []
        for name in ("Metropolis-within-Gibbs", LAIR)
        for iterations in (TRIAL, 3 * TRIAL)
    }
    for _ in range(REPEATS):
        for (name, iterations), taken in seconds.items():
            settings = config.settings(name) | {"iterations": iterations, "warmup": TRIAL // 2}
            trial = CATALOGUE[name](model, **settings, draws=1, updates=1)
            filled = fill_in(trial, original, observed, generator(0, device), batch=len(original))
            taken.append(filled.seconds)
    first, more, lair_first, lair_more = map(statistics.median, seconds.values())
    whole = first + (config.iterations / TRIAL - 1) * (more - first) / 2
    affordable = TRIAL * (1 + 2 * (whole - lair_first) / max(lair_more - lair_first, 1e-9))
    return min(max(int(affordable), TRIAL), 5000)


def row_of(
    config: Config,
    pattern: str,
    name: str,
    parts: Sequence[Part],
    groups: Tensor | None = None,
) -> Row:
    """The row from the blocks of all images, in their order; `groups` says which depend."""
    counts = torch.cat([part.counts for part in parts])
    seconds = sum(len(part.counts) * part.seconds for part in parts)
    f1, f1_error = f1_and_error(counts, groups)
    return Row(
        method=name,
        pattern=pattern,
        images=len(counts),
        iterations=parts[0].iterations,
        f1=f1,
        f1_error=f1_error,
        nll=torch.cat([part.nll for part in parts]).mean().item(),
        seconds=seconds / len(counts),
        acceptance=torch.cat([part.acceptance for part in parts]).mean().item(),
        stuck=torch.cat([part.stuck for part in parts]).mean().item() / config.chains,
        ess=torch.cat([part.ess for part in parts]).nanmean().item(),
    )
