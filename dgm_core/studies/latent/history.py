"""How a WGAN's images came about: the snapshots of its training, small enough to be shipped.

Each is the same 25 latents, five by five, as the averaged weights drew them at one iteration, and
the Fréchet distance of 2,000 images at that iteration, in the features of `gan_quality`.
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
from dgm_core.training.gan_reference import IMAGES, SIDE, Reference, made, sheet


class History(NamedTuple):
    """Snapshots from the beginning of a training to its end."""

    iterations: list[int]
    frechet: list[float]  # not of Inception's features
    sheets: list[bytes]  # JPEGs of five by five images


def run(
    model: WGAN, snapshots: Mapping[int, Path], reference: Reference
) -> Iterator[Frame | History]:
    """Draw and measure each snapshot; the `History` comes last.

    Args:
        model: of the architecture trained; it will hold the weights of the last snapshot.
        snapshots: files with the weights of the synthesis, by iteration.
        reference: what the images are held against.

    Raises:
        ValueError: there are no snapshots.
    """
    if not snapshots:
        raise ValueError("there are no snapshots in the run folder; train with it first")
    history = History([], [], [])
    for place, (iteration, path) in enumerate(sorted(snapshots.items())):
        yield Frame(f"iteration {iteration}", place / len(snapshots))
        model.synthesis.load_state_dict(torch.load(path, weights_only=True))
        images = made(model.eval(), IMAGES)
        history.iterations.append(iteration)
        history.frechet.append(reference.frechet(images))
        history.sheets.append(jpeg(sheet(images[: SIDE**2])))
    yield history


def jpeg(pixels: Tensor) -> bytes:
    """(H, W, 1 or 3) bytes as a JPEG."""
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
