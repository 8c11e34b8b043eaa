"""Scores for the card of a model of clipped images: RMSE on the hidden entries of a test set.

Two constants are measured too: 1, and the mean of the hidden values themselves. No method knows
that mean; it is the best constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, metrics
from dgm_core.missing.clipped import clipped_split
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import generator
from dgm_core.studies.mnar.clipping_estimates import Curve, estimates, learned
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded

ENTRIES_AT_ONCE = 2**23
"""Largest number of completed values in memory at a time."""


@dataclass(frozen=True)
class Config:
    """Data and number of draws.

    Args:
        dataset: its test split is used.
        images: number of test images, chosen at random; None = all.
        draws: K, importance samples per image.
    """

    dataset: str
    images: int | None = None
    draws: int = 200


class Row(NamedTuple):
    """Error of one estimate."""

    estimate: str
    rmse: float  # over all hidden entries together
    standard_error: float  # jackknifed over images
    ess: float  # of the K weights, mean over images with hidden entries; NaN for constants


class Result(NamedTuple):
    """Scores for the card of a model of clipped images."""

    rows: list[Row]
    config: Config
    images: int
    hidden: int  # images with a hidden entry
    learned: Curve | None

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        about = (
            f"pooled over the hidden entries of {self.images} test images, of which "
            f"{self.hidden} have any; K = {self.config.draws}"
        )
        rows = [
            {key: value for key, value in rounded(row._asdict()).items() if value == value}
            for row in self.rows
        ]
        process = {}
        if self.learned is not None:
            fields = rounded(self.learned._asdict())
            process["given" if fields.pop("given") else "learned"] = fields
        return {"estimator": about, "rmse": rows, **process}


def run(config: Config, model: MIWAE) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    device = next(model.parameters()).device
    masked = clipped_split(config.dataset, "test", config.images)
    original = data.load(config.dataset, "test").sample(config.images).x
    total, incomplete = len(masked), (~masked.observed).flatten(1).any(1)
    masked, original = masked[incomplete], original[incomplete]
    entries = (~masked.observed).flatten(1).sum(1)
    best = original[~masked.observed].mean()
    rows = [
        _row(name, masked.complete(value.expand_as(original)), original, masked.observed)
        for name, value in (("constant 1", torch.ones(())), ("best constant", best))
    ]
    at_once = max(1, ENTRIES_AT_ONCE // (config.draws * original[0].numel()))
    source, sse, ess = generator(1, device), {}, {}
    for start in range(0, len(masked), at_once):
        yield Frame("RMSE", start / len(masked))
        part = slice(start, start + at_once)
        for name, found in estimates(model, masked[part].to(device), config.draws, source).items():
            error = metrics.sse_hidden(found.mean.cpu(), original[part], masked.observed[part])
            sse.setdefault(name, []).append(error)
            ess.setdefault(name, []).append(found.effective_draws.cpu())
    for name, errors in sse.items():
        rmse, error = metrics.pooled_rmse(torch.cat(errors), entries)
        rows.append(Row(name, rmse.item(), error.item(), torch.cat(ess[name]).mean().item()))
    curve = learned(model) if isinstance(model, NotMIWAE) else None
    yield Result(rows, config, total, len(masked), curve)


def _row(name: str, estimate: Tensor, original: Tensor, observed: Tensor) -> Row:
    sse = metrics.sse_hidden(estimate, original, observed)
    rmse, error = metrics.pooled_rmse(sse, (~observed).flatten(1).sum(1))
    return Row(name, rmse.item(), error.item(), float("nan"))
