"""Many small grey images in one large image."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

ACROSS, GAP = 12, 2


def sheet(images: np.ndarray, across: int = ACROSS, enlarge: int = 2) -> np.ndarray:
    """Images (n, H, W) uint8 in rows of `across`, enlarged; one image (…, …) uint8."""
    count, height, width = images.shape
    down = max(1, -(-count // across))
    cells = np.zeros((down * across, height + GAP, width + GAP), np.uint8)
    cells[:count, :height, :width] = images
    grid = cells.reshape(down, across, height + GAP, width + GAP).swapaxes(1, 2)
    flat = grid.reshape(down * (height + GAP), across * (width + GAP))
    return flat.repeat(enlarge, 0).repeat(enlarge, 1)


def as_png(levels: np.ndarray) -> bytes:
    """An image (H, W) uint8 as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()
