"""How pseudo-Gibbs and Metropolis depend on the hidden pixels and on the samplers' settings.

Four sweeps over many test images, binarised at ½, vary the pattern of hidden pixels, the
initialisation, the length of the warm-up and the number of iterations. Each setting is one run.
Its results are recorded after several numbers of iterations, which shows how they converge.

Each chain has its own random stream, seeded by the setting, the image and the chain. Rows can
therefore be measured in any order, and adding images does not change the earlier ones.
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
from dgm_core.studies.inpainting.two_samplers import SAMPLERS
from dgm_core.studies.progress import Frame
from dgm_core.types import LatentVariableModel, Masked

SWEEPS = ("missing rate", "initialisation", "warm-up", "iterations")
DATA = ("digits", "mnist", "omniglot")
WARMUPS = (0, 10, 30, 90)
LENGTHS = (20, 50, 100, 200, 500, 1000, 2000)
"""Numbers of iterations after which results are recorded, warm-up included."""
LIMITS = {"images": (2, 10_000), "chains": (1, 16), "iterations": (20, 5000), "seed": (0, 2**31)}
BLOCK = 50
"""Number of images that run together."""
STEPS = 25
"""Number of iterations of a block between two frames."""

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
"""F1 over *all* pixels for `SAMPLERS`, read from the figures of the public DLVM code (± .01).

That code uses six images, 500 iterations and its own weights. Its Metropolis ratio omits the
proposal density.
"""


class SweepSetting(NamedTuple):
    """One run: sampler, pattern of hidden pixels, initialisation and length of the warm-up."""

    name: str
    sampler: str
    pattern: str
    initialisation: str
    warmup: int


@dataclass(frozen=True)
class Config:
    """Settings of one sweep.

    Args:
        sweep: a member of `SWEEPS`.
        data: a member of `DATA`; determines the DLVM and the test images.
        images: number of test images, chosen at random.
        chains: number of chains per image.
        iterations: of each run, warm-up included; results are recorded at `LENGTHS` up to here.
        pattern: pattern of hidden pixels, unless the sweep varies it.
        seed: of all randomness except the masks.

    Raises:
        ValueError: a value outside `LIMITS`, an unknown name, or no iteration after the warm-up.
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
            raise ValueError(
                f"expected more than {longest} iterations, the longest warm-up, "
                f"got {self.iterations}"
            )

    def settings(self) -> list[SweepSetting]:
        """Settings of the sweep, in the order in which they are measured.

        Initialisations are compared without a warm-up, which would hide their differences. The
        warm-up is varied for Metropolis only: a warm-up iteration is a pseudo-Gibbs iteration,
        so it does not change a pseudo-Gibbs chain.
        """
        start = "uniform noise"
        for_one_sampler = {
            "missing rate": [SweepSetting(name, "", name, start, 30) for name in MISSING],
            "initialisation": [
                SweepSetting(name, "", self.pattern, name, 0) for name in INITIALISATIONS
            ],
            "warm-up": [SweepSetting(f"{n}", "", self.pattern, start, n) for n in WARMUPS],
            "iterations": [SweepSetting(self.pattern, "", self.pattern, start, 30)],
        }[self.sweep]
        samplers = SAMPLERS[1:] if self.sweep == "warm-up" else SAMPLERS
        return [each._replace(sampler=name) for each in for_one_sampler for name in samplers]

    def lengths(self, warmup: int) -> tuple[int, ...]:
        """Numbers of iterations after which results are recorded; the last is the full run."""
        within = [each for each in LENGTHS if warmup < each < self.iterations]
        return (*within, self.iterations)

    def is_of(self, row: Row, setting: SweepSetting) -> bool:
        """True if the row was measured with this sweep and setting."""
        expected = (self.data, self.sweep, *setting, self.chains, self.seed, self.images)
        measured = (*row.key, row.pattern, row.initialisation, row.warmup, row.chains, row.seed)
        same_settings = (*measured, row.images) == expected
        return same_settings and row.lengths == self.lengths(setting.warmup)


class Result(NamedTuple):
    """All rows of a finished sweep."""

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
    """Members of `SHIPPED` with this sweep and data set ("all" for any), with other sizes.

    Args:
        study: a member of `SWEEPS`, or "all".
        dataset: a member of `DATA`, or "all".
        sizes: fields of `Config` to replace; None keeps the shipped value.

    Raises:
        ValueError: no member matches, or a size is invalid for `Config`.
    """
    matching = [
        config
        for config in SHIPPED
        if study in (config.sweep, "all") and dataset in (config.data, "all")
    ]
    if not matching:
        pairs = ", ".join(f"{config.sweep} of {config.data}" for config in SHIPPED)
        raise ValueError(f"expected one of: {pairs}; got {study!r} of {dataset!r}")
    changes = {name: value for name, value in sizes.items() if value is not None}
    return tuple(replace(config, **changes) for config in matching)


def run(
    config: Config, model: LatentVariableModel, known: Sequence[Row] = ()
) -> Iterator[Frame | Row | Result]:
    """Measure a sweep: yield a `Row` per setting, `Frame`s in between, and the `Result`.

    Args:
        config: the sweep.
        model: DLVM of the data set.
        known: rows measured before; those of this sweep are reused.

    Raises:
        DataUnavailable: the test images are not on this machine.
    """
    device = device_of(model)
    images = data.load(config.data, "test").sample(config.images)
    original = data.threshold(images.x).to(device)
    rows: list[Row] = []
    settings = config.settings()
    for number, setting in enumerate(settings):
        previous = [row for row in known if config.is_of(row, setting)]
        if previous:
            rows.append(previous[0])
            yield previous[0]
            continue
        doing = f"{setting.name}, {setting.sampler}"
        for item in measure(config, setting, model, original, images.groups):
            if isinstance(item, Row):
                rows.append(item)
                yield item
            else:
                yield Frame(doing, (number + item) / len(settings))
    yield Result(config, rows)


