"""Latents and their images as files: PNG, GIF, JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ui.latent.position import rounded

LARGE = 384
"""Height and width of a downloaded image, in pixels, approximately."""


def enlarged(image: np.ndarray, side: int = LARGE) -> Image.Image:
    """An image uint8 (C, H, W) enlarged to about `side` pixels.

    Grey images (C = 1) keep square pixels; colour images (C = 3) are interpolated.
    """
    channels, height, width = image.shape
    factor = max(1, round(side / height))
    small = Image.fromarray(image[0] if channels == 1 else image.transpose(1, 2, 0))
    method = Image.Resampling.NEAREST if channels == 1 else Image.Resampling.BICUBIC
    return small.resize((width * factor, height * factor), method)


def png(image: np.ndarray, side: int = LARGE) -> bytes:
    """An image uint8 (C, H, W) as PNG."""
    file = io.BytesIO()
    enlarged(image, side).save(file, "PNG")
    return file.getvalue()


def gif(tracks: Sequence[np.ndarray], seconds: float, side: int = 192) -> bytes:
    """Tracks uint8 (T, C, H, W) side by side, forwards and backwards, in an endless loop."""
    frames = []
    for images in zip(*tracks, strict=True):
        tiles = [enlarged(image, side).convert("RGB") for image in images]
        width, height = tiles[0].size
        sheet = Image.new("RGB", (len(tiles) * (width + 8) - 8, height), "white")
        for number, tile in enumerate(tiles):
            sheet.paste(tile, (number * (width + 8), 0))
        frames.append(sheet)
    frames += frames[-2:0:-1]
    file = io.BytesIO()
    milliseconds = max(20, round(1000 * seconds / len(frames)))
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0
    )
    return file.getvalue()


def as_json(model: str, z: np.ndarray) -> str:
    """A latent and the name of its model as JSON."""
    return json.dumps({"model": model, "z": [round(float(each), 5) for each in z]}, indent=1)


def from_json(text: str, model: str, latent_dim: int) -> np.ndarray:
    """The latent in a file that `as_json` wrote, float32 (L,).

    Raises:
        ValueError: the text is not a latent, or a latent of another model; says which.
    """
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("This is not the JSON file of a latent.") from error
    if not isinstance(content, dict) or not isinstance(content.get("z"), list):
        raise ValueError("This JSON file contains no latent: it has no list “z”.")
    if (other := content.get("model")) != model:
        if not isinstance(other, str) or not other.isprintable():
            other = "another model"
        raise ValueError(f"This latent belongs to {other:.40}, not to {model}.")
    numbers = [each for each in content["z"] if type(each) in (int, float)]
    complete = len(numbers) == len(content["z"]) == latent_dim
    if not complete or not all(abs(each) <= sys.float_info.max for each in numbers):
        raise ValueError(
            f"A latent of {model} has {latent_dim} finite numbers. This one does not."
        )
    return rounded(np.array(numbers, np.float64))
