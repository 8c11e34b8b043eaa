"""Latents and their pictures as files: PNG, GIF, JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ui.latent.position import rounded

LARGE = 384
"""Pixels a side of a downloaded picture, about."""


def enlarged(picture: np.ndarray, side: int = LARGE) -> Image.Image:
    """uint8 (C, H, W), C = 1 or 3 → about `side` pixels; digits in blocks, colours smoothly."""
    channels, height, width = picture.shape
    factor = max(1, round(side / height))
    image = Image.fromarray(picture[0] if channels == 1 else picture.transpose(1, 2, 0))
    kind = Image.Resampling.NEAREST if channels == 1 else Image.Resampling.BICUBIC
    return image.resize((width * factor, height * factor), kind)


def png(picture: np.ndarray, side: int = LARGE) -> bytes:
    """A picture (C, H, W) as PNG."""
    file = io.BytesIO()
    enlarged(picture, side).save(file, "PNG")
    return file.getvalue()


def gif(tracks: Sequence[np.ndarray], seconds: float, side: int = 192) -> bytes:
    """Tracks uint8 (T, C, H, W) side by side, there and back, without end."""
    frames = []
    for pictures in zip(*tracks, strict=True):
        tiles = [enlarged(picture, side).convert("RGB") for picture in pictures]
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
    """A latent with the model that it belongs to."""
    return json.dumps({"model": model, "z": [round(float(each), 5) for each in z]}, indent=1)


def from_json(text: str, model: str, latent_dim: int) -> np.ndarray:
    """The latent in a file that `as_json` wrote, float32 (L,).

    Raises:
        ValueError: no such file, another model's, or not L finite numbers; says which.
    """
    try:
        held: Any = json.loads(text)
    except ValueError as error:
        raise ValueError("This is not a JSON file of a latent.") from error
    if not isinstance(held, dict) or not isinstance(held.get("z"), list):
        raise ValueError("This JSON file holds no latent: it has no list “z”.")
    if held.get("model") != model:
        raise ValueError(f"This latent belongs to {held.get('model')!s:.40}, not to {model}.")
    numbers = [each for each in held["z"] if type(each) in (int, float)]
    whole = len(numbers) == len(held["z"]) == latent_dim
    if not whole or not all(abs(each) < math.inf for each in numbers):
        raise ValueError(f"A latent of {model} has {latent_dim} finite numbers; this has not.")
    return rounded(np.array(numbers, np.float64))