class Part(NamedTuple):
    """Results of the chains of one block of images."""

    counts: Tensor  # (lengths, ESTIMATES, images, 2)
    acceptance: Tensor  # (lengths, images)
    stuck: Tensor  # (lengths, images)
    rhat: Tensor  # (lengths, images)


def measure(
    config: Config,
    setting: SweepSetting,
    model: LatentVariableModel,
    original: Tensor,
    groups: Tensor | None = None,
) -> Iterator[float | Row]:
    """Measure one setting block by block: yield the fraction done, and at the end the row.

    `groups` (N,) says which images are dependent; None = none are.
    """
    observed = observed_by(setting.pattern, original)
    parts: list[Part] = []
    for first in range(0, len(original), BLOCK):
        rows = slice(first, first + BLOCK)
        block = original[rows], observed[rows]
        for item in measure_part(config, setting, model, *block, first):
            if isinstance(item, Part):
                parts.append(item)
            else:
                yield (first + len(original[rows]) * item) / len(original)
    yield row_of(config, setting, parts, original, groups)


def measure_part(
    config: Config,
    setting: SweepSetting,
    model: LatentVariableModel,
    original: Tensor,
    observed: Tensor,
    first: int,
) -> Iterator[float | Part]:
    """Measure one block of images: yield the fraction done, and at the end the `Part`.

    `first` is the number of the block's first image.
    """
    block = _Block(config, setting, original, observed)
    for step in _steps(config, setting, model, block.masked, first):
        block.add(step)
        if step.number % STEPS == 0:
            yield step.number / config.iterations
    yield Part(block.counts, *block.diagnosed)


def row_of(
    config: Config,
    setting: SweepSetting,
    parts: Sequence[Part],
    original: Tensor,
    groups: Tensor | None = None,
) -> Row:
    """Row of a setting from its parts, in the order of the images `original`.

    `original` and `groups` may hold more images than the parts do.
    """
    counts = torch.cat([part.counts for part in parts], 2)
    original = original[: counts.shape[2]]
    observed = observed_by(setting.pattern, original)
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
        ((original > 0.5) & observed).flatten(1).sum(1).cpu().numpy().astype(np.uint16),
        None if groups is None else groups[: len(original)].numpy(),
    )


def _steps(
    config: Config, setting: SweepSetting, model: LatentVariableModel, masked: Masked, first: int
) -> Iterator[Iteration]:
    """Iterations of a block's chains; the block's first image has the number `first`."""
    rows = masked.repeat(config.chains)
    seed = (config.seed, config.data, config.sweep, setting.name)
    sources = Streams(
        generator(zlib.crc32(repr((*seed, first + image, chain)).encode()), masked.device)
        for image in range(len(masked))
        for chain in range(config.chains)
    )
    kernel = CATALOGUE[setting.sampler](model, rows, INITIALISATIONS[setting.initialisation])
    warming = pseudo_gibbs(model, rows)
    return run_chains(kernel, sources, config.iterations, setting.warmup, warming)


class _Block:
    """A block of images, and the results recorded from their chains."""

    def __init__(
        self, config: Config, setting: SweepSetting, original: Tensor, observed: Tensor
    ) -> None:
        self.original, self.masked = original, Masked(original, observed)
        self.size = len(original), config.chains
        self.lengths = config.lengths(setting.warmup)
        self.mean = RunningMean()
        self.accepted: list[Tensor] = []  # (images, chains) each
        self.log_joint: list[Tensor] = []
        self._counts: list[Tensor] = []  # (ESTIMATES, images, 2) per length
        self._diagnosed: list[tuple[Tensor, ...]] = []  # acceptance, stuck, R-hat, (images,) each

    def add(self, step: Iteration) -> None:
        """Add an iteration; record results if its number is in `lengths`."""
        if step.warming_up:
            return
        with torch.inference_mode():
            self.mean.add(step.state.likelihood.mean)
            self.accepted.append(step.info.accepted.unflatten(0, self.size))
            self.log_joint.append(step.state.log_joint.unflatten(0, self.size))
            if step.number in self.lengths:
                self._record(step)

    def _record(self, step: Iteration) -> None:
        mean = self.mean.mean.unflatten(0, self.size).mean(1)
        draw = step.state.x.unflatten(0, self.size)[:, 0]
        problem = self.original, self.masked.observed
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
        """True positives and wrong pixels, (lengths, ESTIMATES, images, 2)."""
        return torch.stack(self._counts)

    @property
    def diagnosed(self) -> list[Tensor]:
        """Acceptance, fraction of stuck chains, R-hat: (lengths, images) each."""
        return [torch.stack(each) for each in zip(*self._diagnosed, strict=True)]


def update(configs: Sequence[Config], out: Path, device: torch.device) -> Iterator[Frame | Row]:
    """Measure sweeps and write a table and, beside it, the counts of each image (.npz).

    Both files are written after every row. Rows already measured with these settings are kept.

    Args:
        configs: the sweeps, in order.
        out: path of the table, .toml.
        device: device of the models.
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
