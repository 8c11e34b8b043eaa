"""Sweeps of θ that are shipped: how the distances of two pairs of laws look to critics.

Each holds the estimates after every number of steps at which there was a frame, so that a slider
can show how a curve comes about without any training.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

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
"""(pair, divergence)."""

KEY = ("pair", "divergence", "theta")
"""What tells the rows of the table apart."""

ARRAYS = ("thetas", "steps", "estimates", "errors", "truth", "seconds")


class Row(NamedTuple):
    """One θ at the end of a sweep."""

    pair: str
    divergence: str
    theta: float
    estimate: float
    error: float  # Monte-Carlo
    truth: float
    seconds: float  # of training, one critic's share

    def sentence(self) -> str:
        """For the terminal."""
        return (
            f"{self.pair:10} {self.divergence:16} θ {self.theta:4.1f}  {self.estimate:8.4f} ± "
            f"{self.error:.4f}  truth {self.truth:7.4f}  {self.seconds:.2f} s"
        )


class Sweep(NamedTuple):
    """One sweep from its first step to its last."""

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
        """What was found in the end, θ by θ."""
        columns = (self.thetas, self.estimates[-1], self.errors[-1], self.truth)
        each = self.seconds / len(self.thetas)
        return [
            Row(self.pair, self.divergence, *(round(float(v), 6) for v in values), each)
            for values in zip(*columns, strict=True)
        ]


def configs(steps: int | None = None) -> tuple[critics.Config, ...]:
    """Of all that is shipped; with the default number of steps if not given."""
    given = {} if steps is None else {"steps": steps}
    return tuple(critics.Config(pair, divergence, **given) for pair, divergence in SHIPPED)


def fingerprint(config: critics.Config) -> str:
    """All settings as JSON, by which a file is known to be of a config."""
    return json.dumps(asdict(config), sort_keys=True)


def sweep_of(result: critics.Result) -> Sweep:
    """What is kept of a run."""
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
    """A `Sweep` for each config, `Frame`s between."""
    wanted = tuple(configs)
    for number, config in enumerate(wanted):
        for item in critics.run(config):
            if isinstance(item, critics.Frame):
                doing = f"{config.divergence} of {config.pair}"
                yield Frame(doing, (number + item.done) / len(wanted))
            elif isinstance(item, critics.Result):
                yield sweep_of(item)


def save(sweeps: Iterable[Sweep], path: Path) -> None:
    """Write sweeps to one .npz file."""
    arrays = {
        f"{sweep.pair}/{sweep.divergence}/{name}": np.asarray(getattr(sweep, name))
        for sweep in sweeps
        for name in ("config", *ARRAYS)
    }
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> dict[tuple[str, str], Sweep]:
    """Sweeps of a file by (pair, divergence)."""
    with np.load(path, allow_pickle=False) as file:
        names = sorted({tuple(key.split("/")[:2]) for key in file.files})
        return {
            (pair, divergence): Sweep(
                pair,
                divergence,
                str(file[f"{pair}/{divergence}/config"]),
                *(file[f"{pair}/{divergence}/{name}"] for name in ARRAYS[:-1]),
                float(file[f"{pair}/{divergence}/seconds"]),
            )
            for pair, divergence in names
        }
