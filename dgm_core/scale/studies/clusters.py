"""The study of VAE and mixture as cells: one seed, and the choices that share a warm-up."""

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
    """Runs that share checkpoints, with their controls and the names of their choices."""

    choices: tuple[str, ...]
    runs: tuple[tuple[Config, Config], ...]

    def __str__(self) -> str:
        return f"seed {self.runs[0][0].seed}, {' and '.join(self.choices)}"


class Measure:
    """Cell → the `Pair` of each of its choices."""

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
    """Cells that train nothing twice: groups of choices with the same warm-up, for each seed.

    No two cells write the same checkpoint.
    """
    families: dict[Any, list[str]] = {}
    for name in names:
        config = CHOICES[name].config(0)
        warmup = tuple(getattr(config, field) for field in (*WARM, "warmup"))
        families.setdefault(warmup, []).append(name)
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
    """The rows of `cluster_choices.run` in the same order, each as soon as all before it are done.

    The replacement of a lost worker resumes from its checkpoints if it can read them. Cells are
    removed from the journal after the last row. A run after that measures everything again, from
    checkpoints if they still exist.

    Raises:
        ValueError: no such choice.
        DataUnavailable: images are not on this machine.
        WorkersLost: see `Engine.map`.
    """
    cluster_choices.check(names)
    configs = {_images(config): config for config in (CHOICES[n].config(0) for n in names)}
    images = {key: cluster_choices.images_of(config) for key, config in configs.items()}
    groups = cells_of(names, seeds)
    waiting: list[str] = list(names)
    rows: dict[str, Row] = {}
    for item in cells.run_groups(groups, partial(Measure, images, folder), engine, journal):
        if isinstance(item, Done):
            yield item
            continue
        for name, *pairs in zip(groups[item.number][0].choices, *item.results, strict=True):
            rows[name] = cluster_choices.row_of(name, [_pair(pair) for pair in pairs])
        while waiting and waiting[0] in rows:
            yield rows[waiting.pop(0)]
    cells.forget([cell for group in groups for cell in group], journal)


def _images(config: Config) -> tuple[str, int, bool]:
    return config.dataset, config.images, config.deskewed


def _pair(ends: Sequence[Sequence]) -> Pair:
    return Pair(*(End(*end) for end in ends))
