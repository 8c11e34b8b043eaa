"""Uploads → checked arrays: a picture becomes grey levels, a photograph, a digit or a mask.

Nothing in a file is trusted. Its size, its kind, and the width and height in its header are
checked before a pixel is decoded, and one upload is decoded at a time. Every problem is a
`BadUpload` with a message for the visitor. The limits below keep the memory for any upload under
300 MB.

| kind          | largest             | because one pixel costs, while it is decoded              |
|---------------|---------------------|-----------------------------------------------------------|
| PNG, GIF, BMP | 16 million pixels   | up to 12 bytes: as read, as RGBA, and again to average it |
| JPEG          | 25 million pixels   | up to 8 bytes: all coefficients of a progressive file     |
| WebP          | 12.5 million pixels | up to 16 bytes: the decoder's canvases and two copies     |
"""

from __future__ import annotations

import math
import re
import struct
import threading
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from scipy import ndimage

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_BYTES = 5 * 2**20
MAX_PIXELS = {"PNG": 16e6, "GIF": 16e6, "BMP": 16e6, "JPEG": 25e6, "MPO": 25e6, "WEBP": 12.5e6}
MIN_SIDE, MAX_SIDE, MAX_ASPECT = 8, 10_000, 20
WORKING_SIDE = 1024
"""Larger pictures are reduced to at most this many pixels per side, by averaging."""

Mode = Literal["L", "RGB"]

_MAX_PNG_CHUNKS, _MAX_PNG_NOTES = 10_000, 8
_MAX_JPEG_MARKERS, _MAX_JPEG_SCANS = 6_000, 120
_MIN_CONTRAST = 30.0  # grey levels of 255 between ink and paper
_ONE_AT_A_TIME = threading.Lock()

_SAVE_AS = "Please save it as PNG or JPEG and upload it again."
_DAMAGED = f"is damaged or incomplete and cannot be opened. {_SAVE_AS}"
_TOO_MUCH = f"contains too much data besides the picture. {_SAVE_AS}"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadUpload(ValueError):
    """An upload that cannot be used; the message is for the visitor."""


