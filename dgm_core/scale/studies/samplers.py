"""The sweeps of the two samplers as cells: one setting, some images at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgm_core import data, device, zoo
from dgm_core.scale.engines import Engine
from dgm_core.scale.studies import cells
from dgm_core.scale.studies.cells import Done
from dgm_core.studies import toml_rows
from dgm_core.studies.inpainting import sampler_rows, sampler_sweeps
from dgm_core.studies.inpainting.patterns import observed_by
from dgm_core.studies.inpainting.sampler_rows import KEY, Row
from dgm_core.studies.inpainting.sampler_sweeps import Config, Part, SweepSetting


@dataclass(frozen=True)
class Cell:
    """Images `first` to `last` (excluded) of one setting of a sweep."""

    config: Config
    setting: SweepSetting
    first: int
    last: int

    def __str__(self) -> str:
        setting = f"{self.config.data}, {self.config.sweep}, {self.setting.name}"
        return f"{setting}, {self.setting.sampler}, images {self.first + 1} to {self.last}"


class Measure:
    """Cell → scores of its chains."""

    def __init__(self, models: Mapping[str, Any], images: Mapping[str, Tensor]) -> None:
        chosen = device.default_device()
        self.models = {name: model.to(chosen) for name, model in models.items()}
        self.images = {name: x.to(chosen) for name, x in images.items()}

    def __call__(self, cell: Cell) -> dict[str, list]:
        original = self.images[cell.config.data][: cell.config.images]
        model, observed = (
            self.models[cell.config.data],
            observed_by(cell.setting.pattern, original),
        )
        rows = slice(cell.first, cell.last)
        *_, part = sampler_sweeps.measure_part(
            cell.config, cell.setting, model, original[rows], observed[rows], cell.first
        )
        assert isinstance(part, Part)  # the last item, after fractions of the work
        return {name: value.tolist() for name, value in part._asdict().items()}


def update(
    configs: Sequence[Config],
    out: Path,
    engine: Engine,
    journal: Path | None = None,
    folder: Path = zoo.FOLDER,
) -> Iterator[Done | Row]:
    """Measure sweeps on an engine and write two files, as `sampler_sweeps.update` does.

    Rows come in the order of the sweeps, each as soon as all rows before it are done.

    Args:
        configs: sweeps.
        out: file for the table, .toml.
        engine: runs the cells.
        journal: folder for cells that are done while their rows are not.
        folder: the folder of the models.

    Raises:
        DataUnavailable: the images are not on this machine.
        WorkersLost: see `Engine.map`.
    """
    counts = out.with_suffix(".npz")
    rows = sampler_rows.load(counts)
    names = sorted({config.data for config in configs})
    models = {name: zoo.load(f"{name}-dlvm", folder=folder) for name in names}
    weights = [zoo.card(f"{name}-dlvm", folder)["sha256"] for name in names]
    most = max(config.images for config in configs)
    samples = {name: data.load(name, "test").sample(most) for name in names}
    images = {name: data.threshold(sample.x) for name, sample in samples.items()}
    pairs = [(config, setting) for config in configs for setting in config.settings()]
    measured = {pair: row for pair in pairs for row in rows if pair[0].is_of(row, pair[1])}
    blocks = [
        [] if pair in measured else _blocks(*pair, len(images[pair[0].data])) for pair in pairs
    ]
    make = partial(Measure, models, images)
    for item in cells.run_groups(blocks, make, engine, journal, weights):
        if isinstance(item, Done):
            yield item
            continue
        config, setting = pair = pairs[item.number]
        row = measured.get(pair) or sampler_sweeps.row_of(
            config,
            setting,
            [_part(result) for result in item.results],
            images[config.data],
            samples[config.data].groups,
        )
        rows = sampler_rows.with_row(rows, row)
        sampler_rows.save(rows, counts)
        toml_rows.put_row(out, "sweeps", row.entry(), KEY)
        cells.forget(blocks[item.number], journal, weights)
        yield row


def _part(result: Mapping[str, list]) -> Part:
    counts, *others = (result[name] for name in Part._fields)
    return Part(
        torch.tensor(counts), *(torch.tensor(each, dtype=torch.float64) for each in others)
    )


def _blocks(config: Config, setting: SweepSetting, images: int) -> list[Cell]:
    size = min(config.images, images)
    ends = [*range(0, size, sampler_sweeps.BLOCK), size]
    return [Cell(config, setting, *pair) for pair in pairwise(ends)]
