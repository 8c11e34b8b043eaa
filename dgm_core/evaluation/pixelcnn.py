"""The score for an autoregressive model's card: its exact log p(x) of the test split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from dgm_core import data
from dgm_core.evaluation.sample_size import described
from dgm_core.metrics import mean_and_error
from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.rng import generator
from dgm_core.studies.progress import Frame


class Result(NamedTuple):
    """Exact log p(x) of test images, binarised once."""

    log_p: float  # nats per image
    standard_error: float  # over images, or over characters
    images: str  # how many, and how they were chosen

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        return {
            "log_likelihood": {
                "nats": round(self.log_p, 2),
                "standard_error": round(self.standard_error, 2),
                "estimator": f"exact, {self.images}, dynamically binarised",
            }
        }


@torch.no_grad()
def run(dataset: str, model: PixelCNN, images: int | None = None) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    split = data.load(dataset, "test")
    test = split.sample(images)
    x = data.binarize(test.x, generator(0))
    x, each = x.to(next(model.parameters()).device), []
    for start in range(0, len(x), 100):
        yield Frame("test images", start / len(x))
        each.append(model.log_prob(x[start : start + 100]).double().cpu())
    log_p = torch.cat(each)
    mean, error = mean_and_error(log_p, test.groups)
    yield Result(mean.item(), error.item(), described(len(x), len(split.x)))
