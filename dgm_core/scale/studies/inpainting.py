"""The inpainting tables as cells: one method on one pattern, some images at once.

The iterations of LAIR depend on its speed relative to Metropolis-within-Gibbs. If they are not
given, all images of a pattern are therefore one cell, in which both samplers are timed.
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
from dgm_core.studies.inpainting.patterns import observed_by

HOLE_IMAGES = 1000
"""Largest number of images in a cell of the table of holes."""


@dataclass(frozen=True)
class HoleCell:
    """Images `first` to `last` (excluded), each with one hole."""

    data: str
    hole: tuple[int, int]
    method: str
    images: int
    first: int
    last: int

    def __str__(self) -> str:
        setting = f"{self.data}, {self.hole[0]}×{self.hole[1]}, {self.method}"
        return f"{setting}, images {self.first + 1} to {self.last}"


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
    """The rows of `holes.run` in the same order, each as soon as all rows before it are done.

    Cells are removed from the journal after the last row, so the next run measures everything
    again.

    Raises:
        DataUnavailable: see `holes.run`; raised after the rows of the images that are available.
        WorkersLost: see `Engine.map`.
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
            yield holes.row_of(*problems[item.number], item.results)
    cells.forget([cell for group in groups for cell in group], journal, weights)
    if missing is not None:
        raise missing


@dataclass(frozen=True)
class SamplerCell:
    """Images `first` to `last` (excluded), with one pattern and one sampler."""

    config: samplers.Config
    pattern: str
    method: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.pattern}, {self.method}, images {self.first + 1} to {self.last}"


class MeasureSamplers:
    """Cell → scores of each block of its images."""

    def __init__(self, model: Any, images: Tensor) -> None:
        self.device = device.default_device()
        self.model, self.images = model.to(self.device), images

    def __call__(self, cell: SamplerCell) -> list[list]:
        observed = observed_by(cell.pattern, self.images)
        rows = slice(cell.first, cell.last)
        original, observed = self.images[rows], observed[rows]
        setting = cell.config, cell.pattern, cell.method
        parts = samplers.measure(*setting, self.model, original, observed, self.device, cell.first)
        return [
            [each.tolist() if isinstance(each, Tensor) else each for each in part]
            for part in parts
        ]


def run_samplers(
    config: samplers.Config, engine: Engine, journal: Path | None = None
) -> Iterator[Done | samplers.Row]:
    """The rows of `dgm_core.evaluation.samplers.run` in the same order; see `run_holes`."""
    images, dependent = samplers.test_images(config)
    weights = [zoo.card(f"{config.data}-{kind}")["sha256"] for kind in ("dlvm", "partial")]
    make = partial(MeasureSamplers, samplers.model_of(config, torch.device("cpu")), images)
    pairs = samplers.methods_by_pattern()
    groups = [_blocks(config, *pair, len(images)) for pair in pairs]
    for item in cells.run_groups(groups, make, engine, journal, weights):
        if isinstance(item, Done):
            yield item
        else:
            parts = [_part(fields) for result in item.results for fields in result]
            yield samplers.row_of(config, *pairs[item.number], parts, dependent)
    cells.forget([cell for group in groups for cell in group], journal, weights)


def _blocks(config: samplers.Config, pattern: str, method: str, size: int) -> list[SamplerCell]:
    each = size if config.is_timed(method) else config.batch
    return [
        SamplerCell(config, pattern, method, first, min(first + each, size))
        for first in range(0, size, each)
    ]


def _part(fields: list[Any]) -> samplers.Part:
    values: list[Any] = [torch.tensor(x) if isinstance(x, list) else x for x in fields]
    return samplers.Part(*values)
