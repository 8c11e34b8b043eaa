"""One image, one mask, many methods: what each fills in, scored by one definition of each score.

Methods advance in turns, one step of each, so that quick ones appear at once and slow ones grow
side by side. Each can be stopped by itself: its last step stays.
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
        dataset: whose models are compared.
        image: the true levels, uint8 (C, H, W), as bytes; 0 or 255 where images are binary.
        hidden: which pixels are hidden, bool (H, W), as `dgm_core.missing.packing` packs it.
        methods: names in `CATALOGUE`, each with its settings as (name, value) pairs.
        seed: of all randomness; a method's draws do not depend on which others run.

    Raises:
        ValueError: an unknown data set or method, a setting out of range, a wrong length.
    """

    dataset: str
    image: bytes
    hidden: bytes
    methods: tuple[tuple[str, Settings], ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dataset not in SHAPES:
            raise ValueError(f"no data set {self.dataset!r}; there are {', '.join(SHAPES)}")
        channels, height, width = self.shape
        if len(self.image) != channels * height * width or len(self.hidden) != height * width // 8:
            raise ValueError(f"expected an image of {self.shape} bytes and a mask of packed bits")
        for name, settings in self.methods:
            if name not in CATALOGUE:
                raise ValueError(f"no method {name!r}; there are {', '.join(CATALOGUE)}")
            _check(name, settings)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return SHAPES[self.dataset]

    @property
    def binary(self) -> bool:
        """Are the images black and white?"""
        return self.shape[0] == 1

    @property
    def truth(self) -> np.ndarray:
        """The true image, float32 (C, H, W) in [0, 1]."""
        levels = np.frombuffer(self.image, np.uint8).reshape(self.shape)
        return levels.astype(np.float32) / 255

    @property
    def observed(self) -> np.ndarray:
        """Which pixels are seen, bool (H, W)."""
        return ~packing.unpack(self.hidden, *self.shape[1:])

    def masked(self) -> Masked:
        """The problem, one row."""
        x = torch.from_numpy(self.truth)[None]
        return Masked(x, torch.from_numpy(self.observed).expand_as(x).clone())


def _check(name: str, settings: Settings) -> None:
    ranges = {setting.name: setting for setting in settings_of(CATALOGUE[name])}
    for key, value in settings:
        if key not in ranges:
            raise ValueError(f"{name} has no setting {key!r}")
        setting = ranges[key]
        if not setting.allows(value):
            low, high = setting.low, setting.high
            raise ValueError(f"{name}: expected {setting.label} from {low} to {high}, got {value}")


class Outcome(NamedTuple):
    """Where one method stands. Pictures are float32 (C, H, W); hidden and seen pixels alike."""

    method: str
    state: str  # running | finished | stopped | unavailable
    note: str  # what it stands on, or why it is unavailable
    done: float
    seconds: float  # spent on it so far, without loading what it stands on
    mean: np.ndarray | None = None
    draws: np.ndarray | None = None  # (n, C, H, W)
    sd: np.ndarray | None = None
    scores: dict[str, tuple[float, float]] = {}  # noqa: RUF012  name → value, Monte-Carlo error
    diagnostics: dict[str, float] = {}  # noqa: RUF012
    parts: dict[str, np.ndarray] = {}  # noqa: RUF012  name → (n, C, H, W)
    calibration: Calibration | None = None
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # noqa: RUF012  name → x (n,), y (n,)


class Calibration(NamedTuple):
    """Are the probabilities right? Of hidden binary pixels, or PIT values of hidden levels."""

    kind: str  # reliability | PIT
    x: np.ndarray  # mean probability of a bin | centre of a bin
    y: np.ndarray  # frequency of ink | share of values, 1 = uniform
    error: np.ndarray
    entries: np.ndarray  # how many are in the bin


class Control:
    """How a page stops single methods: it adds their names; the study looks before each step."""

    def __init__(self) -> None:
        self.stopped: set[str] = set()

    def stop(self, method: str) -> None:
        """Stop a method after the step it is at; its last outcome stays."""
        self.stopped.add(method)


class Frame(NamedTuple):
    """One method has advanced."""

    outcome: Outcome


class Result(NamedTuple):
    """All methods have ended."""

    config: Config
    outcomes: dict[str, Outcome]


def run(
    config: Config,
    control: Control | None = None,
    provide: Callable[[str, str | None], Material] = material,
) -> Iterator[Frame | Result]:
    """A `Frame` for each step of each method, in turns, and at the end the `Result`.

    Args:
        config: what to compare.
        control: to stop single methods by.
        provide: (data set, need) → what a method stands on.
    """
    control = control or Control()
    runs = [_Method(name, dict(settings), config, provide) for name, settings in config.methods]
    outcomes: dict[str, Outcome] = {}
    waiting = runs
    while waiting:
        for method in list(waiting):
            outcome = method.advance(stopped=method.name in control.stopped)
            outcomes[method.name] = outcome
            yield Frame(outcome)
            if outcome.state != "running":
                waiting.remove(method)
    yield Result(config, outcomes)


class _Method:
    """One method on its way."""

    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        config: Config,
        provide: Callable[[str, str | None], Material],
    ) -> None:
        self.name, self.settings, self.config, self.provide = name, settings, config, provide
        self.steps: Iterator[Imputation] | None = None
        self.reached: Imputation | None = None
        self.last = Outcome(name, "running", "", 0.0, 0.0)

    def advance(self, *, stopped: bool) -> Outcome:
        """One step; or the end, if stopped."""
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
            self.steps = self._started()
        start = time.perf_counter()
        self.reached = next(self.steps)
        seconds = self.last.seconds + time.perf_counter() - start
        state = "running" if self.reached.done < 1 else "finished"
        return self._outcome(state)._replace(seconds=seconds)

    def _outcome(self, state: str) -> Outcome:
        """What has been reached; scored by its density only at the end, which costs a step."""
        reached, last = self.reached, self.last._replace(state=state)
        if reached is None:
            return last
        if state == "running":
            reached = reached._replace(log_density=None)
        return _outcome(last, reached, self.config, self.discrete)

    def _started(self) -> Iterator[Imputation]:
        constructor = CATALOGUE[self.name]
        found = self.provide(self.config.dataset, constructor.needs)
        self.last = self.last._replace(note=found.note)
        things = () if constructor.needs is None else (found.value,)
        self.method = constructor(*things, **self.settings)
        self.discrete = self.config.binary and constructor.needs in ("dlvm", "miwae")
        device = device_of(found.value)
        source = generator(self.config.seed, device)
        return self.method.run(self.config.masked().to(device), source)


