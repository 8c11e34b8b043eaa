"""How pseudo-Gibbs and Metropolis-within-Gibbs depend on what is hidden and how they are run.

Four sweeps over many test images, binarised at ½: how much is missing and where, how the hidden
pixels begin, how long the warm-up is, and how many iterations there are. Each setting is one run
that is read off at several lengths, so every sweep also shows how its numbers settle.

An image's chains draw from streams of their own, seeded by the setting, the image and the chain:
a row can be measured alone, in any order, and the first images of many are those of a few.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.device import device_of
from dgm_core.metrics import diagnostics
from dgm_core.rng import Streams, generator
from dgm_core.samplers import CATALOGUE, INITIALISATIONS, pseudo_gibbs
from dgm_core.samplers.chains import Iteration, RunningMean
from dgm_core.samplers.chains import run as run_chains
from dgm_core.studies import toml_rows
from dgm_core.studies.inpainting import sampler_rows
from dgm_core.studies.inpainting.filling import ink_counts
from dgm_core.studies.inpainting.patterns import MISSING, observed_by
from dgm_core.studies.inpainting.sampler_rows import KEY, Row
from dgm_core.studies.progress import Frame
from dgm_core.types import LatentVariableModel, Masked

SWEEPS = ("missing rate", "initialisation", "warm-up", "iterations")
SAMPLERS = ("pseudo-Gibbs", "Metropolis-within-Gibbs")
DATA = ("digits", "mnist", "omniglot")
WARMUPS = (0, 10, 30, 90)
LENGTHS = (20, 50, 100, 200, 500, 1000, 2000)
"""Iterations after which a run is read off, warm-up included."""
LIMITS = {"images": (2, 10_000), "chains": (1, 16), "iterations": (20, 5000), "seed": (0, 2**31)}
BLOCK = 50
"""Images at once."""
STEPS = 25
"""Iterations of a block between two frames."""

PUBLISHED_F1: dict[str, dict[str, tuple[float, float]]] = {
    "mnist": {
        "40 % at random": (0.909, 0.937),
        "50 % at random": (0.895, 0.914),
        "60 % at random": (0.855, 0.887),
        "70 % at random": (0.794, 0.818),
        "80 % at random": (0.720, 0.603),
    },
    "omniglot": {
        "40 % at random": (0.815, 0.838),
        "50 % at random": (0.760, 0.786),
        "60 % at random": (0.709, 0.727),
        "70 % at random": (0.637, 0.637),
        "80 % at random": (0.548, 0.527),
    },
}
"""F1 over *all* pixels by `SAMPLERS`, read off the figures (± .01) of the public DLVM code: six
images, 500 iterations, its own weights; its Metropolis ratio leaves out the proposal."""


class Setting(NamedTuple):
    """One run: what is hidden, how it begins, how it goes."""

    name: str
    sampler: str
    pattern: str
    initialisation: str
    warmup: int


@dataclass(frozen=True)
class Config:
    """One sweep.

    Args:
        sweep: of `SWEEPS`.
        data: of `DATA`; its DLVM, and its test images from the first on.
        images: how many.
        chains: an image.
        iterations: of each run, warm-up included; `LENGTHS` up to there are read off.
        pattern: what is hidden, where that is not what is swept.
        seed: of all randomness but the masks.

    Raises:
        ValueError: a value outside `LIMITS`, an unknown name, or no room after the warm-up.
    """

    sweep: str = "missing rate"
    data: str = "digits"
    images: int = 100
    chains: int = 1
    iterations: int = 500
    pattern: str = "top half"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("sweep", SWEEPS), ("data", DATA), ("pattern", MISSING)):
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"expected a {name} of {', '.join(known)}, got {value!r}")
        for name, (low, high) in LIMITS.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise ValueError(f"expected {name} from {low} to {high}, got {value}")
        longest = max(setting.warmup for setting in self.settings())
        if self.iterations <= longest:
            raise ValueError(f"expected more than {longest} iterations, the longest warm-up")

    def settings(self) -> list[Setting]:
        """In the order in which they are measured.

        Initialisations are compared without a warm-up, which would hide them; warm-ups of
        Metropolis alone, since a pseudo-Gibbs chain is the same whatever of it is left out.
        """
        start = "uniform noise"
        both = {
            "missing rate": [Setting(name, "", name, start, 30) for name in MISSING],
            "initialisation": [
                Setting(name, "", self.pattern, name, 0) for name in INITIALISATIONS
            ],
            "warm-up": [Setting(f"{n}", "", self.pattern, start, n) for n in WARMUPS],
            "iterations": [Setting(self.pattern, "", self.pattern, start, 30)],
        }[self.sweep]
        samplers = SAMPLERS[1:] if self.sweep == "warm-up" else SAMPLERS
        return [each._replace(sampler=name) for each in both for name in samplers]

    def lengths(self, warmup: int) -> tuple[int, ...]:
        """After how many iterations a run is read off; the last is its end."""
        within = [each for each in LENGTHS if warmup < each < self.iterations]
        return (*within, self.iterations)

    def is_of(self, row: Row, setting: Setting) -> bool:
        """Was this row measured so?"""
        mine = (self.data, self.sweep, *setting, self.chains, self.seed, self.images)
        its = (*row.key, row.pattern, row.initialisation, row.warmup, row.chains, row.seed)
        return (*its, row.images) == mine and row.lengths == self.lengths(setting.warmup)


class Result(NamedTuple):
    """A sweep to its end."""

    config: Config
    rows: list[Row]


SHIPPED = (
    Config("missing rate", "mnist"),
    Config("missing rate", "digits", iterations=200),
    Config("warm-up", "mnist", iterations=200),
    Config("iterations", "mnist", iterations=2000),
    Config("initialisation", "mnist", iterations=100),
    Config("missing rate", "omniglot", iterations=200),
    Config("iterations", "digits", iterations=500),
    Config("initialisation", "digits", iterations=100),
    Config("warm-up", "digits", iterations=100),
)


def chosen(study: str, dataset: str, sizes: Mapping[str, int | None]) -> tuple[Config, ...]:
    """Those of `SHIPPED` with this sweep and these data ("all" for any), in sizes of one's own.

    Raises:
        ValueError: none is so; or as `Config`.
    """
    found = [
        config
        for config in SHIPPED
        if study in (config.sweep, "all") and dataset in (config.data, "all")
    ]
    if not found:
        pairs = ", ".join(f"{config.sweep} of {config.data}" for config in SHIPPED)
        raise ValueError(f"no study {study!r} of {dataset!r}; there are: {pairs}")
    own = {name: value for name, value in sizes.items() if value is not None}
    return tuple(replace(config, **own) for config in found)


def run(
    config: Config, model: LatentVariableModel, known: Sequence[Row] = ()
) -> Iterator[Frame | Row | Result]:
    """Measure a sweep: a `Row` a setting, `Frame`s between, the `Result` at the end.

    Args:
        config: the sweep.
        model: of its data.
        known: rows measured before; those of this sweep are not measured again.

    Raises:
        DataUnavailable: the images are not here.
    """
    where = device_of(model)
    truth = data.threshold(data.load(config.data, "test").x[: config.images]).to(where)
    rows: list[Row] = []
    settings = config.settings()
    for number, setting in enumerate(settings):
        before = [row for row in known if config.is_of(row, setting)]
        if before:
            rows.append(before[0])
            yield before[0]
            continue
        doing = f"{setting.name}, {setting.sampler}"
        for item in measure(config, setting, model, truth):
            if isinstance(item, Row):
                rows.append(item)
                yield item
            else:
                yield Frame(doing, (number + item) / len(settings))
    yield Result(config, rows)


class Part(NamedTuple):
    """What is read off the chains of some images."""

    counts: Tensor  # (lengths, ESTIMATES, images, 2)
    acceptance: Tensor  # (lengths, images), as the others
    stuck: Tensor
    rhat: Tensor


def measure(
    config: Config, setting: Setting, model: LatentVariableModel, truth: Tensor
) -> Iterator[float | Row]:
    """One setting, some images at a time: the share that is done, then the row."""
    observed = observed_by(setting.pattern, truth)
    parts: list[Part] = []
    for first in range(0, len(truth), BLOCK):
        rows = slice(first, first + BLOCK)
        block = truth[rows], observed[rows]
        for item in measure_part(config, setting, model, *block, first):
            if isinstance(item, Part):
                parts.append(item)
            else:
                yield (first + len(truth[rows]) * item) / len(truth)
    yield row_of(config, setting, parts, truth)


def measure_part(
    config: Config,
    setting: Setting,
    model: LatentVariableModel,
    truth: Tensor,
    observed: Tensor,
    first: int,
) -> Iterator[float | Part]:
    """Some images of a setting, the first of which has the number `first`: shares, the `Part`."""
    block = _Block(config, setting, truth, observed)
    for step in _steps(config, setting, model, block.masked, first):
        block.add(step)
        if step.number % STEPS == 0:
            yield step.number / config.iterations
    yield Part(block.counts, *block.diagnosed)


def row_of(config: Config, setting: Setting, parts: Sequence[Part], truth: Tensor) -> Row:
    """A setting's row from its parts in the order of the images `truth`, or of more images."""
    counts = torch.cat([part.counts for part in parts], 2)
    truth = truth[: counts.shape[2]]
    observed = observed_by(setting.pattern, truth)
    acceptance, stuck, rhat = (torch.cat(each, 1) for each in list(zip(*parts, strict=True))[1:])
    return Row(
        config.data,
        config.sweep,
        *setting,
        config.chains,
        config.seed,
        config.lengths(setting.warmup),
        tuple(acceptance.mean(1).tolist()),
        tuple(stuck.mean(1).tolist()),
        tuple(rhat.nanmedian(1).values.tolist()),
        counts.cpu().numpy().astype(np.uint16),
        ((truth > 0.5) & observed).flatten(1).sum(1).cpu().numpy().astype(np.uint16),
    )


