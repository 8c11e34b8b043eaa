"""Comparison of many methods on one image and one mask, with the same definition of each score.

The methods take turns, one step each. Fast methods therefore finish early, and the results of
slow methods improve side by side. Each method can be stopped on its own; its last step is kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import metrics, zoo
from dgm_core.device import device_of
from dgm_core.imputers import CATALOGUE, settings_of
from dgm_core.missing import packing
from dgm_core.rng import generator
from dgm_core.studies.inpainting.materials import Material, material
from dgm_core.studies.inpainting.scores import scores
from dgm_core.types import Imputation, Masked

LOG = logging.getLogger(__name__)
SHAPES = {
    "digits": (1, 28, 28),
    "mnist": (1, 28, 28),
    "omniglot": (1, 28, 28),
    "celeba": (3, 64, 64),
}
"""Data set → image shape. Images of one channel are black and white."""

Settings = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Config:
    """Everything that determines a comparison.

    Args:
        dataset: name of the data set that the models were trained on.
        image: levels of the original, uint8 (C, H, W), as bytes; 0 or 255 for binary images.
        hidden: which pixels are hidden, bool (H, W), packed by `dgm_core.missing.packing`.
        methods: names in `CATALOGUE`, each with its settings as (name, value) pairs.
        seed: of all randomness; a method's draws do not depend on the other methods.

    Raises:
        ValueError: unknown data set or method, setting out of range, or wrong length.
    """

    dataset: str
    image: bytes
    hidden: bytes
    methods: tuple[tuple[str, Settings], ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dataset not in SHAPES:
            known = ", ".join(SHAPES)
            raise ValueError(f"expected a data set of {known}, got {self.dataset!r}")
        channels, height, width = self.shape
        if len(self.image) != channels * height * width or len(self.hidden) != height * width // 8:
            raise ValueError(
                f"expected {channels * height * width} bytes of image and {height * width // 8} "
                f"of mask, got {len(self.image)} and {len(self.hidden)}"
            )
        for name, settings in self.methods:
            if name not in CATALOGUE:
                raise ValueError(f"expected a method of {', '.join(CATALOGUE)}, got {name!r}")
            _check(name, settings)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the image, (C, H, W)."""
        return SHAPES[self.dataset]

    @property
    def binary(self) -> bool:
        """True if the images are black and white."""
        return self.shape[0] == 1

    @property
    def original(self) -> np.ndarray:
        """The original, float32 (C, H, W) in [0, 1]."""
        levels = np.frombuffer(self.image, np.uint8).reshape(self.shape)
        return levels.astype(np.float32) / 255

    @property
    def observed(self) -> np.ndarray:
        """Which pixels are observed, bool (H, W)."""
        return ~packing.unpack(self.hidden, *self.shape[1:])

    def masked(self) -> Masked:
        """The image with its mask, a batch of one."""
        x = torch.from_numpy(self.original)[None]
        return Masked(x, torch.from_numpy(self.observed).expand_as(x).clone())


def _check(name: str, settings: Settings) -> None:
    ranges = {setting.name: setting for setting in settings_of(CATALOGUE[name])}
    for key, value in settings:
        if key not in ranges:
            raise ValueError(f"{name}: expected a setting of {', '.join(ranges)}, got {key!r}")
        setting = ranges[key]
        if not setting.allows(value):
            low, high = setting.low, setting.high
            raise ValueError(f"{name}: expected {setting.label} from {low} to {high}, got {value}")


class Outcome(NamedTuple):
    """Current result of one method. Images are float32 (C, H, W), all pixels included."""

    method: str
    state: str  # running | finished | stopped | unavailable
    note: str  # what the method was trained on, or why it is unavailable
    done: float  # fraction in [0, 1]
    seconds: float  # computing time so far, without loading the model or the data
    mean: np.ndarray | None = None
    draws: np.ndarray | None = None  # (n, C, H, W)
    sd: np.ndarray | None = None
    scores: dict[str, tuple[float, float]] = {}  # noqa: RUF012  name → value, Monte-Carlo error
    diagnostics: dict[str, float] = {}  # noqa: RUF012
    parts: dict[str, np.ndarray] = {}  # noqa: RUF012  name → (n, C, H, W)
    calibration: Calibration | None = None
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # noqa: RUF012  name → x (n,), y (n,)


class Calibration(NamedTuple):
    """Reliability of the probabilities of hidden binary pixels, or PIT values of hidden levels."""

    kind: str  # reliability | PIT
    x: np.ndarray  # mean probability of a bin | centre of a bin
    y: np.ndarray  # frequency of ink | density of values, 1 = uniform
    error: np.ndarray  # standard error of y
    entries: np.ndarray  # number of values in the bin


class Control:
    """Names of the methods to stop; the study checks them before each step."""

    def __init__(self) -> None:
        self.stopped: set[str] = set()

    def stop(self, method: str) -> None:
        """Stop a method after its current step; its last outcome is kept."""
        self.stopped.add(method)


