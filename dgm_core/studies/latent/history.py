"""The training history of a WGAN: snapshots that are small enough to be shipped.

Each snapshot has the images of the same 25 latents, five by five, by the averaged weights at one
iteration, and the Fréchet distance of 2,000 images at that iteration in classifier features.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dgm_core.files import written_whole
from dgm_core.models.wgan import WGAN
from dgm_core.studies.progress import Frame
from dgm_core.training.gan_reference import IMAGES, SIDE, Reference, generated_images, sheet


class History(NamedTuple):
    """Snapshots of a training, from the first to the last."""

    iterations: list[int]
    frechet: list[float]  # in features of this project's classifier, not of Inception
    sheets: list[bytes]  # JPEGs of five by five images


def run(
    model: WGAN, snapshots: Mapping[int, Path], reference: Reference
) -> Iterator[Frame | History]:
    """Draw and measure each snapshot; the `History` comes last.

    Args:
        model: of the same architecture; it gets the weights of the last snapshot.
        snapshots: iteration → file with the weights of the synthesis.
        reference: real images, with which the generated ones are compared.

    Raises:
        ValueError: there are no snapshots.
    """
    if not snapshots:
        raise ValueError("expected snapshots in the run folder, got none; train with it first")
    history = History([], [], [])
    for number, (iteration, path) in enumerate(sorted(snapshots.items())):
        yield Frame(f"iteration {iteration}", number / len(snapshots))
        model.synthesis.load_state_dict(torch.load(path, weights_only=True))
        images = generated_images(model.eval(), IMAGES)
        history.iterations.append(iteration)
        history.frechet.append(reference.frechet(images))
        history.sheets.append(jpeg(sheet(images[: SIDE**2])))
    yield history


def jpeg(pixels: Tensor) -> bytes:
    """Pixels uint8 (H, W, 1 or 3) as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(2).numpy()).save(file, "JPEG", quality=90)
    return file.getvalue()


def save(history: History, path: Path) -> None:
    """Write a history to an `.npz`."""
    lengths = [len(each) for each in history.sheets]
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(
            file,
            iteration=np.array(history.iterations),
            frechet=np.array(history.frechet),
            jpeg=np.frombuffer(b"".join(history.sheets), np.uint8),
            offsets=np.cumsum([0, *lengths]),
        )


def load(path: Path) -> History:
    """Read what `save` wrote."""
    with np.load(path) as file:
        pixels, offsets = file["jpeg"].tobytes(), file["offsets"].tolist()
        return History(
            file["iteration"].tolist(),
            file["frechet"].tolist(),
            [pixels[a:b] for a, b in pairwise(offsets)],
        )
