"""Scores for a classifier's card: its accuracy on the test split.

Most faces lack most attributes, so attributes have the balanced accuracy: the mean of the
fractions classified correctly among faces with and among faces without it. A constant answer has
½.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core.models.classifier import Classifier
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.types import LabelledImages


class Result(NamedTuple):
    """Scores for the card of a classifier."""

    images: int
    log_likelihood: float  # log p(y | x), nats per image
    accuracy: float
    of_each: dict[str, float]  # by class: recall; by attribute: balanced accuracy

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        fields = rounded(self._asdict())
        return {**fields, "of_each": rounded(self.of_each)}


@torch.no_grad()
def run(images: LabelledImages, model: Classifier) -> Iterator[Frame | Result]:
    """Measure on labelled images; `Frame`s report progress, the `Result` comes last."""
    device, logits, log_likelihood = next(model.parameters()).device, [], []
    for start in range(0, len(images), 500):
        yield Frame("test images", start / len(images))
        part = images[start : start + 500].to(device)
        prediction: Any = model.predict(part.x.float() / 255)
        log_likelihood.append(prediction.log_prob(part.y).cpu())
        logits.append((prediction.base_dist if model.attributes else prediction).logits.cpu())
    found, mean = torch.cat(logits), torch.cat(log_likelihood).mean().item()
    if model.attributes:
        right = (found > 0) == (images.y > 0.5)
        each = [_balanced(right[:, a], images.y[:, a] > 0.5) for a in range(right.shape[1])]
    else:
        right = found.argmax(1) == images.y
        each = [right[images.y == c].float().mean().item() for c in range(found.shape[1])]
    of_each = dict(zip(model.classes, each, strict=True))
    yield Result(len(images), mean, right.float().mean().item(), of_each)


def _balanced(right: Tensor, has: Tensor) -> float:
    return (right[has].float().mean() + right[~has].float().mean()).item() / 2
