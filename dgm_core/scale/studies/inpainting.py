"""The tables of inpainting as cells: one method on one pattern, some images at once.

LAIR's iterations come from its speed beside Metropolis-within-Gibbs. Where they are not given, all
its images on a pattern are therefore one cell, in which both are timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_core import data, device, zoo
from dgm_core.evaluation import holes, samplers
from dgm_core.scale.engines import Engine
from dgm_core.scale.studies import cells
from dgm_core.scale.studies.cells import Done
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by

HOLE_IMAGES = 1000
"""In a cell of the table of holes, at most."""


@dataclass(frozen=True)
class HoleCell:
    """Images `first` to `last` (excluded) of so many, each with one hole."""

    data: str
    hole: tuple[int, int]
    method: str
    images: int
    first: int
    last: int

    def __str__(self) -> str:
        what = f"{self.data}, {self.hole[0]}×{self.hole[1]}, {self.method}"
        return f"{what}, images {self.first + 1} to {self.last}"


class MeasureHoles:
    """Cell → scores of its images."""

    def __init__(self, models: Mapping[str, Any], images: Mapping[str, Tensor]) -> None:
        self.device = device.default_device()
        self.models = {name: model.to(self.device) for name, model in models.items()}
        self.images = images

    def __call__(self, cell: HoleCell) -> dict[str, list[float]]:
        x = self.images[cell.data]
        observed, rows = holes.observed_around(cell.hole, x), slice(cell.first, cell.last)
        model = self.models[holes.MODELS[cell.data, cell.method]]
        return holes.measure(model, x[rows], observed[rows], self.device)


def run_holes(
    config: holes.Config, engine: Engine, journal: Path | None = None
) -> Iterator[Done | holes.Row]:
    """Rows as of `holes.run`, in its order, each when all before it are there.

    Cells leave the journal when all rows have been taken; a study that is run again to its end
    measures all anew.

    Raises:
        DataUnavailable: as `holes.run`, after the rows of the images that are here.
        WorkersLost: as `Engine.map`.
    """
    images: dict[str, Tensor] = {}
    missing = None
    for name in config.datasets:
        try:
            images[name] = holes.test_images(name, config.images)
        except data.DataUnavailable as error:
            missing = error
            break
    names = sorted({holes.MODELS[key] for key in holes.MODELS if key[0] in images})
    weights = [zoo.card(name)["sha256"] for name in names]
    make = partial(MeasureHoles, {name: zoo.load(name) for name in names}, images)
    problems = [
        (name, hole, method)
        for name in images
        for hole in holes.HOLES[name]
        for method in holes.methods_of(name)
    ]
    groups = [
        [
            HoleCell(*problem, size, first, min(first + HOLE_IMAGES, size))
            for first in range(0, size, HOLE_IMAGES)
        ]
        for problem in problems
        for size in [len(images[problem[0]])]
    ]
    for item in cells.run_groups(groups, make, engine, journal, weights):
        if isinstance(item, Done):
            yield item
        else:
            yield holes.row_of(*problems[item.place], item.results)
    cells.forget([cell for group in groups for cell in group], journal, weights)
    if missing is not None:
        raise missing


@dataclass(frozen=True)
class SamplerCell:
    """Images `first` to `last` (excluded) of a pattern, by one sampler."""

    config: samplers.Config
    pattern: str
    method: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.pattern}, {self.method}, images {self.first + 1} to {self.last}"


class MeasureSamplers:
    """Cell → what is read off each block of its images."""

    def __init__(self, model: torch.nn.Module, images: Tensor) -> None:
        self.device = device.default_device()
        self.model, self.images = model.to(self.device), images

    def __call__(self, cell: SamplerCell) -> list[list]:
        observed = observed_by(cell.pattern, self.images)
        rows = slice(cell.first, cell.last)
        pair = self.images[rows], observed[rows]
        what = cell.config, cell.pattern, cell.method
        return [
            [each.tolist() if isinstance(each, Tensor) else each for each in part]
            for part in samplers.measure(*what, self.model, *pair, self.device, cell.first)
        ]


def run_samplers(
    config: samplers.Config, engine: Engine, journal: Path | None = None
) -> Iterator[Done | samplers.Row]:
    """Rows as of `dgm_core.evaluation.samplers.run`, in its order; otherwise as `run_holes`."""
    images = samplers.test_images(config)
    name = f"{config.data}-dlvm"
    weights = [zoo.card(name)["sha256"]]
    make = partial(MeasureSamplers, zoo.load(name), images)
    pairs = [
        (pattern, method) for pattern in PATTERNS for method in (*samplers.CHAINS, samplers.LAIR)
    ]
    groups = [_blocks(config, *pair, len(images)) for pair in pairs]
    for item in cells.run_groups(groups, make, engine, journal, weights):
        if isinstance(item, Done):
            yield item
        else:
            parts = [_part(fields) for result in item.results for fields in result]
            yield samplers.row_of(config, *pairs[item.place], parts)
    cells.forget([cell for group in groups for cell in group], journal, weights)


def _blocks(config: samplers.Config, pattern: str, method: str, size: int) -> list[SamplerCell]:
    timed = "iterations" not in config.settings(method)
    each = size if timed else config.batch
    return [
        SamplerCell(config, pattern, method, first, min(first + each, size))
        for first in range(0, size, each)
    ]


def _part(fields: list) -> samplers.Part:
    return samplers.Part(*(torch.tensor(x) if isinstance(x, list) else x for x in fields))
