"""Pseudo-Gibbs and Metropolis fill in the hidden part of a binary image, side by side.

Both samplers run the same number of chains from the same initialisation, each in its own thread.
Every few iterations a `Frame` shows their current state; the `Result` holds all frames.

The *posterior mean* of a pixel is the running mean of p(x_i = 1 | z) over the iterations after the
warm-up; during the warm-up, over all iterations so far. The *standard deviation* is that of a
draw, √(m (1 − m)) for a binary pixel with mean m. Scores count hidden pixels only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.device import device_of
from dgm_core.metrics import diagnostics, f1_hidden, leave_one_out_error
from dgm_core.missing.packing import pack, unpack
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE, INITIALISATIONS, Info, State, chains
from dgm_core.studies.inpainting.chain_records import TRACED, EncodesOnce, Record, Recorder, Traces
from dgm_core.types import LatentVariableModel, Masked

__all__ = [
    "LIMITS",
    "SAMPLERS",
    "TRACED",
    "Config",
    "Frame",
    "Result",
    "SamplerFrame",
    "Summary",
    "Traces",
    "pack",
    "run",
    "run_with_pauses",
]
SAMPLERS = ("pseudo-Gibbs", "Metropolis-within-Gibbs")
LIMITS = {
    "iterations": (20, 5000),
    "warmup": (0, 1000),
    "chains": (1, 16),
    "seed": (0, 2**31 - 1),
    "thin": (0, 100),
}
MOST_FRAMES = 500
PAUSE_EVERY = 10
"""Number of iterations after which a run can be stopped between two frames."""
T = TypeVar("T")


@dataclass(frozen=True)
class Config:
    """Everything that determines a run, bit for bit on one machine.

    Args:
        model: a name in the zoo.
        image: pixels of the original, packed by `pack`.
        hidden: which pixels are hidden, packed by `pack`.
        iterations: of each sampler, warm-up included.
        warmup: number of iterations left out of means and diagnostics; Metropolis runs them as
            pseudo-Gibbs.
        chains: number of parallel chains with independent starts.
        initialisation: a name in `INITIALISATIONS`.
        seed: of all randomness.
        thin: number of iterations between two frames, increased if there would be more than
            `MOST_FRAMES`. 0 = each of the first 20 iterations, then about 100 more frames. The
            chains do not depend on it.

    Raises:
        ValueError: value outside `LIMITS`, wrong length, or unknown initialisation.
    """

    model: str
    image: bytes
    hidden: bytes
    iterations: int = 500
    warmup: int = 30
    chains: int = 8
    initialisation: str = "uniform noise"
    seed: int = 0
    thin: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"expected {name} from {low} to {high}, got {getattr(self, name)}"
                )
        if self.warmup >= self.iterations:
            raise ValueError(
                f"expected fewer than {self.iterations} warm-up iterations, got {self.warmup}"
            )
        size = DIGIT_SIDE**2 // 8
        if len(self.image) != size or len(self.hidden) != size:
            raise ValueError(
                f"expected an image and a mask of {size} bytes, "
                f"got {len(self.image)} and {len(self.hidden)}"
            )
        if self.initialisation not in INITIALISATIONS:
            known = ", ".join(INITIALISATIONS)
            raise ValueError(f"expected an initialisation of {known}, got {self.initialisation!r}")

    @property
    def original(self) -> np.ndarray:
        """Pixels of the original, bool (28, 28)."""
        return unpack(self.image, DIGIT_SIDE, DIGIT_SIDE)

    @property
    def observed(self) -> np.ndarray:
        """Which pixels are observed, bool (28, 28)."""
        return ~unpack(self.hidden, DIGIT_SIDE, DIGIT_SIDE)

    def masked(self) -> Masked:
        """The image with its mask, one row per chain."""
        x = torch.from_numpy(self.original).float()[None, None]
        return Masked(x, torch.from_numpy(self.observed)[None, None]).repeat(self.chains)

    def frame_numbers(self) -> list[int]:
        """Numbers of the iterations that are shown as frames; the last is always included."""
        if self.thin:
            step = max(self.thin, -(-self.iterations // MOST_FRAMES))
            return [*range(self.iterations, 0, -step)][::-1]
        thin = -(-(self.iterations - 20) // 100)
        later = range(self.iterations, 20, -thin) if thin else ()
        return sorted({*range(1, min(20, self.iterations) + 1), *later})


class SamplerFrame(NamedTuple):
    """State of one sampler at one iteration."""

    draws: np.ndarray  # (chains, 28, 28) bool, the current draw of each chain
    mean: np.ndarray  # (28, 28) in [0, 1], posterior mean over chains; original where observed
    sd: np.ndarray  # (28, 28) in [0, ½]
    f1_draw: np.ndarray  # (chains,) of each chain's current draw
    f1_mean: np.ndarray  # (chains,) of each chain's own running mean
    summary: Summary
    record: Record  # of the iterations since the previous frame, with all diagnoses so far


class Summary(NamedTuple):
    """Summary of a sampler's chains since the warm-up; NaN where undefined."""

    f1: float  # of the posterior mean over all chains
    f1_error: float  # its standard error, jackknifed over chains
    acceptance: float  # fraction of proposals accepted
    stuck: int  # number of chains that accepted none
    rhat: float  # the largest over the traced quantities
    ess: float  # the smallest over the traced quantities


