"""Bytes of an uploaded picture → levels. This runs in a child process, see `ui.intake`.

Nothing in a file is trusted. Its size, its kind, and the width and height in its header are
checked before a pixel is decoded. So is the work that it asks for: a progressive JPEG is decoded
once per scan. Every problem is a `BadUpload` with the end of a sentence for the visitor. The
limits below keep the memory for any upload under 300 MB.

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
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_BYTES = 5 * 2**20
MAX_PIXELS = {"PNG": 16e6, "GIF": 16e6, "BMP": 16e6, "JPEG": 25e6, "MPO": 25e6, "WEBP": 12.5e6}
MAX_SCANNED = 450e6
"""Scans × pixels of a JPEG, 18 × 25 million: libjpeg writes 10 scans for colours, 18 for CMYK."""
MIN_SIDE, MAX_SIDE, MAX_ASPECT = 8, 10_000, 20
WORKING_SIDE = 1024
"""Larger pictures are reduced to at most this many pixels per side, by averaging."""

Mode = Literal["L", "RGB"]

_MAX_PNG_CHUNKS, _MAX_PNG_NOTES = 10_000, 8
_MAX_JPEG_STEPS = 6_000
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SAVE_AS = "Please save it as PNG or JPEG and upload it again."
DAMAGED = f"is damaged or incomplete and cannot be opened. {_SAVE_AS}"
TOO_MUCH_WORK = f"takes too long or too much memory to decode. {_SAVE_AS}"
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


def decode(content: bytes, mode: Mode) -> np.ndarray:
    """The levels of a picture, upright, at most `WORKING_SIDE` pixels per side.

    Args:
        content: the bytes of a file.
        mode: grey or colour.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        BadUpload: the file is not a complete picture within the limits; the message continues a
            sentence that begins with the name of the file.
    """
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
            if image.format in ("JPEG", "MPO"):
                _check_scans(content, image.width * image.height)
            fit = WORKING_SIDE / max(image.size)
            image.draft(mode, (math.ceil(image.width * fit), math.ceil(image.height * fit)))
            image.load()
            turn = _TURNS.get(_orientation(image))
            small = _small(image, mode)
        return np.array(small if turn is None else small.transpose(turn))
    except BadUpload:
        raise
    except MemoryError as error:
        raise BadUpload(TOO_MUCH_WORK) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadUpload("has far too many pixels. Please reduce its size.") from error
    except UnidentifiedImageError as error:
        known = content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"))
        what = DAMAGED if known else f"is {_what_it_is(content)}. {_SAVE_AS}"
        raise BadUpload(what) from error
    except Exception as error:  # decoders raise nearly anything for a damaged file
        # Pillow words its own limit on the texts inside a PNG "… too large"
        raise BadUpload(_TOO_MUCH if "too large" in str(error) else DAMAGED) from error


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
        steps, _ = _jpeg_segments(content)
        if steps > _MAX_JPEG_STEPS:
            raise BadUpload(_TOO_MUCH)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        size = _webp_size(content)  # Pillow allocates its canvases when it opens the file
        if size is None:
            raise BadUpload(DAMAGED)
        _check_size("WEBP", *size)


def _check_scans(content: bytes, pixels: int) -> None:
    """Refuse a JPEG whose coefficients are passed over too often."""
    _, scans = _jpeg_segments(content)
    if scans * pixels > MAX_SCANNED:
        raise BadUpload(
            f"is a JPEG of {scans} scans, which takes too long to decode. Please save it as a "
            "JPEG that is not progressive, or as PNG."
        )


def _jpeg_segments(content: bytes) -> tuple[int, int]:
    """How many steps Pillow takes from marker to marker, and how many scans libjpeg finds.

    Camera data, previews and profiles are segments, which are skipped by their length. In the data
    of a scan, 0xFF is followed by 0 or by the number of a restart. Before the first scan, Pillow
    skips stray bytes one by one. What follows the end of the first image is not read.
    """
    steps = scans = 0
    at = 2
    while steps <= _MAX_JPEG_STEPS:
        found = _JPEG_MARKER.search(content, at)
        if not scans:
            steps += (found.start() if found else len(content)) - at
        if found is None:
            break
        kind, at = content[found.end() - 1], found.end()
        steps += 1
        scans += kind == 0xDA
        if kind == 0xD9:  # end of the image
            break
        if kind not in (0x01, 0xD8):  # these have no segment
            at += int.from_bytes(content[at : at + 2], "big")
    return steps, scans


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
