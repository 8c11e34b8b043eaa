"""Small grey images in one large image, sent once and shown by other components of the page.

Streamlit sends all data of a component again whenever a part of it changes. Thousands of images
are too much for that, so a separate invisible component holds them: as long as they do not change,
a rerun sends only a reference to them."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "sheets")


@dataclass(frozen=True)
class Sheet:
    """Images of one size, row by row in one PNG; hashable."""

    png: bytes
    count: int
    columns: int
    height: int
    width: int
    """Width of one picture in pixels, as `height`."""

    @property
    def name(self) -> str:
        """Hash of the content: two sheets with one name show the same images."""
        return hashlib.sha256(self.png).hexdigest()[:24]


def sheet_of(pictures: np.ndarray) -> Sheet:
    """Encode images; this takes a few tenths of a second for 5,000 of 28×28, so keep the result.

    Args:
        pictures: (N, H, W) uint8, grey.

    Raises:
        ValueError: another shape or type, or no image.

    Example:
        >>> sheet = sheet_of(np.zeros((5, 28, 28), np.uint8))
        >>> sheet.count, sheet.columns
        (5, 3)
    """
    if pictures.ndim != 3 or pictures.dtype != np.uint8 or 0 in pictures.shape:
        raise ValueError(
            "expected pictures of shape (N, H, W) and type uint8, "
            f"got {pictures.shape} and {pictures.dtype}"
        )
    count, height, width = pictures.shape
    columns = math.ceil(math.sqrt(count * height / width))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height, width), np.uint8)
    cells[:count] = pictures
    grid = cells.reshape(rows, columns, height, width).swapaxes(1, 2)
    file = io.BytesIO()
    Image.fromarray(grid.reshape(rows * height, columns * width)).save(file, "PNG")
    return Sheet(file.getvalue(), count, columns, height, width)


def picture_sheet(key: str, sheet: Sheet) -> None:
    """Put the sheet on the page, where other components find it by its name."""
    url = f"data:image/png;base64,{base64.b64encode(sheet.png).decode('ascii')}"
    _COMPONENT(key=key, data={"name": sheet.name, "url": url})
