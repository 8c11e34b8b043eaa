"""Sweeps over θ: the estimates of critics for all θ, at every frame of the training.

The shipped sweeps let a page show the whole training without computing it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dgm_core.files import written_whole
from dgm_core.studies.distances import critics
from dgm_core.studies.progress import Frame

SHIPPED = (
    ("segments", "wasserstein"),
    ("segments", "hellinger"),
    ("segments", "jensen-shannon"),
    ("segments", "total variation"),
    ("Gaussians", "wasserstein"),
    ("Gaussians", "hellinger"),
    ("Gaussians", "jensen-shannon"),
    ("Gaussians", "total variation"),
    ("Gaussians", "kullback-leibler"),
)
"""(pair, divergence) of the shipped sweeps."""

KEY = ("pair", "divergence", "theta")
"""Columns that identify a row of the table."""

ARRAYS = ("thetas", "steps", "estimates", "errors", "truth", "seconds")


class Row(NamedTuple):
    """One θ at the end of a sweep, as a row of the table."""

    pair: str
    divergence: str
    theta: float
    estimate: float
    error: float  # Monte-Carlo
    truth: float
    seconds: float  # of training, divided by the number of critics

    def sentence(self) -> str:
        """The row as a line for the terminal."""
        return (
            f"{self.pair:10} {self.divergence:16} θ {self.theta:4.1f}  {self.estimate:8.4f} ± "
            f"{self.error:.4f}  true value {self.truth:7.4f}  {self.seconds:.2f} s"
        )


class Sweep(NamedTuple):
    """Estimates over θ at F frames of the training."""

    pair: str
    divergence: str
    config: str  # as `fingerprint` gives it
    thetas: np.ndarray  # (T,)
    steps: np.ndarray  # (F,)
    estimates: np.ndarray  # (F, T)
    errors: np.ndarray  # (F, T) Monte-Carlo standard errors
    truth: np.ndarray  # (T,)
    seconds: float  # of training, all critics together

    def rows(self) -> list[Row]:
        """The last estimates, one row per θ."""
        seconds = self.seconds / len(self.thetas)
        columns = (self.thetas, self.estimates[-1], self.errors[-1], self.truth)
        rows = []
        for values in zip(*columns, strict=True):
            theta, estimate, error, truth = (round(float(value), 6) for value in values)
            rows.append(Row(self.pair, self.divergence, theta, estimate, error, truth, seconds))
        return rows


def configs(steps: int | None = None) -> tuple[critics.Config, ...]:
    """Settings of all shipped sweeps; None: the default number of steps."""
    steps = critics.Config.steps if steps is None else steps
    return tuple(critics.Config(pair, divergence, steps=steps) for pair, divergence in SHIPPED)


def fingerprint(config: critics.Config) -> str:
    """Settings as JSON; they identify a shipped sweep."""
    return json.dumps(asdict(config), sort_keys=True)


def sweep_of(result: critics.Result) -> Sweep:
    """The sweep of a result."""
    config = result.config
    return Sweep(
        config.pair,
        config.divergence,
        fingerprint(config),
        np.array(config.thetas, np.float32),
        np.array(result.steps, np.int32),
        result.estimates.numpy(),
        result.errors.numpy(),
        result.scene.truth.numpy(),
        result.seconds,
    )


def run(configs: Iterable[critics.Config]) -> Iterator[Frame | Sweep]:
    """`Frame`s during the training, and a `Sweep` for each config."""
    configs = tuple(configs)
    for number, config in enumerate(configs):
        for item in critics.run(config):
            if isinstance(item, critics.Frame):
                doing = f"{config.divergence} of {config.pair}"
                yield Frame(doing, (number + item.done) / len(configs))
            elif isinstance(item, critics.Result):
                yield sweep_of(item)


def save(sweeps: Iterable[Sweep], path: Path) -> None:
    """Write sweeps to one .npz file."""
    arrays: dict[str, Any] = {
        f"{sweep.pair}/{sweep.divergence}/{name}": np.asarray(getattr(sweep, name))
        for sweep in sweeps
        for name in ("config", *ARRAYS)
    }
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> dict[tuple[str, str], Sweep]:
    """The sweeps in a file, by (pair, divergence)."""
    sweeps = {}
    with np.load(path, allow_pickle=False) as file:
        for prefix in sorted({key.rpartition("/")[0] for key in file.files}):
            pair, _, divergence = prefix.partition("/")
            arrays = {name: file[f"{prefix}/{name}"] for name in ARRAYS}
            arrays["seconds"] = float(arrays["seconds"])
            config = str(file[f"{prefix}/config"])
            sweeps[pair, divergence] = Sweep(pair, divergence, config, **arrays)
    return sweeps
