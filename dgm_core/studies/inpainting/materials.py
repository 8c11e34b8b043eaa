"""The trained model or the training images that each method needs, by data set.

A data set without its own model uses the model of MNIST, and a note says so. If the training
images are unavailable, images drawn from the DLVM replace them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.device import default_device
from dgm_core.models.partial import PartiallyEncoded
from dgm_core.rng import draw, generator

BORROWED = {
    ("digits", "miwae"): "mnist-miwae",
    ("digits", "dmfa"): "mnist-dmfa",
    ("digits", "mfa"): "mnist-mfa",
    ("omniglot", "dmfa"): "mnist-dmfa",
    ("omniglot", "mfa"): "mnist-mfa",
}
TRAINING_IMAGES = {"mnist": 10_000, "omniglot": 10_000, "digits": 1297, "celeba": 3000}
"""Number of training images that the baselines are fitted to; few enough for a small server."""


class Material(NamedTuple):
    """Model or training images that a method is constructed with, and a note for visitors."""

    value: Any
    note: str  # "" if no note is needed


def model_name(dataset: str, need: str) -> str:
    """Name of the zoo's model of a kind for a data set."""
    return BORROWED.get((dataset, need), f"{dataset}-{need}")


def material(dataset: str, need: str | None, load: Callable[[str], Any] | None = None) -> Material:
    """Model or training images of a method with this value of `needs`.

    Args:
        dataset: `digits`, `mnist`, `omniglot` or `celeba`.
        need: the method's `needs`; None for a method that needs neither model nor images.
        load: model name → model; default: `zoo.load` on the default device.

    Raises:
        ValueError: no such model.
        BrokenModel: a shipped file cannot be used.
    """
    load = load or (lambda name: zoo.load(name, default_device()))
    if need is None:
        return Material(None, "")
    if need == "training images":
        return _training_images(dataset, load)
    name = model_name(dataset, need)
    if need == "partial":
        return Material(with_partial_encoder(dataset, load), "")
    if need == "dlvm" and model_name(dataset, "partial") in zoo.names():
        return Material(with_partial_encoder(dataset, load), "")
    note = "" if name.startswith(dataset) else "trained on MNIST"
    return Material(load(name), note)


def with_partial_encoder(dataset: str, load: Callable[[str], Any]) -> PartiallyEncoded:
    """The DLVM of a data set with its partial encoder, as one model."""
    dlvm, partial = (load(model_name(dataset, need)) for need in ("dlvm", "partial"))
    return PartiallyEncoded(dlvm, partial)


def _training_images(dataset: str, load: Callable[[str], Any]) -> Material:
    count = TRAINING_IMAGES[dataset]
    if dataset == "celeba" and data.is_available("celeba"):
        found = len(next(iter(data.face_attributes("train").values())))
        faces = data.faces("train", range(min(count, found)))
        return Material(faces, f"fitted to {len(faces):,} training faces")
    if data.is_available(dataset):
        x = data.load(dataset, "train", download_missing=False).x
        spread = torch.linspace(0, len(x) - 1, min(count, len(x))).long()
        images = data.threshold(x[spread])
        return Material(images, f"fitted to {len(images):,} training images")
    count = min(count, 2000)
    samples = _model_samples(load(model_name(dataset, "dlvm")), count)
    return Material(
        samples, f"fitted to {count:,} images drawn from the DLVM; the data are unavailable"
    )


@torch.no_grad()
def _model_samples(model: Any, count: int) -> Tensor:
    source = generator(0, default_device())
    z = draw(model.prior().expand((count,)), source)
    means = [model.decode(part).mean for part in z.split(250)]
    x = torch.cat(means)
    return data.threshold(x) if x.shape[1] == 1 else x