def read_picture(content: bytes, name: str = "") -> np.ndarray:
    """The grey levels of an uploaded picture, upright, on white paper.

    Of an animation the first frame is used; transparent parts become white; 16-bit levels are
    scaled to 8 bits; a picture with more than `WORKING_SIDE` pixels per side is reduced by
    averaging.

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


def _read(content: bytes, name: str, mode: Mode) -> np.ndarray:
    try:
        with _ONE_AT_A_TIME:
            return _decode(content, mode)
    except BadUpload as error:
        raise BadUpload(f"{_called(name)} {error}") from error.__cause__


def _decode(content: bytes, mode: Mode) -> np.ndarray:
    if not content:
        raise BadUpload(f"is empty. {_SAVE_AS}")
    if len(content) > MAX_BYTES:
        raise BadUpload(
            f"has {len(content) / 2**20:.1f} MB; the limit is {MAX_BYTES / 2**20:.0f} MB. "
            "Please reduce its size or save it as JPEG."
        )
    _check_containers(content)
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(image.format or "PNG", *image.size)
            fit = WORKING_SIDE / max(image.size)
            image.draft(mode, (math.ceil(image.width * fit), math.ceil(image.height * fit)))
            image.load()
            turn = _TURNS.get(_orientation(image))
            small = _small(image, mode)
        return np.array(small if turn is None else small.transpose(turn))
    except BadUpload:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadUpload("has far too many pixels. Please reduce its size.") from error
    except UnidentifiedImageError as error:
        known = content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"))
        what = _DAMAGED if known else f"is {_what_it_is(content)}. {_SAVE_AS}"
        raise BadUpload(what) from error
    except Exception as error:  # decoders raise nearly anything for a damaged file
        # Pillow words its own limit on the texts inside a PNG "… too large"
        raise BadUpload(_TOO_MUCH if "too large" in str(error) else _DAMAGED) from error


def _check_size(kind: str, width: int, height: int) -> None:
    size = f"is {width} × {height} pixels"
    if min(width, height) < MIN_SIDE and max(width, height) <= MAX_SIDE:
        raise BadUpload(f"{size}; each side needs at least {MIN_SIDE} pixels.")
    if max(width, height) > MAX_SIDE:
        raise BadUpload(
            f"{size}; a side may have at most {MAX_SIDE:,} pixels. Please reduce its size."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadUpload(f"{size}, which is too narrow. Please crop it.")
    if width * height > MAX_PIXELS[kind]:
        raise BadUpload(
            f"{size}; the limit is {MAX_PIXELS[kind] / 1e6:g} million pixels for "
            f"{'JPEG' if kind == 'MPO' else kind}. Please reduce its size."
        )


def _check_containers(content: bytes) -> None:
    """Refuse files that need memory or time before Pillow knows their size, or besides it."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        chunks = notes = 0
        at = 8
        while at + 8 <= len(content):
            length, kind = struct.unpack_from(">I4s", content, at)
            at += 12 + length
            chunks += 1
            notes += kind in (b"zTXt", b"iTXt")
        if chunks > _MAX_PNG_CHUNKS or notes > _MAX_PNG_NOTES:
            raise BadUpload(_TOO_MUCH)
    elif content.startswith(b"\xff\xd8"):
        markers = sum(1 for _ in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", content))
        if markers > _MAX_JPEG_MARKERS or content.count(b"\xff\xda") > _MAX_JPEG_SCANS:
            raise BadUpload(_TOO_MUCH)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        size = _webp_size(content)  # Pillow allocates its canvases when it opens the file
        if size is None:
            raise BadUpload(_DAMAGED)
        _check_size("WEBP", *size)


def _webp_size(content: bytes) -> tuple[int, int] | None:
    """Canvas (width, height) from a WebP header; None if the header is damaged."""
    kind = content[12:16]
    if len(content) < 30:
        return None
    if kind == b"VP8X":
        return (
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _what_it_is(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    signs = {
        "a PDF document": start.startswith(b"%pdf"),
        "a PostScript file": start.startswith((b"%!ps", b"\xc5\xd0\xd3\xc6")),
        "an SVG drawing": b"<svg" in start,
        "a TIFF picture, which is not supported": content.startswith((b"II*\0", b"MM\0*")),
        "a HEIC or AVIF picture, which is not supported": content[4:8] == b"ftyp",
        "a web page or XML text, not a picture": start.startswith(b"<"),
        "a ZIP archive, not a picture": content.startswith(b"PK\x03\x04"),
        "text, not a picture": b"\0" not in content[:1024] and start.isascii(),
    }
    return next(
        (what for what, is_it in signs.items() if is_it), "not a picture in a supported format"
    )


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged camera data do not matter
        return 1


def _small(image: Image.Image, mode: Mode) -> Image.Image:
    """A picture of any mode → `mode`, at most `WORKING_SIDE` per side; transparent = white."""
    factor = math.ceil(max(image.size) / WORKING_SIDE)
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.clip(np.asarray(image), 0, 65535)
        image = Image.fromarray((levels // 256).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(_full_range(np.asarray(image)))
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        clear = clear.reduce(factor)
        paper = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(paper, clear).convert(mode)
    return (image if image.mode == mode else image.convert(mode)).reduce(factor)


def _full_range(values: np.ndarray) -> np.ndarray:
    """Floats of any range → uint8: smallest finite value 0, largest 255, NaN as the smallest."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    filled = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    span = high - low
    return np.rint((filled - low) * (255 / span if span > 0 else 0.0)).astype(np.uint8)


def _otsu(levels: np.ndarray) -> float:
    """Otsu's threshold of values in [0, 255]: the split with the largest variance between."""
    counts = np.bincount(np.clip(np.rint(levels), 0, 255).astype(int).ravel(), minlength=256)
    share = np.cumsum(counts / counts.sum())[:-1]
    first_moment = np.cumsum(np.arange(256) * counts / counts.sum())
    spread = share * (1 - share)
    gap = first_moment[-1] * share - first_moment[:-1]
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
