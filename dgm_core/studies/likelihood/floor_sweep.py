"""What a run over falling floors has to show: numbers, curves, mixtures and pictures, in one file.

`python -m dgm_core evaluate likelihood --only unbounded` makes those that are shipped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core.files import save_arrays
from dgm_core.mixtures.nonparametric import Atoms, Family, em_steps, seeds
from dgm_core.models.floored import FlooredDLVM
from dgm_core.rng import generator, normal
from dgm_core.studies.likelihood.unbounded_likelihood import Config, Curves, Result, Row

SHOWN = 8
"""Pictures of a kind."""


def shipped(kind: str) -> Config:
    """The run that is shown before any other: two floors a decade, trained for long."""
    floors = tuple(float(f"{10 ** (-half / 2):.2g}") for half in range(2, 13))
    return Config(kind, floors, iterations=3000, every=250)


class Pictures(NamedTuple):
    """Of models of images: what they draw, and what they make of images they have not seen."""

    drawn: Tensor  # (R, n, D) means of p(x|z) at the same z for all
    nearest: Tensor  # (R, n) which training image is nearest to each
    again: Tensor  # (R, n, D) means of p(x|z) at the mean of q(z|x), of the first other images


class Sweep(NamedTuple):
    """A finished run, without its models."""

    config: Config
    rows: tuple[Row, ...]
    x: Tensor  # (n, D) trained on
    others: Tensor  # (tested, D)
    mixtures: tuple[Atoms, ...]  # the best of each floor
    curves: Curves | None  # of points in the plane
    pictures: Pictures | None  # of images


def sweep_of(found: Result) -> Sweep:
    """What is shown of a run."""
    pictures = None if found.curves is not None else _pictures(found)
    return Sweep(
        found.config, found.rows, found.x, found.others, found.mixtures, found.curves, pictures
    )


@torch.no_grad()
def _pictures(found: Result) -> Pictures:
    z = normal((SHOWN, found.config.latents), generator(found.config.seed + 2))
    drawn = torch.stack([model.decode(z).mean for model in found.models])
    again = torch.stack([_again(model, found.others[:SHOWN]) for model in found.models])
    nearest = torch.cdist(drawn, found.x.expand(len(drawn), -1, -1)).argmin(2)
    return Pictures(drawn, nearest, again)


def _again(model: FlooredDLVM, x: Tensor) -> Tensor:
    return model.decode(model.encode(x).mean).mean


def climb_of(x: Tensor, floor: float, iterations: int = 30) -> Iterator[float]:
    """ℓ(G) / n, nats, of EM's iterates from an atom of every point at each of four widths."""
    family = Family(floor)
    steps = em_steps(x, seeds(x, family), family)
    for _, step in zip(range(iterations + 1), steps, strict=False):
        yield step.log_likelihood / len(x)


def save(found: Sweep, path: Path) -> None:
    """Write it; arrays that are only looked at in half precision, pictures in 256 levels."""
    arrays: dict[str, np.ndarray] = {
        "config": np.array(json.dumps(asdict(found.config))),
        "x": found.x.numpy(),
        "others": found.others.numpy(),
    }
    for name in Row._fields[1:]:
        arrays[f"row/{name}"] = np.array([getattr(row, name) for row in found.rows])
    for number, atoms in enumerate(found.mixtures):
        if found.curves is not None:
            for name, values in atoms._asdict().items():
                arrays[f"atoms/{number}/{name}"] = values.numpy().astype(np.float32)
    if found.curves is not None:
        for name, values in found.curves._asdict().items():
            arrays[f"curves/{name}"] = values.numpy().astype(np.float16)
    if found.pictures is not None:
        arrays["nearest"] = found.pictures.nearest.numpy().astype(np.uint16)
        for name in ("drawn", "again"):
            levels = getattr(found.pictures, name).clamp(0, 1) * 255
            arrays[name] = levels.round().byte().numpy()
    save_arrays(path, arrays)


def load(path: Path) -> Sweep:
    """What `save` wrote; mixtures are there of points in the plane only."""
    with np.load(path) as file:
        settings = json.loads(str(file["config"]))
        settings["floors"] = tuple(settings["floors"])
        config = Config(**settings)
        fields = zip(*(file[f"row/{name}"].tolist() for name in Row._fields[1:]), strict=True)
        rows = tuple(Row(config.data, *values) for values in fields)
        mixtures, curves, pictures = (), None, None
        if "curves/u" in file:
            curves = Curves(*(_single(file[f"curves/{name}"]) for name in Curves._fields))
            mixtures = tuple(
                Atoms(*(_single(file[f"atoms/{r}/{name}"]).double() for name in Atoms._fields))
                for r in range(len(rows))
            )
        else:
            drawn, again = (_single(file[name]) / 255 for name in ("drawn", "again"))
            pictures = Pictures(drawn, torch.from_numpy(file["nearest"].astype(np.int64)), again)
        x, others = (_single(file[name]) for name in ("x", "others"))
    return Sweep(config, rows, x, others, mixtures, curves, pictures)


def _single(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def ellipses(mean: Tensor, sd: Tensor, width: float = 1.0, corners: int = 16) -> Tensor:
    """Where a Gaussian is `width` standard deviations off its mean: (…, corners + 1, 2), closed.

    Args:
        mean: (…, 2).
        sd: (…, 2) along the axes.
        width: of the ellipse.
        corners: of the polygon in its stead.
    """
    turn = torch.linspace(0, 2 * math.pi, corners + 1, dtype=mean.dtype)
    circle = torch.stack([turn.cos(), turn.sin()], -1)
    return mean[..., None, :] + width * sd[..., None, :] * circle
