"""A small convolutional classifier; its last hidden layer gives features for comparing images.

    p(y = c | x) = softmax(W φ(x) + b)_c        one class per image
    p(a_j = 1 | x) = σ(W φ(x) + b)_j            attributes, each present or absent

The features φ separate the classes of *this* data set; the features of Inception, trained on
photographs, may not. So distances in φ are not the FID of the literature.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution, Independent

from dgm_core.networks import Centre, evaluate


class Classifier(nn.Module):
    """p(y | x) over named classes, or over attributes, of which an image may have any number.

    Args:
        body: (B, C, H, W) → features φ (B, F).
        features: F.
        classes: names of the classes or attributes.
        attributes: whether an image may have several of them.
    """

    def __init__(
        self, body: nn.Module, features: int, classes: Sequence[str], *, attributes: bool = False
    ) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, len(classes))
        self.classes, self.attributes = tuple(classes), attributes

    def features(self, x: Tensor) -> Tensor:
        """φ(x), (B, F), of images (B, C, H, W) in [0, 1]."""
        return evaluate(self.body, x)

    def predict(self, x: Tensor) -> Distribution:
        """p(y | x): `Categorical` (B,), or independent Bernoullis (B, attributes)."""
        return self.predict_from_features(self.features(x))

    def predict_from_features(self, features: Tensor) -> Distribution:
        """p(y | x) from features φ(x), (B, F)."""
        logits = self.head(features)
        if self.attributes:
            return Independent(Bernoulli(logits=logits), 1)
        return Categorical(logits=logits)


@torch.no_grad()
def features_of(model: Classifier, x: Tensor, batch_size: int = 500) -> Tensor:
    """Features (N, F) of images (N, C, H, W), uint8 or in [0, 1], on the model's device."""
    device = next(model.parameters()).device
    parts = []
    for part in x.split(batch_size):
        images = part.to(device)
        images = images.float() / 255 if images.dtype == torch.uint8 else images
        parts.append(model.features(images))
    return torch.cat(parts)


def classifier(
    size: int,
    image_channels: int,
    classes: Sequence[str],
    widths: Sequence[int] = (16, 32, 64),
    features: int = 64,
    *,
    attributes: bool = False,
) -> Classifier:
    """A classifier of square images.

    Args:
        size: pixels per side.
        image_channels: C.
        classes: names of the classes or attributes.
        widths: channels at size / 2, size / 4, …
        features: F.
        attributes: whether an image may have several of them.
    """
    layers: list[nn.Module] = [Centre()]
    for inputs, outputs in pairwise((image_channels, *widths)):
        layers += [
            nn.Conv2d(inputs, outputs, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
            nn.SiLU(),
        ]
    body = nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(widths[-1] * (size >> len(widths)) ** 2, features),
        nn.SiLU(),
    )
    return Classifier(body, features, classes, attributes=attributes)
