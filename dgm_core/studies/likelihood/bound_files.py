"""Shipped bounds, image by image, with a fingerprint of the model they belong to.

There is one file per model, written by `dgm evaluate likelihood`. It holds the
images that the model generated. Test images are not redistributed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import zoo
from dgm_core.checkout import ASSETS
from dgm_core.files import save_arrays
from dgm_core.mixtures.nonparametric import Family
from dgm_core.studies.likelihood import bounds, gaussian_digits
from dgm_core.studies.likelihood.bounds import Config, Line, Result
from dgm_core.studies.likelihood.upper_bounds import upper_bound
from dgm_core.types import LatentVariableModel

NAMES = (
    gaussian_digits.NAME,
    "mnist-vae-2d",
    "binarized-mnist-vae",
    "mnist-dlvm",
    "digits-dlvm",
)
"""Models whose bounds are shown, if the models are available."""
SETS = ("test", "made")
"""Test images, and images that the model generated."""
COUNT = 20
"""Number of images in a set."""
FOLDER = ASSETS / "bounds"
SHIPPED = Config(chains=16)
"""Settings of the shipped bounds. With fewer chains, AIS estimates its own error poorly."""


class Images(NamedTuple):
    """A set of images, with the latents that generated them if they are known."""

    x: Tensor  # (B, *event)
    latents: Tensor | None = None  # (B, L)


class Measured(NamedTuple):
    """Bounds of a set of images."""

    lines: tuple[Line, ...]
    ess: Tensor  # (B,) of the importance weights for the largest K
    pareto_k: Tensor  # (B,)
    images: Images | None = None  # None: not shipped
    config: Config = SHIPPED


def names() -> list[str]:
    """Names of the available models among `NAMES`."""
    available = zoo.names()
    return [name for name in NAMES if name == gaussian_digits.NAME or name in available]


def load_model(name: str, folder: Path = zoo.FOLDER) -> LatentVariableModel:
    """Load a model by name.

    Raises:
        OSError, ValueError: its file is missing or broken.
    """
    if name == gaussian_digits.NAME:
        return gaussian_digits.load()
    model = zoo.load(name, folder=folder)
    assert isinstance(model, LatentVariableModel)
    return model


def family_of(name: str) -> Family | None:
    """Family of the decoder's Gaussians for `gaussian_digits`; None: given by the likelihood."""
    return Family(*gaussian_digits.CONFIG.floors) if name == gaussian_digits.NAME else None


def images_of(
    name: str, of: str, count: int, model: LatentVariableModel, folder: Path = zoo.FOLDER
) -> Images:
    """First `count` images of the set `of`, a member of `SETS`.

    Raises:
        DataUnavailable: the test images are not on this machine.
    """
    if of == "made":
        return Images(*bounds.generated_images(model, count))
    if name == gaussian_digits.NAME:
        return Images(gaussian_digits.images(count))
    return Images(bounds.images_of(zoo.card(name, folder)["data"], count))


def of_one(measured: Measured, row: int, model: LatentVariableModel, name: str) -> Measured:
    """Bounds of one image.

    The upper bound of `upper_bounds` holds for a set of images. It is computed again for the set
    that consists of this image.
    """
    lines = tuple(
        line._replace(
            mean=each[row].item(),
            error=each_error[row].item(),
            each=each[row : row + 1],
            each_error=each_error[row : row + 1],
        )
        for line in measured.lines
        if (each := line.each) is not None and (each_error := line.each_error) is not None
    )
    upper = [line for line in measured.lines if line.each is None]
    if upper and measured.images is not None:
        of_image = upper_bound(model, measured.images.x[row : row + 1], family_of(name))
        assert of_image is not None  # the set has an upper bound, so each image has one
        lines += (upper[0]._replace(effort=1, mean=of_image.per_point),)
    return measured._replace(
        lines=lines, ess=measured.ess[row : row + 1], pareto_k=measured.pareto_k[row : row + 1]
    )


def up_to(lines: Iterable[Line], draws: int) -> tuple[Line, ...]:
    """The lines without IWAE bounds that need more than `draws` importance samples."""
    return tuple(line for line in lines if line.method != "IWAE" or line.effort <= draws)


def fingerprint(name: str, folder: Path = zoo.FOLDER) -> str:
    """Fingerprint of the model's weights: their hash, or the settings of `gaussian_digits`."""
    if name == gaussian_digits.NAME:
        return json.dumps(asdict(gaussian_digits.CONFIG))
    return zoo.card(name, folder)["sha256"]


def save(
    path: Path, name: str, results: dict[str, tuple[Result, Images]], folder: Path = zoo.FOLDER
) -> None:
    """Write the results and the images of each set."""
    arrays = {"of": np.array(fingerprint(name, folder))}
    for of, (result, images) in results.items():
        arrays[f"{of}/config"] = np.array(json.dumps(asdict(result.config)))
        arrays[f"{of}/ess"] = result.ess.numpy().astype(np.float32)
        arrays[f"{of}/pareto_k"] = result.pareto_k.numpy().astype(np.float32)
        about = [line._replace(each=None, each_error=None) for line in result.lines]
        arrays[f"{of}/lines"] = np.array(json.dumps(about))
        for number, line in enumerate(result.lines):
            if line.each is not None and line.each_error is not None:
                each = torch.stack([line.each, line.each_error])
                arrays[f"{of}/each/{number}"] = each.numpy().astype(np.float32)
        if of == "made":
            integers = bool((images.x == images.x.round()).all())
            arrays[f"{of}/x"] = images.x.numpy().astype(np.uint8 if integers else np.float32)
            assert images.latents is not None  # the model generated these images from them
            arrays[f"{of}/latents"] = images.latents.numpy()
    save_arrays(path, arrays)


def load(name: str, path: Path | None = None, folder: Path = zoo.FOLDER) -> dict[str, Measured]:
    """Read the bounds of each set; empty if the file is missing or belongs to other weights."""
    path = path or FOLDER / f"{name}.npz"
    if not path.is_file():
        return {}
    with np.load(path) as file:
        if str(file["of"]) != fingerprint(name, folder):
            return {}
        return {of: _read(file, of) for of in SETS if f"{of}/lines" in file}


def _read(file: np.lib.npyio.NpzFile, of: str) -> Measured:
    settings = json.loads(str(file[f"{of}/config"]))
    settings["draws"] = tuple(settings["draws"])
    lines = []
    for number, fields in enumerate(json.loads(str(file[f"{of}/lines"]))):
        line = Line(*fields)
        if f"{of}/each/{number}" in file:
            each = torch.from_numpy(file[f"{of}/each/{number}"]).double()
            line = line._replace(each=each[0], each_error=each[1])
        lines.append(line)
    images = None
    if f"{of}/x" in file:
        x = torch.from_numpy(file[f"{of}/x"].astype(np.float32))
        images = Images(x, torch.from_numpy(file[f"{of}/latents"]))
    ess, pareto_k = (
        torch.from_numpy(file[f"{of}/{each}"]).double() for each in ("ess", "pareto_k")
    )
    return Measured(tuple(lines), ess, pareto_k, images, Config(**settings))
