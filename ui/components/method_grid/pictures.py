"""Images of a method grid as PNG data URLs; each array is encoded once.

Means are sent whole. For draws and parts, only the hidden pixels are sent: a strip with one row
per draw and one column per hidden pixel in reading order. The browser knows the other pixels, and
similar rows compress well."""

from __future__ import annotations

import base64
import io
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from PIL import Image

from ui.components import SD_MAX

ZERO = 127
"""Grey level of 0 in an image of signed values; the largest values ± are 0 and 254."""

_KEPT: dict[tuple[int, Hashable], tuple[weakref.ref[np.ndarray], Any]] = {}


def mean_picture(mean: np.ndarray) -> str:
    """A mean (C, H, W) in [0, 1], in its own size."""
    return _once(mean, "mean", lambda: png(_levels(mean).transpose(1, 2, 0)))


def sd_picture(sd: np.ndarray) -> str:
    """Standard deviations (C, H, W) as grey levels: their root mean square over the channels."""

    def encode() -> str:
        return png(_levels(np.sqrt(np.square(sd).mean(0)) / SD_MAX)[..., None])

    return _once(sd, "sd", encode)


def draws_strip(draws: np.ndarray, hidden: np.ndarray, most: int) -> dict[str, Any] | None:
    """The hidden pixels of the first `most` draws (n, C, H, W); None if no pixel is hidden."""

    def encode() -> dict[str, Any]:
        return _strip(_levels(draws[:most]), hidden)

    return _once(draws, (most, hidden.tobytes()), encode) if hidden.any() and len(draws) else None


def part_strip(
    name: str, part: np.ndarray, hidden: np.ndarray, most: int
) -> dict[str, Any] | None:
    """The hidden pixels of images (n, C, H, W) of any scale, and that scale.

    Values of both signs have a scale from −limit to limit, others from 0 to limit.
    """

    def encode() -> dict[str, Any]:
        values = np.nan_to_num(part[:most], posinf=0.0, neginf=0.0)
        shown = values[..., hidden]
        limit = float(np.abs(shown).max()) or 1.0
        signed = bool(shown.min() < 0)
        scaled = np.clip(values / limit, -1.0, 1.0)
        levels = np.rint(ZERO + ZERO * scaled if signed else 255 * scaled).astype(np.uint8)
        return _strip(levels, hidden) | {"name": name, "limit": limit, "signed": signed}

    return _once(part, (most, hidden.tobytes()), encode) if hidden.any() and len(part) else None


def png(levels: np.ndarray) -> str:
    """Levels (H, W, 1) or (H, W, 3), uint8, as a data URL."""
    file = io.BytesIO()
    grey = levels.shape[2] == 1
    Image.fromarray(np.ascontiguousarray(levels[..., 0] if grey else levels)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _strip(levels: np.ndarray, hidden: np.ndarray) -> dict[str, Any]:
    """Levels (n, C, H, W) → one row per image, one column per hidden pixel."""
    return {"strip": png(levels[..., hidden].transpose(0, 2, 1)), "count": len(levels)}


def _levels(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as the nearest of 256 levels, clipped to the range."""
    return np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * 255).astype(np.uint8)


def _once(array: np.ndarray, how: Hashable, encode: Callable[[], Any]) -> Any:
    """`encode()`, remembered until `array` is gone."""
    key = (id(array), how)
    kept = _KEPT.get(key)
    if kept is None or kept[0]() is not array:
        kept = (weakref.ref(array, lambda _: _KEPT.pop(key, None)), encode())
        _KEPT[key] = kept
    return kept[1]
