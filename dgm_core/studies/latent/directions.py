"""Directions of a GAN's latent space in which its images change, named by what they change.

    W = U diag(s) Vᵀ,   the first layer of the generator; z → z + c v_i moves its output by c s_i

The right singular vectors v_i are the closed-form factorisation of Shen & Zhou (2021), and the
principal components of the first layer's outputs for z ~ N(0, I) (GANSpace, Härkönen et al. 2020):
for a linear layer the two are one. All have length 1, stand at right angles and are of unit
variance under the prior, so that a slider over ±3 covers what the generator was shown.

A direction is named after the trait it moves most, in standard deviations of that trait over
images: measured on the image (ink, slant, brightness …) or said by a classifier. What moves no
trait by .3 of one is left without a name. Beside them stand the directions of the traits
themselves, by regression of the trait on z.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dgm_core.files import written_whole
from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator

REACH = 2.0
"""How far both ways a direction is followed to see what it changes, standard deviations."""
NAMED = 0.3
"""Least change that gives a name, standard deviations of the trait per standard deviation of z."""


WANTED: dict[str, tuple[str, ...]] = {
    "mnist": ("ink", "slant", "width", "height"),
    "svhn": ("brightness", "contrast", "warmth"),
    "celeba": ("smiling", "male", "young", "eyeglasses", "bangs", "blond hair", "brightness"),
}
"""Data set → traits that get a slider of their own."""

LEFT_OUT: dict[str, tuple[str, ...]] = {
    "celeba": (
        "attractive",
        "big lips",
        "big nose",
        "blurry",
        "chubby",
        "double chin",
        "narrow eyes",
        "oval face",
        "pale skin",
        "pointy nose",
    ),
}
"""Data set → traits that no direction is named after: its annotators' opinions of faces."""


class Basis(NamedTuple):
    """Directions at right angles, of length 1."""

    vectors: Tensor  # (n, L)
    names: tuple[str, ...]  # "" where nothing stands out
    effects: Tensor  # (n,) of the trait named, in its standard deviations; 0 without a name


class Directions(NamedTuple):
    """What the sliders of a model move along."""

    principal: Basis  # all L
    traits: Basis  # a few, of traits themselves


def principal_directions(model: WGAN) -> Tensor:
    """Rows v_1, v_2, … (L, L), by falling singular value of the generator's first layer.

    Raises:
        ValueError: the first layer is not linear.
    """
    first = next(iter(model.synthesis.children()))
    if not isinstance(first, nn.Linear):
        raise ValueError(f"expected a linear first layer, got {type(first).__name__}")
    return torch.linalg.svd(first.weight.double(), full_matrices=True).Vh.to(first.weight.dtype)


def measured_traits(images: Tensor) -> dict[str, Tensor]:
    """What can be measured on images (N, C, H, W) in [0, 1] without a classifier, (N,) each."""
    if images.shape[1] == 1:
        return _shape(images[:, 0])
    red, green, blue = images.unbind(1)
    grey = images.mean(1).flatten(1)
    return {
        "brightness": grey.mean(1),
        "contrast": grey.std(1),
        "warmth": (red - blue).flatten(1).mean(1),
        "greenness": (green - 0.5 * (red + blue)).flatten(1).mean(1),
    }


def _shape(ink: Tensor) -> dict[str, Tensor]:
    """Of grey drawings (N, H, W): amount of ink, and the moments of where it lies."""
    mass = ink.flatten(1).sum(1).clamp_min(1e-6)
    rows = torch.arange(ink.shape[1], dtype=ink.dtype, device=ink.device)
    columns = torch.arange(ink.shape[2], dtype=ink.dtype, device=ink.device)

    def mean(values: Tensor) -> Tensor:
        return (ink * values).sum((1, 2)) / mass

    dy = rows[:, None] - mean(rows[:, None].expand_as(ink))[:, None, None]
    dx = columns - mean(columns.expand_as(ink))[:, None, None]
    height, width = mean(dy.square()).clamp_min(1e-6), mean(dx.square()).clamp_min(1e-6)
    return {
        "ink": mass,
        "slant": -mean(dx * dy) / height,  # tan of the lean to the right; rows run downwards
        "width": width.sqrt(),
        "height": height.sqrt(),
    }