class Frame(NamedTuple):
    """Outcome of one method after one more step."""

    outcome: Outcome


class Result(NamedTuple):
    """Last outcome of every method."""

    config: Config
    outcomes: dict[str, Outcome]


def run(
    config: Config,
    control: Control | None = None,
    provide: Callable[[str, str | None], Material] = material,
) -> Iterator[Frame | Result]:
    """Yield a `Frame` after each step of a method, and at the end the `Result`; methods alternate.

    Args:
        config: the comparison.
        control: stops single methods.
        provide: (data set, need) → model or training images of a method.
    """
    control = control or Control()
    runs = [_Method(name, dict(settings), config, provide) for name, settings in config.methods]
    outcomes: dict[str, Outcome] = {}
    unfinished = runs
    while unfinished:
        for method in list(unfinished):
            outcome = method.advance(stopped=method.name in control.stopped)
            outcomes[method.name] = outcome
            yield Frame(outcome)
            if outcome.state != "running":
                unfinished.remove(method)
    yield Result(config, outcomes)


class _Method:
    """A method that advances step by step."""

    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        config: Config,
        provide: Callable[[str, str | None], Material],
    ) -> None:
        self.name, self.settings, self.config, self.provide = name, settings, config, provide
        self.steps: Iterator[Imputation] | None = None
        self.imputation: Imputation | None = None
        self.last = Outcome(name, "running", "", 0.0, 0.0)

    def advance(self, *, stopped: bool) -> Outcome:
        """Outcome after one more step, or the last outcome if `stopped`."""
        if stopped:
            self.last = self._outcome("stopped")
        else:
            try:
                self.last = self._next()
            except (ValueError, zoo.BrokenModel) as error:
                self.last = self.last._replace(state="unavailable", note=str(error))
        return self.last

    def _next(self) -> Outcome:
        if self.steps is None:
            self.steps = self._start()
        start = time.perf_counter()
        self.imputation = next(self.steps)
        seconds = self.last.seconds + time.perf_counter() - start
        state = "running" if self.imputation.done < 1 else "finished"
        return self._outcome(state)._replace(seconds=seconds)

    def _outcome(self, state: str) -> Outcome:
        """Outcome of the latest imputation.

        The density costs as much as a step, so it is scored only at the end.
        """
        imputation, last = self.imputation, self.last._replace(state=state)
        if imputation is None:
            return last
        if state == "running":
            imputation = imputation._replace(log_density=None)
        return _outcome(last, imputation, self.config, self.discrete)

    def _start(self) -> Iterator[Imputation]:
        constructor = CATALOGUE[self.name]
        basis = self.provide(self.config.dataset, constructor.needs)
        self.last = self.last._replace(note=basis.note)
        arguments = () if constructor.needs is None else (basis.value,)
        self.method = constructor(*arguments, **self.settings)
        self.discrete = self.config.binary and constructor.needs in ("dlvm", "partial", "miwae")
        device = device_of(basis.value)
        source = generator(self.config.seed, device)
        return self.method.run(self.config.masked().to(device), source)


@torch.no_grad()
def _outcome(last: Outcome, imputation: Imputation, config: Config, discrete: bool) -> Outcome:
    original = torch.from_numpy(config.original)[None].to(imputation.mean)
    observed = torch.from_numpy(config.observed).to(original.device).expand_as(original)
    draws, variance = imputation.draws, imputation.variance
    if variance is None and draws is not None:
        variance = draws.var(0)
    values = scores(imputation, original, observed, binary=config.binary, discrete=discrete)
    return last._replace(
        done=imputation.done,
        mean=_image(imputation.mean),
        draws=None if draws is None else draws[:, 0].float().cpu().numpy(),
        sd=None if variance is None else _image(variance.clamp_min(0).sqrt()),
        scores={name: (s.value[0].item(), s.error[0].item()) for name, s in values.items()},
        diagnostics={k: float(v.flatten()[0]) for k, v in imputation.diagnostics.items()},
        parts={k: v[:, 0].float().cpu().numpy() for k, v in imputation.parts.items()},
        curves={k: (x.numpy(), y[:, 0].cpu().numpy()) for k, (x, y) in imputation.curves.items()},
        calibration=_calibration(imputation, original, observed, config),
    )


def _calibration(
    imputation: Imputation, original: Tensor, observed: Tensor, config: Config
) -> Calibration | None:
    if config.binary:
        bins = metrics.reliability(imputation.mean, original, observed)
        fields = (bins.centre, bins.frequency, bins.standard_error, bins.entries)
        return Calibration("reliability", *(each.cpu().numpy() for each in fields))
    if imputation.draws is None:
        return None
    values = metrics.pit(imputation.draws, original, observed, generator(config.seed))
    histogram = metrics.pit_histogram(values)
    return Calibration("PIT", *(each.cpu().numpy() for each in histogram))


def _image(x: Tensor) -> np.ndarray:
    return x[0].float().cpu().numpy()