class Frame(NamedTuple):
    """Both samplers after `iteration` iterations."""

    iteration: int
    samplers: dict[str, SamplerFrame]


class Result(NamedTuple):
    """A finished run."""

    config: Config
    frames: list[Frame]
    traces: dict[str, Traces]
    autocorrelation: dict[str, dict[str, np.ndarray]]  # sampler → trace → (lags,)


def run(config: Config, model: LatentVariableModel) -> Iterator[Frame | Result]:
    """Yield a `Frame` after each of `config.frame_numbers()`, and at the end the `Result`."""
    return (item for item in run_with_pauses(config, model) if item is not None)


def run_with_pauses(config: Config, model: LatentVariableModel) -> Iterator[Frame | Result | None]:
    """`run`, with a None after every `PAUSE_EVERY` iterations between two frames.

    At each None the caller can stop the run or let other runs go first.
    """
    recorders = {name: _Recorder(name, config, model) for name in SAMPLERS}
    frames: list[Frame] = []
    with ThreadPoolExecutor(len(recorders), "sampler") as threads:

        def both(act: Callable[[_Recorder], T]) -> dict[str, T]:
            jobs = {name: threads.submit(act, each) for name, each in recorders.items()}
            return {name: job.result() for name, job in jobs.items()}

        done = 0
        for number in config.frame_numbers():
            for stop in range(done + PAUSE_EVERY, number, PAUSE_EVERY):
                both(partial(_Recorder.run_to, number=stop))
                yield None
            done = number
            frames.append(Frame(number, both(partial(_Recorder.frame_at, number=number))))
            yield frames[-1]
    traces = {name: recorder.records.traces() for name, recorder in recorders.items()}
    correlations = {name: recorder.records.autocorrelation for name, recorder in recorders.items()}
    yield Result(config, frames, traces, correlations)


class StartedChains(NamedTuple):
    """The chains of one sampler before their first iteration."""

    masked: Masked  # one row per chain
    start: State
    steps: Iterator[chains.Iteration]


def started_chains(name: str, config: Config, model: LatentVariableModel) -> StartedChains:
    """Initial states of a sampler's chains and their iterations, on the device of the model.

    The chains depend on the arguments only.
    """
    device = device_of(model)
    masked, source = config.masked().to(device), generator(config.seed, device)
    initialisation = INITIALISATIONS[config.initialisation]
    kernels = {each: CATALOGUE[each](model, masked, initialisation) for each in SAMPLERS}
    with torch.inference_mode():
        start = kernels[name].init(source)
    steps = chains.run(
        kernels[name], source, config.iterations, config.warmup, kernels["pseudo-Gibbs"], start
    )
    return StartedChains(masked, start, steps)