def traits(images: Tensor, classifier: Classifier | None) -> dict[str, Tensor]:
    """Traits measured, and as log-odds those that a classifier sees, (N,) each."""
    found = measured_traits(images)
    if classifier is not None:
        logits, names = classifier.head(classifier.features(images)), classifier.classes
        if not classifier.attributes:
            logits = logits.double().log_softmax(1)
            logits = logits - torch.log(-torch.expm1(logits.clamp_max(-1e-12)))
            names = tuple(f"like {name}" for name in names)
        found |= dict(zip(names, logits.to(images).unbind(1), strict=True))
    return found


@torch.no_grad()
def study(
    model: WGAN,
    classifier: Classifier | None = None,
    wanted: tuple[str, ...] = (),
    *,
    left_out: tuple[str, ...] = (),
    seed: int = 0,
    images: int = 300,
    regressed: int = 4000,
) -> Directions:
    """Find and name the directions of a model.

    Args:
        model: in eval mode.
        classifier: of the same data set, for names.
        wanted: traits that get a direction of their own, made to stand at right angles in this
            order.
        left_out: traits that are never named.
        seed: of the latents looked at.
        images: latents from which each direction is followed.
        regressed: latents on which the traits are regressed.
    """
    vectors = principal_directions(model)
    z = model.latents(images, generator(seed)).to(vectors)

    def seen(latents: Tensor) -> dict[str, Tensor]:
        found = traits(_generated(model, latents), classifier)
        return {name: value for name, value in found.items() if name not in left_out}

    spread = {name: value.std().clamp_min(1e-9) for name, value in seen(z).items()}

    def effects(direction: Tensor) -> dict[str, float]:
        up, down = seen(z + REACH * direction), seen(z - REACH * direction)
        return {
            name: ((up[name] - down[name]).mean() / (2 * REACH * spread[name])).item()
            for name in up
        }

    names, strengths, turned = [], [], []
    for direction in vectors:
        moved = effects(direction)
        name = max(moved, key=lambda trait: abs(moved[trait]))
        named = abs(moved[name]) >= NAMED
        names.append(name if named else "")
        strengths.append(abs(moved[name]) if named else 0.0)
        turned.append(-direction if named and moved[name] < 0 else direction)
    principal = Basis(torch.stack(turned), tuple(names), torch.tensor(strengths))

    more = model.latents(regressed, generator(seed + 1)).to(vectors)
    found = seen(more)
    slopes = torch.stack([_slope(more, found[name]) for name in wanted]) if wanted else more[:0]
    own = _at_right_angles(slopes)
    strengths = [effects(v)[name] for v, name in zip(own, wanted, strict=True)]
    return Directions(principal, Basis(own, wanted, torch.tensor(strengths)))


def _generated(model: WGAN, z: Tensor) -> Tensor:
    return torch.cat([model.generate(part) for part in z.split(500)])


def _slope(z: Tensor, trait: Tensor) -> Tensor:
    """Least squares of a trait on z, (L,)."""
    centred = trait - trait.mean()
    return torch.linalg.lstsq(z - z.mean(0), centred[:, None]).solution[:, 0]


def _at_right_angles(slopes: Tensor) -> Tensor:
    """Gram–Schmidt: rows of length 1, each without what those before it have."""
    if not len(slopes):
        return slopes
    q, r = torch.linalg.qr(slopes.T)
    return (q * r.diagonal().sign()).T.contiguous()


def save(found: Directions, path: Path) -> None:
    """Write directions to an `.npz`."""
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(
            file,
            **{
                f"{kind}_{field}": np.asarray(value)
                for kind, basis in found._asdict().items()
                for field, value in basis._asdict().items()
            },
        )


def load(path: Path) -> Directions:
    """Read what `save` wrote."""
    with np.load(path) as file:
        return Directions(*(_basis(file, kind) for kind in Directions._fields))


def _basis(file: Mapping[str, np.ndarray], kind: str) -> Basis:
    return Basis(
        torch.from_numpy(file[f"{kind}_vectors"]),
        tuple(str(name) for name in file[f"{kind}_names"]),
        torch.from_numpy(file[f"{kind}_effects"]),
    )
