"""Uploads → checked arrays: a picture becomes grey levels, a photograph, a digit or a mask.

Files of strangers are decoded in child processes with a limit of memory and time (`ui.decoding`
says what else is checked). Every problem is a `BadUpload` with a message for the visitor.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image
from scipy import ndimage

from dgm_core.child_process import ChildFailed, OutOfMemory, OutOfTime, Pool
from ui import decoding
from ui.decoding import BadUpload
from ui.script_run import in_child

MEMORY = 320 * 2**20
"""Bytes that a child may need to decode one picture."""
SECONDS = 6.0
"""Time limit for decoding one picture; an accepted one takes about 1 s of an idle core."""

_MIN_CONTRAST = 30.0  # grey levels of 255 between ink and paper
_POOL = Pool(2)


def read_picture(content: bytes, name: str = "") -> np.ndarray:
    """The grey levels of an uploaded picture, upright, on white paper.

    The first frame of an animation is used; transparent parts become white; 16-bit levels are
    scaled to 8 bits; a larger picture is reduced to at most `decoding.WORKING_SIDE` pixels per
    side, by averaging.

    Args:
        content: the bytes of a PNG, JPEG, GIF, BMP or WebP file.
        name: of the file, for the message.

    Returns:
        (H, W) uint8, 0 = black, 255 = white.

    Raises:
        BadUpload: the file is not a complete picture within the limits.
    """
    return _read(content, name, "L")


def read_photo(content: bytes, name: str = "") -> np.ndarray:
    """The colours of an uploaded photograph, upright; grey becomes three equal channels.

    Otherwise as `read_picture`: frames, transparency, sizes, errors.

    Returns:
        (H, W, 3) uint8.
    """
    return _read(content, name, "RGB")


def square_from_photo(
    photo: np.ndarray,
    centre_x: float = 0.5,
    centre_y: float = 0.5,
    size: float = 1.0,
    side: int = 64,
) -> np.ndarray:
    """A square of a photograph, resized to side × side pixels by Lanczos' filter.

    A square that extends beyond the photograph is moved inside. Its edges may lie between pixels.

    Args:
        photo: (H, W, 3) uint8.
        centre_x: of the square, as a fraction of the photograph's width.
        centre_y: of the square, as a fraction of the photograph's height.
        size: its side, as a fraction of the photograph's shorter side; more than 0, at most 1.
        side: pixels of the result.

    Returns:
        (side, side, 3) uint8.

    Raises:
        ValueError: the photograph or the square has another form.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"expected uint8 (H, W, 3), got {photo.dtype} {photo.shape}")
    if not (0 < size <= 1 and math.isfinite(centre_x) and math.isfinite(centre_y)):
        raise ValueError(f"expected 0 < size ≤ 1 and a centre, got {size, centre_x, centre_y}")
    height, width, _ = photo.shape
    length = max(1.0, size * min(height, width))
    left = min(max(centre_x * width - length / 2, 0.0), width - length)
    top = min(max(centre_y * height - length / 2, 0.0), height - length)
    square = (left, top, min(left + length, width), min(top + length, height))
    picture = Image.fromarray(np.ascontiguousarray(photo))
    return np.array(picture.resize((side, side), Image.Resampling.LANCZOS, box=square))


def digit_from_picture(grey: np.ndarray, invert: bool | None = None) -> np.ndarray:
    """A drawing laid out as MNIST lays out its digits.

    Ink is what stands out from the paper (Otsu's threshold, without specks). Its bounding box is
    scaled to fit 20×20 pixels, with the same aspect ratio, and its centre of mass is placed at the
    centre of 28×28. A picture of 28×28 pixels is inverted where needed, but never moved.

    Args:
        grey: (H, W) uint8.
        invert: True: dark ink on light paper; False: light ink on dark paper; None: decided by
            the median of the picture's border.

    Returns:
        (28, 28) float32 in [0, 1], ink = 1.

    Raises:
        BadUpload: nothing stands out from the paper.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    if invert is None:
        invert = paper > _otsu(grey)
    above_paper = (paper - grey) if invert else (grey - paper)
    ink = _ink(above_paper)
    if grey.shape == (28, 28):
        return ((255 - grey) if invert else grey).astype(np.float32) / 255
    return laid_out(ink, 28)


def laid_out(ink: np.ndarray, side: int) -> np.ndarray:
    """Ink placed as in MNIST, on side × side pixels.

    The bounding box is scaled to fit 20/28 of the side, with the same aspect ratio. The centre of
    mass is placed half a pixel of MNIST to the right of and below the centre, where it is for
    MNIST's digits: at index 14.0 ± 0.5 of 0…27. Ink that would extend beyond is moved inside.

    Args:
        ink: (H, W) in [0, 1], some of it above 0.
        side: pixels of the result, 28 or a multiple of it.

    Returns:
        (side, side) float32 in [0, 1], ink = 1.
    """
    small = _resized(_cropped(ink), side * 20 // 28)
    small /= small.max()
    top, left = corner(small, side)
    height, width = small.shape
    digit = np.zeros((side, side), np.float32)
    digit[top : top + height, left : left + width] = small
    return digit


def corner(ink: np.ndarray, side: int) -> tuple[int, int]:
    """Row and column of the top left corner of a box of ink (H, W); see `laid_out`."""
    middle = 14.5 * side / 28 - 0.5
    top, left = (
        int(np.clip(round(middle - mass @ np.arange(len(mass)) / mass.sum()), 0, side - len(mass)))
        for mass in (ink.sum(1), ink.sum(0))
    )
    return top, left


def mask_from_picture(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask from a picture: bright (above one half) = hidden, dark = observed.

    A picture of another size is resized to (height, width) by nearest neighbours, whatever its
    aspect ratio. Masks that hide everything or nothing are allowed here.

    Args:
        grey: (H, W) uint8.
        height: rows of the mask, in pixels.
        width: columns of the mask, in pixels.

    Returns:
        (height, width) bool, True = hidden.
    """
    rows = ((np.arange(height) + 0.5) * (grey.shape[0] / height)).astype(int)
    columns = ((np.arange(width) + 0.5) * (grey.shape[1] / width)).astype(int)
    return grey[np.ix_(rows, columns)] > 127


