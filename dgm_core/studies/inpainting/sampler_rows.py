"""What is kept of a sampler on many images, and the scores that follow from it.

Of each image two counts are kept, true positives TP and wrong pixels FP + FN, both among the
hidden pixels. Pooled over images,

    F1 = 2 Σ TP / Σ (2 TP + FP + FN),

its standard error is jackknifed over images, and the difference of two rows on the same images has
an error of its own. Pixels that were seen are never wrong: counting all pixels adds the ink that
was seen to the true positives, and F1 rises though nothing has been guessed better.
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
"""What tells rows of a table apart."""
ESTIMATES = ("mean", "draw")
"""The posterior mean cut at ½, and the last draw of the first chain."""
PIXELS = ("hidden", "all")


class Row(NamedTuple):
    """One sampler at one setting, read off after several numbers of iterations."""

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
    stuck: tuple[float, ...]  # share of chains that accepted nothing since the warm-up
    rhat: tuple[float, ...]  # split R-hat of log p(x, z), median over images
    counts: np.ndarray  # (lengths, ESTIMATES, images, 2) true positives and wrong pixels
    seen: np.ndarray  # (images,) pixels with ink that were observed

    @property
    def key(self) -> tuple[str, ...]:
        """By which it is found in a table."""
        return tuple(getattr(self, name) for name in KEY)

    @property
    def images(self) -> int:
        """How many."""
        return len(self.seen)

    @property
    def iterations(self) -> int:
        """Of the whole run."""
        return self.lengths[-1]

    def f1(
        self, length: int | None = None, estimate: str = "mean", pixels: str = "hidden"
    ) -> tuple[float, float]:
        """F1 after so many iterations (default: all), and its standard error over images."""
        return f1_and_error(self._counts(length, estimate, pixels))

    def f1_difference(
        self,
        other: Row,
        length: int | None = None,
        other_length: int | None = None,
        pixels: str = "hidden",
    ) -> tuple[float, float]:
        """F1 of the mean less that of another row on the same images, and the error of that.

        Args:
            other: another row; this one too, at another length.
            length: at which this row is read off; default: its end.
            other_length: at which the other is.
            pixels: of `PIXELS`.

        Raises:
            ValueError: other images, or what is hidden of them differs.
        """
        if (self.data, self.pattern, self.images) != (other.data, other.pattern, other.images):
            raise ValueError("expected two rows of the same images and the same hidden pixels")
        own = self._counts(length, "mean", pixels)
        return difference_of_f1(own, other._counts(other_length, "mean", pixels))

    def _counts(self, length: int | None, estimate: str, pixels: str) -> Tensor:
        at = -1 if length is None else self.lengths.index(length)
        found = torch.from_numpy(self.counts[at, ESTIMATES.index(estimate)].astype(np.int64))
        if pixels == "all":
            found[:, 0] += torch.from_numpy(self.seen.astype(np.int64))
        return found

    def entry(self, length: int | None = None) -> dict[str, Any]:
        """For a table: settings, F1s and diagnostics after so many iterations, rounded."""
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
        everywhere, _ = self.f1(pixels="all")
        return (
            f"{self.data:9} {self.sweep:14} {self.setting:15} {self.sampler:24} "
            f"F1 {f1:.3f} ± {error:.3f} (all pixels {everywhere:.3f})  "
            f"acceptance {self.acceptance[-1]:.3f}"
        )


def with_row(rows: Sequence[Row], row: Row) -> list[Row]:
    """The rows with this one in place of that of the same key, else at the end."""
    keys = [each.key for each in rows]
    at = keys.index(row.key) if row.key in keys else len(rows)
    return [*rows[:at], row, *rows[at + 1 :]]


def save(rows: Iterable[Row], path: Path) -> None:
    """Write rows to one .npz file: counts as arrays, the rest as JSON."""
    arrays: dict[str, np.ndarray] = {}
    about = []
    for number, row in enumerate(rows):
        fields = row._asdict()
        for name in ("counts", "seen"):
            arrays[f"{number} {name}"] = fields.pop(name).astype(np.uint16)
        fields["rhat"] = [value if math.isfinite(value) else None for value in row.rhat]
        about.append(fields)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    save_arrays(path, arrays)


def load(path: Path) -> list[Row]:
    """What `save` wrote; nothing where there is no file."""
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        return [
            _row(fields, file[f"{number} counts"], file[f"{number} seen"])
            for number, fields in enumerate(about)
        ]


def _row(fields: dict[str, Any], counts: np.ndarray, seen: np.ndarray) -> Row:
    fields["rhat"] = [math.nan if value is None else value for value in fields["rhat"]]
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Row(**plain, counts=counts, seen=seen)