def _steps(
    config: Config, setting: Setting, model: LatentVariableModel, masked: Masked, first: int
) -> Iterator[Iteration]:
    """The chains of a block, whose first image has the number `first`."""
    rows = masked.repeat(config.chains)
    own = (config.seed, config.data, config.sweep, setting.name)
    sources = Streams(
        generator(zlib.crc32(repr((*own, first + image, chain)).encode()), masked.device)
        for image in range(len(masked))
        for chain in range(config.chains)
    )
    kernel = CATALOGUE[setting.sampler](model, rows, INITIALISATIONS[setting.initialisation])
    warming = pseudo_gibbs(model, rows)
    return run_chains(kernel, sources, config.iterations, setting.warmup, warming)


class _Block:
    """Some images, and what is read off their chains."""

    def __init__(self, config: Config, setting: Setting, truth: Tensor, observed: Tensor) -> None:
        self.truth, self.masked = truth, Masked(truth, observed)
        self.size = len(truth), config.chains
        self.lengths = config.lengths(setting.warmup)
        self.mean = RunningMean()
        self.accepted: list[Tensor] = []  # (images, chains) each
        self.log_joint: list[Tensor] = []
        self._counts: list[Tensor] = []  # (ESTIMATES, images, 2) a length
        self._diagnosed: list[tuple[Tensor, ...]] = []  # acceptance, stuck, R-hat, (images,) each

    def add(self, step: Iteration) -> None:
        """Take in an iteration, and read off where that is due."""
        if step.warming_up:
            return
        with torch.inference_mode():
            self.mean.add(step.state.likelihood.mean)
            self.accepted.append(step.info.accepted.unflatten(0, self.size))
            self.log_joint.append(step.state.log_joint.unflatten(0, self.size))
            if step.number in self.lengths:
                self._read(step)

    def _read(self, step: Iteration) -> None:
        mean = self.mean.mean.unflatten(0, self.size).mean(1)
        draw = step.state.x.unflatten(0, self.size)[:, 0]
        problem = self.truth, self.masked.observed
        self._counts.append(torch.stack([ink_counts(each, *problem) for each in (mean, draw)]))
        accepted = torch.stack(self.accepted, 2)  # (images, chains, T)
        traces = torch.stack(self.log_joint).double().permute(2, 0, 1)  # (chains, T, images)
        self._diagnosed.append(
            (
                accepted.double().mean((1, 2)),
                (~accepted.any(2)).double().mean(1),
                diagnostics.rhat(traces),
            )
        )

    @property
    def counts(self) -> Tensor:
        """(lengths, ESTIMATES, images, 2)."""
        return torch.stack(self._counts)

    @property
    def diagnosed(self) -> list[Tensor]:
        """Acceptance, share of stuck chains, R-hat: (lengths, images) each."""
        return [torch.stack(each) for each in zip(*self._diagnosed, strict=True)]


def update(configs: Sequence[Config], out: Path, device: torch.device) -> Iterator[Frame | Row]:
    """Measure sweeps into two files: a table, and the counts of each image beside it (.npz).

    Written after every row; what was measured before with these settings is left as it is.

    Args:
        configs: sweeps, one after the other.
        out: the table, .toml.
        device: where the models run.
    """
    counts = out.with_suffix(".npz")
    rows = sampler_rows.load(counts)
    for number, config in enumerate(configs):
        model = zoo.load(f"{config.data}-dlvm", device)
        assert isinstance(model, LatentVariableModel)
        for item in run(config, model, rows):
            if isinstance(item, Frame):
                doing = f"{config.data}: {item.doing}"
                yield Frame(doing, (number + item.done) / len(configs))
            elif isinstance(item, Row):
                rows = sampler_rows.with_row(rows, item)
                sampler_rows.save(rows, counts)
                toml_rows.put_row(out, "sweeps", item.entry(), KEY)
                yield item
