"""Stored counts of a sampler on many images, and the scores computed from them.

Two counts are stored per image, both over the hidden pixels: true positives TP and wrong pixels
FP + FN. Pooled over images,

    F1 = 2 Σ TP / Σ (2 TP + FP + FN).

Its standard error is jackknifed over images, or over characters where several images show one. The
difference of two rows on the same images has its own jackknife error. Observed pixels are never
wrong. F1 over all pixels counts the observed ink as true positives, so it is higher although the
hidden pixels are filled in no better.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core.files import save_arrays
from dgm_core.studies.inpainting.filling import difference_of_f1, f1_and_error
from dgm_core.studies.toml_rows import rounded

KEY = ("data", "sweep", "setting", "sampler")
"""Columns that identify a row of the table."""
ESTIMATES = ("mean", "draw")
"""The posterior mean thresholded at ½, and the last draw of the first chain."""
PIXELS = ("hidden", "all")
ARRAYS = ("counts", "seen", "groups")
"""Fields of a row that `save` stores as arrays."""


class Row(NamedTuple):
    """Results of one sampler at one setting, after several numbers of iterations."""

    data: str
    sweep: str
    setting: str
    sampler: str
    pattern: str
    initialisation: str
    warmup: int
    chains: int
    seed: int
    lengths: tuple[int, ...]  # iterations, warm-up included
    acceptance: tuple[float, ...]  # at each length, mean over images
    stuck: tuple[float, ...]  # fraction of chains that accepted no proposal since the warm-up
    rhat: tuple[float, ...]  # split R-hat of log p(x, z), median over images
    counts: np.ndarray  # (lengths, ESTIMATES, images, 2) true positives and wrong pixels
    seen: np.ndarray  # (images,) pixels with ink that were observed
    groups: np.ndarray | None = None  # (images,) which images are dependent; None = none are

    @property
    def key(self) -> tuple[str, ...]:
        """Values of the columns `KEY`, which identify the row in a table."""
        return tuple(getattr(self, name) for name in KEY)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.seen)

    @property
    def iterations(self) -> int:
        """Number of iterations of the whole run."""
        return self.lengths[-1]

    def f1(
        self, length: int | None = None, estimate: str = "mean", pixels: str = "hidden"
    ) -> tuple[float, float]:
        """F1 after `length` iterations (default: all), and its standard error."""
        return f1_and_error(self._counts(length, estimate, pixels), self._groups)

    def f1_difference(
        self,
        other: Row,
        length: int | None = None,
        other_length: int | None = None,
        pixels: str = "hidden",
    ) -> tuple[float, float]:
        """F1 of the mean minus that of another row on the same images, and its standard error.

        Args:
            other: another row, or this row at another length.
            length: number of iterations of this row; default: all.
            other_length: number of iterations of the other row; default: all.
            pixels: a member of `PIXELS`.

        Raises:
            ValueError: the images or their hidden pixels differ.
        """
        if (self.data, self.pattern, self.images) != (other.data, other.pattern, other.images):
            raise ValueError("expected two rows of the same images and the same hidden pixels")
        own = self._counts(length, "mean", pixels)
        others = other._counts(other_length, "mean", pixels)
        return difference_of_f1(own, others, self._groups)

    @property
    def _groups(self) -> Tensor | None:
        return None if self.groups is None else torch.from_numpy(self.groups.astype(np.int64))

    def _counts(self, length: int | None, estimate: str, pixels: str) -> Tensor:
        at = -1 if length is None else self.lengths.index(length)
        counts = torch.from_numpy(self.counts[at, ESTIMATES.index(estimate)].astype(np.int64))
        if pixels == "all":
            counts[:, 0] += torch.from_numpy(self.seen.astype(np.int64))
        return counts

    def entry(self, length: int | None = None) -> dict[str, Any]:
        """Table entry: settings, F1s and diagnostics after `length` iterations, rounded."""
        at = -1 if length is None else self.lengths.index(length)
        fields: dict[str, Any] = {name: getattr(self, name) for name in KEY}
        fields |= {"pattern": self.pattern, "initialisation": self.initialisation}
        fields |= {"images": self.images, "chains": self.chains, "seed": self.seed}
        fields |= {"iterations": self.lengths[at], "warmup": self.warmup}
        for estimate in ESTIMATES:
            for pixels in PIXELS:
                name = f"f1_{estimate}_{pixels}"
                fields[name], fields[f"{name}_error"] = self.f1(length, estimate, pixels)
        fields |= {name: getattr(self, name)[at] for name in ("acceptance", "stuck", "rhat")}
        return rounded(fields)

    def sentence(self) -> str:
        """One line for a terminal."""
        f1, error = self.f1()
        f1_all, _ = self.f1(pixels="all")
        return (
            f"{self.data:9} {self.sweep:14} {self.setting:15} {self.sampler:24} "
            f"F1 {f1:.3f} ± {error:.3f} (all pixels {f1_all:.3f})  "
            f"acceptance {self.acceptance[-1]:.3f}"
        )


def with_row(rows: Sequence[Row], row: Row) -> list[Row]:
    """The rows with `row` in place of the row with the same key, or at the end."""
    keys = [each.key for each in rows]
    at = keys.index(row.key) if row.key in keys else len(rows)
    return [*rows[:at], row, *rows[at + 1 :]]


def save(rows: Iterable[Row], path: Path) -> None:
    """Write rows to one .npz file: the counts as arrays, the other fields as JSON."""
    arrays: dict[str, np.ndarray] = {}
    about = []
    for number, row in enumerate(rows):
        fields = row._asdict()
        for name in ARRAYS:
            if (values := fields.pop(name)) is not None:
                arrays[f"{number} {name}"] = values.astype(np.uint16)
        fields["rhat"] = [value if math.isfinite(value) else None for value in row.rhat]
        about.append(fields)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    save_arrays(path, arrays)


def load(path: Path) -> list[Row]:
    """Read the rows that `save` wrote; an empty list if there is no file."""
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        return [
            _row(fields, *(file.get(f"{number} {name}") for name in ARRAYS))
            for number, fields in enumerate(about)
        ]


def _row(
    fields: dict[str, Any], counts: np.ndarray, seen: np.ndarray, groups: np.ndarray | None
) -> Row:
    fields["rhat"] = [math.nan if value is None else value for value in fields["rhat"]]
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Row(**plain, counts=counts, seen=seen, groups=groups)
