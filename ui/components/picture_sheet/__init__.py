"""Small grey pictures in one large one, sent once and shown by other components of the page.

What a component is given is sent again whenever any of it changes. Thousands of pictures are too
much for that, so they are mounted beside it, as a component that shows nothing: for as long as
they stay the same, a rerun sends a reference to them.
"""

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
    """Pictures of one size, row by row in one PNG; hashable, and as cheap to keep as its file."""

    png: bytes
    count: int
    columns: int
    height: int
    width: int
    """Of one picture, as `height`."""

    @property
    def name(self) -> str:
        """Of its content: two sheets of one name show the same."""
        return hashlib.sha256(self.png).hexdigest()[:24]


def sheet_of(pictures: np.ndarray) -> Sheet:
    """Encode pictures; a few tenths of a second for 5,000 of 28×28, so keep the result.

    Args:
        pictures: (N, H, W) uint8, grey.

    Raises:
        ValueError: another shape or type, or nothing to show.

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
    """Hand the sheet to the page, where other components find it by its name."""
    url = f"data:image/png;base64,{base64.b64encode(sheet.png).decode('ascii')}"
    _COMPONENT(key=key, data={"name": sheet.name, "url": url})
