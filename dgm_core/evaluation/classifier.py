"""The numbers on a classifier's card: how often it is right on the test split.

Of attributes, most of which most faces lack, the balanced accuracy counts: the mean of the shares
found among those that have it and among those that have not, ½ for any constant answer.
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
    """What is written on the card of a classifier."""

    images: int
    log_likelihood: float  # log p(y | x), nats an image
    accuracy: float
    of_each: dict[str, float]  # by class: share found; by attribute: balanced accuracy

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        fields = rounded(self._asdict())
        return {**fields, "of_each": rounded(self.of_each)}


@torch.no_grad()
def run(images: LabelledImages, model: Classifier) -> Iterator[Frame | Result]:
    """Measure on labelled images; `Frame`s tell how far it is, the `Result` comes last."""
    device, logits, log_likelihood = next(model.parameters()).device, [], []
    for start in range(0, len(images), 500):
        yield Frame("test images", start / len(images))
        part = images[start : start + 500].to(device)
        law = model.predict(part.x.float() / 255)
        log_likelihood.append(law.log_prob(part.y).cpu())
        logits.append((law.base_dist if model.attributes else law).logits.cpu())
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
