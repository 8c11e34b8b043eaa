"""The choices of VAE and mixture as cells: one seed, the choices that begin with one warm-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dgm_core.data.cluster_images import ClusterImages
from dgm_core.evaluation import cluster_choices
from dgm_core.evaluation.cluster_choices import CHOICES, End, Pair, Row
from dgm_core.scale.engines import Engine
from dgm_core.scale.studies import cells
from dgm_core.scale.studies.cells import Done
from dgm_core.training.mutual import WARM, Config


@dataclass(frozen=True)
class Cell:
    """Runs and their controls, by the names of their choices, that share their checkpoints."""

    choices: tuple[str, ...]
    runs: tuple[tuple[Config, Config], ...]

    def __str__(self) -> str:
        return f"seed {self.runs[0][0].seed}, {' and '.join(self.choices)}"


class Measure:
    """Cell → the ends of its runs, of each choice those of `Pair`."""

    def __init__(self, images: Mapping[Any, ClusterImages], folder: Path) -> None:
        self.images, self.folder = images, folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, cell: Cell) -> list[Pair]:
        found = []
        for config, control in cell.runs:
            *_, pair = cluster_choices.measure(
                config, control, self.images[_images(config)], self.folder
            )
            found.append(pair)
        return found


def cells_of(names: Sequence[str], seeds: int) -> list[list[Cell]]:
    """What can be measured apart with nothing trained twice: families of choices, seed by seed.

    No two cells write the same checkpoint.
    """
    families: dict[Any, list[str]] = {}
    for name in names:
        config = CHOICES[name].config(0)
        begins = tuple(getattr(config, field) for field in (*WARM, "warmup"))
        families.setdefault(begins, []).append(name)
    return [
        [
            Cell(
                tuple(family),
                tuple((CHOICES[name].config(s), CHOICES[name].control(s)) for name in family),
            )
            for s in range(seeds)
        ]
        for family in families.values()
    ]


def run(
    names: tuple[str, ...], seeds: int, folder: Path, engine: Engine, journal: Path | None = None
) -> Iterator[Done | Row]:
    """Rows as of `cluster_choices.run`, in its order, each when all before it are there.

    A worker that is lost goes on from the checkpoints, where the one in its place sees them. Cells
    leave the journal when all rows have been taken; a study that is run again to its end measures
    all anew, as far as the checkpoints are gone.

    Raises:
        ValueError: no such choice.
        DataUnavailable: images are not on this machine.
        WorkersLost: as `Engine.map`.
    """
    cluster_choices.check(names)
    configs = {_images(config): config for config in (CHOICES[n].config(0) for n in names)}
    images = {key: cluster_choices.images_of(config) for key, config in configs.items()}
    groups = cells_of(names, seeds)
    waiting, rows = list(names), {}
    for item in cells.run_groups(groups, partial(Measure, images, folder), engine, journal):
        if isinstance(item, Done):
            yield item
            continue
        for name, *pairs in zip(groups[item.place][0].choices, *item.results, strict=True):
            rows[name] = cluster_choices.row_of(name, [_pair(pair) for pair in pairs])
        while waiting and waiting[0] in rows:
            yield rows[waiting.pop(0)]
    cells.forget([cell for group in groups for cell in group], journal)


def _images(config: Config) -> tuple[str, int, bool]:
    return config.dataset, config.images, config.set_upright


def _pair(ends: Sequence[Sequence]) -> Pair:
    return Pair(*(End(*end) for end in ends))
