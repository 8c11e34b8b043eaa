"""Many small grey pictures in one large one."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

ACROSS, GAP = 12, 2


def sheet(pictures: np.ndarray, across: int = ACROSS, enlarge: int = 2) -> np.ndarray:
    """(n, H, W) uint8 in rows of `across`, every pixel enlarged; uint8 (…, …)."""
    count, height, width = pictures.shape
    down = max(1, -(-count // across))
    cells = np.zeros((down * across, height + GAP, width + GAP), np.uint8)
    cells[:count, :height, :width] = pictures
    grid = cells.reshape(down, across, height + GAP, width + GAP).swapaxes(1, 2)
    flat = grid.reshape(down * (height + GAP), across * (width + GAP))
    return flat.repeat(enlarge, 0).repeat(enlarge, 1)


def as_png(levels: np.ndarray) -> bytes:
    """(H, W) uint8 as a file."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()
