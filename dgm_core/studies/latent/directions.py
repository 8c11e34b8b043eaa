"""Directions in the latent space of a GAN, named after the trait that they change most.

    W = U diag(s) Vᵀ,   the first layer of the generator; z → z + c v_i moves its output by c s_i

The right singular vectors v_i are the closed-form factorisation of Shen & Zhou (2021), and the
principal components of the first layer's outputs for z ~ N(0, I) (GANSpace, Härkönen et al. 2020);
for a linear layer both are the same. They are orthonormal and z has unit variance along each of
them, so almost all latents of the training lie within ±3.

A direction is named after the trait that it changes most, in standard deviations of that trait
over images. Traits are measured on the image (ink, slant, brightness …) or predicted by a
classifier. A direction that changes no trait by 0.3 standard deviations has no name. Directions of
single traits come from a regression of the trait on z.

A name is a promise, so it is checked: the hit rate is the fraction of draws that have the trait at
one end of the direction, and lack it at the other end. A trait below `LEAST_HITS` at either end is
not offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dgm_core.files import written_whole
from dgm_core.models.classifier import Classifier
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator

REACH = 2.0
"""Effects are measured between −REACH and REACH along a direction, in standard deviations."""
NAMED = 0.3
"""Least effect that gives a name, in standard deviations of the trait per standard deviation."""
END = 4.0
"""Hit rates are measured at −END and END, the ends of the sliders in the lab."""
JUDGED = 200
"""Draws on which hit rates are measured."""
LEAST_HITS = 0.75
"""Least hit rate at both ends with which a trait is offered."""

WANTED: dict[str, tuple[str, ...]] = {
    "mnist": ("ink", "slant", "width", "height"),
    "svhn": ("brightness", "contrast", "warmth"),
    "celeba": ("smiling", "male", "young", "eyeglasses", "bangs", "blond hair", "brightness"),
}
"""Data set → traits with a direction of their own."""

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
"""Data set → traits that are never used as names, such as opinions of annotators about faces."""


MEASURED = ("ink", "slant", "width", "height", "brightness", "contrast", "warmth", "greenness")
"""Traits that `measured_traits` measures; all others are predicted by a classifier."""


class Basis(NamedTuple):
    """Orthonormal directions."""

    vectors: Tensor  # (n, L)
    names: tuple[str, ...]  # "" for a direction without a name
    effects: Tensor  # (n,) on the trait named, in its standard deviations; 0 without a name
    hits: Tensor  # (n, 2) hit rates at −END and END; NaN without a name

    @property
    def offered(self) -> list[bool]:
        """Whether the name of each direction keeps its promise at both ends."""
        return (self.hits >= LEAST_HITS).all(1).tolist()


class Directions(NamedTuple):
    """The directions of a model."""

    principal: Basis  # all L
    traits: Basis  # of single traits


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
    """Traits of images (N, C, H, W) in [0, 1] that need no classifier, (N,) each."""
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
    """Amount of ink in grey images (N, H, W), and the second moments of its positions."""
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
    """Measured traits, and log-odds of the traits that a classifier predicts, (N,) each."""
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
    """Compute and name the directions of a model.

    Args:
        model: in eval mode.
        classifier: of the same data set, for names.
        wanted: traits with a direction of their own; they are orthogonalised in this order.
        left_out: traits that are never used.
        seed: of the latents.
        images: number of latents from which the effects of a direction are measured.
        regressed: number of latents in the regression of the traits.
    """
    vectors = principal_directions(model)
    z = model.latents(images, generator(seed)).to(vectors)

    def traits_of(latents: Tensor) -> dict[str, Tensor]:
        values = traits(_generated(model, latents), classifier)
        return {name: value for name, value in values.items() if name not in left_out}

    spread = {name: value.std().clamp_min(1e-9) for name, value in traits_of(z).items()}

    def effects(direction: Tensor) -> dict[str, float]:
        up, down = traits_of(z + REACH * direction), traits_of(z - REACH * direction)
        return {
            name: ((up[name] - down[name]).mean() / (2 * REACH * spread[name])).item()
            for name in up
        }

    names, strengths, oriented = [], [], []
    for direction in vectors:
        effect = effects(direction)
        name = max(effect, key=lambda trait: abs(effect[trait]))
        named = abs(effect[name]) >= NAMED
        names.append(name if named else "")
        strengths.append(abs(effect[name]) if named else 0.0)
        oriented.append(-direction if named and effect[name] < 0 else direction)
    more = model.latents(regressed, generator(seed + 1)).to(vectors)
    values = traits_of(more)
    slopes = torch.stack([_slope(more, values[name]) for name in wanted]) if wanted else more[:0]
    of_traits = _orthonormalised(slopes)
    of_their_own = [effects(v)[name] for v, name in zip(of_traits, wanted, strict=True)]
    found = Directions(
        Basis(torch.stack(oriented), tuple(names), torch.tensor(strengths), _unknown(len(names))),
        Basis(of_traits, wanted, torch.tensor(of_their_own), _unknown(len(wanted))),
    )
    return judged(found, model, classifier, seed=seed + 2)


def _unknown(count: int) -> Tensor:
    return torch.full((count, 2), math.nan)


@torch.no_grad()
def judged(
    found: Directions, model: WGAN, classifier: Classifier | None = None, *, seed: int = 2
) -> Directions:
    """The same directions with their hit rates, on `JUDGED` new draws.

    The coordinate of a draw along the direction is replaced by −END and by END, as a slider does.

    Args:
        found: directions of the model.
        model: in eval mode.
        classifier: the one that named the directions.
        seed: of the draws.
    """
    z = model.latents(JUDGED, generator(seed)).to(found.principal.vectors)
    values = traits(_generated(model, z), classifier)

    def hits(basis: Basis) -> Tensor:
        rates = _unknown(len(basis.names))
        for row, (direction, name) in enumerate(zip(basis.vectors, basis.names, strict=True)):
            if not name:
                continue
            across = z - (z @ direction)[:, None] * direction
            low, high = (
                traits(_generated(model, across + end * direction), classifier)[name]
                for end in (-END, END)
            )
            split = _split(name, values)
            rates[row, 0] = (low <= split).float().mean()
            rates[row, 1] = (high > split).float().mean()
        return rates

    return Directions(*(basis._replace(hits=hits(basis)) for basis in found))


def _split(name: str, values: Mapping[str, Tensor]) -> float:
    """The value above which an image has a trait.

    Predicted traits are log-odds, so it is 0. For measured ones it is the median over draws.
    """
    return values[name].median().item() if name in MEASURED else 0.0


def _generated(model: WGAN, z: Tensor) -> Tensor:
    return torch.cat([model.generate(part) for part in z.split(500)])


def _slope(z: Tensor, trait: Tensor) -> Tensor:
    """Coefficients of the least-squares regression of a trait on z, (L,)."""
    centred = trait - trait.mean()
    return torch.linalg.lstsq(z - z.mean(0), centred[:, None]).solution[:, 0]


def _orthonormalised(slopes: Tensor) -> Tensor:
    """The rows after Gram–Schmidt orthonormalisation."""
    if not len(slopes):
        return slopes
    q, r = torch.linalg.qr(slopes.T)
    return (q * r.diagonal().sign()).T.contiguous()


def save(found: Directions, path: Path) -> None:
    """Write directions to an `.npz` file."""
    arrays: dict[str, Any] = {
        f"{kind}_{field}": np.asarray(value)
        for kind, basis in found._asdict().items()
        for field, value in basis._asdict().items()
    }
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def load(path: Path) -> Directions:
    """Read what `save` wrote."""
    with np.load(path) as file:
        return Directions(*(_basis(file, kind) for kind in Directions._fields))


def _basis(file: Mapping[str, np.ndarray], kind: str) -> Basis:
    return Basis(
        torch.from_numpy(file[f"{kind}_vectors"]),
        tuple(str(name) for name in file[f"{kind}_names"]),
        torch.from_numpy(file[f"{kind}_effects"]),
        torch.from_numpy(file[f"{kind}_hits"]),
    )