@torch.no_grad()
def _outcome(last: Outcome, imputation: Imputation, config: Config, discrete: bool) -> Outcome:
    truth = torch.from_numpy(config.truth)[None].to(imputation.mean)
    observed = torch.from_numpy(config.observed).to(truth.device).expand_as(truth)
    draws, variance = imputation.draws, imputation.variance
    if variance is None and draws is not None:
        variance = draws.var(0)
    found = scores(imputation, truth, observed, binary=config.binary, discrete=discrete)
    return last._replace(
        done=imputation.done,
        mean=_picture(imputation.mean),
        draws=None if draws is None else draws[:, 0].float().cpu().numpy(),
        sd=None if variance is None else _picture(variance.clamp_min(0).sqrt()),
        scores={name: (s.value[0].item(), s.error[0].item()) for name, s in found.items()},
        diagnostics={k: float(v.flatten()[0]) for k, v in imputation.diagnostics.items()},
        parts={k: v[:, 0].float().cpu().numpy() for k, v in imputation.parts.items()},
        curves={k: (x.numpy(), y[:, 0].cpu().numpy()) for k, (x, y) in imputation.curves.items()},
        calibration=_calibration(imputation, truth, observed, config),
    )


def _calibration(
    imputation: Imputation, truth: Tensor, observed: Tensor, config: Config
) -> Calibration | None:
    if config.binary:
        bins = metrics.reliability(imputation.mean, truth, observed)
        fields = (bins.centre, bins.frequency, bins.standard_error, bins.entries)
        return Calibration("reliability", *(each.cpu().numpy() for each in fields))
    if imputation.draws is None:
        return None
    values = metrics.pit(imputation.draws, truth, observed, generator(config.seed))
    shares = metrics.pit_histogram(values)
    return Calibration("PIT", *(each.cpu().numpy() for each in shares))


def _picture(x: Tensor) -> np.ndarray:
    return x[0].float().cpu().numpy()
