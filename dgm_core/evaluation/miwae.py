"""Scores for the card of a MIWAE or a partial encoder: bound, imputations, and the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from dgm_core import data
from dgm_core.evaluation.sample_size import described
from dgm_core.imputers.miwae import MIWAEInpainter
from dgm_core.models.miwae import MIWAE
from dgm_core.models.partial import PartiallyEncoded
from dgm_core.rng import generator
from dgm_core.studies.inpainting.filling import fill_in
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded


@dataclass(frozen=True)
class Config:
    """Data and number of draws.

    Args:
        dataset: images are chosen at random from its test split.
        images: number of test images.
        draws: K, importance samples per image; at least 10.
    """

    dataset: str
    images: int = 200
    draws: int = 1000


class Row(NamedTuple):
    """Scores on one pattern of hidden pixels; means over images."""

    pattern: str
    score: str  # f1 for binary images (threshold ½), psnr for others
    value: float
    standard_error: float  # over images, or over characters
    bound: float  # log p(x_obs), nats, K draws
    bound_of_10: float  # the same with K = 10
    ess: float  # of the K weights
    untrusted: float  # fraction of images with a Pareto k above 0.7


class Result(NamedTuple):
    """Scores for the card."""

    rows: list[Row]
    images: str  # how many, and how they were chosen
    draws: int

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        about = f"{self.images}, K = {self.draws}"
        rows = []
        for row in self.rows:
            fields = row._asdict()
            fields[fields.pop("score")] = fields.pop("value")
            rows.append(rounded(fields))
        return {"inpainting": rows, "estimator": about}


def run(config: Config, model: MIWAE | PartiallyEncoded) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    device = next(model.parameters()).device
    split = data.load(config.dataset, "test")
    sample = split.sample(config.images)
    original = sample.x
    images = described(len(original), len(split.x))
    original = (data.threshold(original) if original.shape[1] == 1 else original).to(device)
    method, rows = MIWAEInpainter(model, samples=config.draws, draws=1), []
    for number, pattern in enumerate(PATTERNS):
        yield Frame(pattern, number / len(PATTERNS))
        observed, source = observed_by(pattern, original), generator(1, device)
        filled = fill_in(method, original, observed, source, batch=10)
        rows.append(
            Row(
                pattern,
                *filled.score(sample.groups),
                filled.curve("bound by K", config.draws).mean().item(),
                filled.curve("bound by K", 10).mean().item(),
                filled.diagnostic("ESS").mean().item(),
                (filled.diagnostic("Pareto k") > 0.7).float().mean().item(),
            )
        )
    yield Result(rows, images, config.draws)