class _Recorder:
    """Runs one sampler and makes its frames."""

    def __init__(self, name: str, config: Config, model: LatentVariableModel) -> None:
        self.config = config
        model = EncodesOnce(model)
        masked, _, self.steps = started_chains(name, config, model)
        device = masked.device
        self.original, self.observed = masked.x.new_tensor(config.original), masked.observed[0, 0]
        self.done = 0
        self.pending: list[chains.Iteration] = []  # iterations since the last frame
        self.mean_of_chains = torch.zeros(config.chains, DIGIT_SIDE, DIGIT_SIDE, device=device)
        self.records = Recorder(model, config.iterations, config.warmup, config.frame_numbers())

    def run_to(self, number: int) -> None:
        """Run up to iteration `number` without a frame."""
        self.pending += [next(self.steps) for _ in range(number - self.done - len(self.pending))]

    def frame_at(self, number: int) -> SamplerFrame:
        """Run up to iteration `number`; return the frame there."""
        self.run_to(number)
        steps, self.pending = self.pending, []
        with torch.inference_mode():
            states = [step.state for step in steps]
            draws = torch.stack([state.x[:, 0] for state in states], 1)
            means = self._running_means([state.likelihood.mean[:, 0] for state in states])
            traces = self._traces(draws, means, [step.info for step in steps], states)
            record = self.records.keep(traces, states)
            mean = self.mean_of_chains.mean(0)
            filled = torch.where(self.observed, self.original, mean)
            return SamplerFrame(
                draws=(draws[:, -1] > 0.5).cpu().numpy(),
                mean=filled.cpu().numpy(),
                sd=torch.sqrt(filled * (1 - filled)).cpu().numpy(),
                f1_draw=record.traces.f1_draw[:, -1],
                f1_mean=record.traces.f1_mean[:, -1],
                summary=self._summary(),
                record=record,
            )

    def _running_means(self, probabilities: Sequence[Tensor]) -> Tensor:
        """Running mean of each chain after each of these iterations, (chains, T, 28, 28)."""
        means = []
        for probability in probabilities:
            self.done += 1
            # The mean is restarted after the warm-up.
            since = self.done - self.config.warmup
            count = since if since > 0 else self.done
            self.mean_of_chains = self.mean_of_chains + (probability - self.mean_of_chains) / count
            means.append(self.mean_of_chains)
        return torch.stack(means, 1)

    def _traces(
        self, draws: Tensor, means: Tensor, infos: Sequence[Info], states: Sequence[State]
    ) -> dict[str, Tensor]:
        """The fields of `Traces`."""
        hidden_ink = (draws > 0.5) & ~self.observed
        ink = hidden_ink.sum((-1, -2))
        rows = torch.arange(DIGIT_SIDE, device=draws.device)[:, None]
        return {
            "f1_draw": f1_hidden(draws, self.original, self.observed, event_dims=2),
            "f1_mean": f1_hidden(means, self.original, self.observed, event_dims=2),
            "accepted": torch.stack([info.accepted for info in infos], 1),
            "log_joint": torch.stack([state.log_joint for state in states], 1),
            "ink": ink,
            "height": (hidden_ink * rows).sum((-1, -2)) / ink.clamp_min(1),
        }

    def _summary(self) -> Summary:
        accepted = self.records.accepted()
        rhat, ess = self.records.worst()
        after = self.records.after
        pooled = f1_hidden(self.mean_of_chains.mean(0), self.original, self.observed, event_dims=2)
        return Summary(
            f1=pooled.item(),
            f1_error=self._jackknife(),
            acceptance=accepted.float().mean().item() if after else float("nan"),
            stuck=int(diagnostics.stuck(accepted).sum()) if after else 0,
            rhat=rhat,
            ess=ess,
        )

    def _jackknife(self) -> float:
        """Jackknife standard error of the pooled F1, leaving out each chain in turn."""
        n = self.config.chains
        if n < 2:
            return float("nan")
        total = self.mean_of_chains.sum(0)
        left = f1_hidden((total - self.mean_of_chains) / (n - 1), self.original, self.observed, 2)
        return leave_one_out_error(left).item()