def _called(name: str) -> str:
    """The file name, without mark-up and control characters."""
    tame = "".join(c if c.isalnum() or c in ".-_" else " " for c in name[:200])
    tame = " ".join(tame.split())
    if len(tame) > 40:
        tame = f"{tame[:25]}…{tame[-14:]}"
    return f"“{tame}”" if tame else "This file"


def _read(content: bytes, name: str, mode: decoding.Mode) -> np.ndarray:
    try:
        return in_child(_POOL, decoding.decode, content, mode, memory=MEMORY, seconds=SECONDS)
    except BadUpload as error:
        problem = str(error)
    except (OutOfMemory, OutOfTime):
        problem = decoding.TOO_MUCH_WORK
    except ChildFailed:  # the decoder crashed
        problem = decoding.DAMAGED
    raise BadUpload(f"{_called(name)} {problem}")


def _otsu(levels: np.ndarray) -> float:
    """Otsu's threshold of values in [0, 255]: the split with the largest variance between."""
    counts = np.bincount(np.clip(np.rint(levels), 0, 255).astype(int).ravel(), minlength=256)
    fraction = np.cumsum(counts / counts.sum())[:-1]
    first_moment = np.cumsum(np.arange(256) * counts / counts.sum())
    spread = fraction * (1 - fraction)
    gap = first_moment[-1] * fraction - first_moment[:-1]
    between = np.divide(gap**2, spread, out=np.zeros_like(gap), where=spread > 1e-12)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(best.mean()) + 0.5


def _ink(above_paper: np.ndarray) -> np.ndarray:
    """Levels above the paper (H, W) → ink (H, W) in [0, 1], 0 outside the strokes.

    A stroke has pixels above Otsu's threshold, and continues in fainter pixels down to half of it.
    Connected parts smaller than a twentieth of the largest are dropped. The paper's noise (three
    robust standard deviations) counts as no ink, the 95th percentile of the strokes as full ink.
    """
    threshold = _otsu(above_paper)
    strong = above_paper > threshold
    nothing = BadUpload(
        "No writing was found in this picture: nothing stands out from its background."
    )
    if not strong.any():
        raise nothing
    paper = above_paper[~strong]
    if above_paper[strong].mean() - paper.mean() < _MIN_CONTRAST:
        raise nothing
    noise = 1.4826 * float(np.median(np.abs(paper - np.median(paper))))
    weak = above_paper > min(max(threshold / 2, 5 * noise), threshold)
    parts, _ = ndimage.label(weak, structure=np.ones((3, 3)))
    areas = np.bincount(parts[strong], minlength=parts.max() + 1)
    if areas.max() < 1e-4 * strong.size:
        raise nothing
    kept = (areas >= areas.max() / 20)[parts] & weak
    none, full = min(3 * noise, threshold), float(np.percentile(above_paper[kept & strong], 95))
    level = np.clip((above_paper - none) / (full - none), 0, 1)
    near = ndimage.binary_dilation(kept, structure=np.ones((3, 3)))  # soft edges of the strokes
    return np.where(near, level, 0)


def _cropped(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink: np.ndarray, side: int) -> np.ndarray:
    """Ink (H, W) scaled to `side` pixels on its longer side; values stay in [0, 1]."""
    scale = side / max(ink.shape)
    height, width = (max(1, round(length * scale)) for length in ink.shape)
    picture = Image.fromarray(ink.astype(np.float32))
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(resized), 0, 1)
