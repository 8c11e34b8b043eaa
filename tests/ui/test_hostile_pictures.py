"""Any change to a real picture file gives an image or a message, in a child of limited memory.

Hypothesis changes files of all formats: bytes, sizes in their headers, chunks, scans and frames.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from tests.ui.test_hostile_input import repeatable
from ui import decoding, intake


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def real_files() -> dict[str, list[bytes]]:
    """Small pictures in every format and most of its modes."""
    levels = np.random.default_rng(0).integers(0, 256, (24, 40, 4), np.uint8)
    levels[:, 20:] = 200
    clear = Image.fromarray(levels)
    colour, grey = clear.convert("RGB"), clear.convert("L")
    palette = colour.convert("P")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    moving = {"save_all": True, "append_images": [clear.rotate(90), grey]}
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"progressive": True, "quality": 70}
    return {
        "PNG": [saved(each, "PNG") for each in (grey, colour, clear, palette, deep)]
        + [saved(clear, "PNG", **moving), saved(palette, "PNG", transparency=3, exif=exif)],
        "JPEG": [saved(each, "JPEG", exif=exif) for each in (grey, colour, colour.convert("CMYK"))]
        + [saved(each, "JPEG", **several) for each in (grey, colour, colour.convert("CMYK"))],
        "GIF": [saved(palette, "GIF"), saved(palette, "GIF", **moving, transparency=3)],
        "BMP": [saved(each, "BMP") for each in (grey, colour, clear, palette, grey.convert("1"))],
        "WEBP": [
            saved(colour, "WEBP"),
            saved(clear, "WEBP", lossless=True),
            saved(clear, "WEBP", exif=exif, **moving),
        ],
    }


FILES = real_files()
NUMBERS = some.sampled_from(
    [0, 1, 7, 255, 256, 10_000, 16_383, 65_535, 2**16, 2**24 - 1, 2**31 - 1, 2**31, 2**32 - 1]
)
Change = Callable[[bytes], bytes]


@some.composite
def changes(draw: some.DrawFn) -> Change:
    """A change at some place of a file, more often in its header."""
    fraction = draw(some.floats(0, 1)) ** draw(some.sampled_from([1, 4]))
    number, count = draw(NUMBERS), draw(some.sampled_from([1, 2, 5, 100, 20_000]))
    order = draw(some.sampled_from(["<I", ">I"]))
    size, kind = draw(some.integers(1, 80)), draw(some.integers(0, 6))

    def change(content: bytes) -> bytes:
        at = int(fraction * len(content))
        before, piece, after = content[:at], content[at : at + size], content[at + size :]
        written = struct.pack(order, number)
        return {
            0: before + bytes([number % 256]) + content[at + 1 :],
            1: before + written + content[at + 4 :],
            2: before + written[2:] + content[at + 2 :],
            3: before + after,
            4: before + (piece * count)[: 2**20] + after,
            5: before,
            6: before + piece[::-1] + after,
        }[kind]

    return change


def checked_png(content: bytes) -> bytes:
    """The file with correct checksums, so that its chunks are read."""
    parts, at = [content[:8]], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + length]
        parts += [content[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join(parts)


def many_parts(kind: str, content: bytes, count: int) -> bytes:
    """The file with many more chunks, scans or frames."""
    if kind == "PNG":
        note = b"zTXt" + b"k\0\0" + zlib.compress(bytes(2**16))
        chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
        return content[:33] + chunk * count + content[33:]
    start = {"JPEG": b"\xff\xda", "GIF": b"\x21\xf9", "WEBP": b"ANMF"}.get(kind, content[:2])
    at = content.rfind(start)
    return content if at < 0 else content[:at] + content[at:-2] * count + content[-2:]


def enlarged(kind: str, content: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header."""
    at, order = {
        "PNG": (16, ">II"),
        "GIF": (6, "<HH"),
        "BMP": (18, "<II"),
        "WEBP": (26, "<HH"),
        "JPEG": (max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) + 5, ">HH"),
    }[kind]
    most = 2 ** (8 * struct.calcsize(order) // 2) - 1
    size = (width, height) if kind != "JPEG" else (height, width)
    written = struct.pack(order, *(min(each, most) for each in size))
    return content[:at] + written + content[at + len(written) :]


def outcome(content: bytes, colour: bool) -> str:
    """Read a file; checks the image or the message."""
    content = content[: decoding.MAX_BYTES]
    read = intake.read_photo if colour else intake.read_picture
    try:
        picture = read(content, "a.png")
    except intake.BadUpload as error:
        sentence = str(error)
        assert sentence.startswith("“a.png” ")
        assert sentence.endswith(".")
        assert len(sentence) < 250
        return "refused"
    assert picture.dtype == np.uint8
    assert picture.shape[2:] == ((3,) if colour else ())
    assert max(picture.shape) <= decoding.WORKING_SIDE
    return "read"


@pytest.mark.parametrize("kind", FILES)
@given(
    data=some.data(),
    made=some.lists(changes(), min_size=1, max_size=4),
    colour=some.booleans(),
)
@repeatable(200)
def test_any_changed_file_gives_an_image_or_a_message(
    kind: str, data: some.DataObject, made: list[Change], colour: bool
) -> None:
    content = data.draw(some.sampled_from(FILES[kind]))
    for change in made:
        content = change(content)
    if kind == "PNG" and data.draw(some.booleans()):
        content = checked_png(content)
    outcome(content, colour)


@pytest.mark.parametrize("kind", FILES)
@given(
    data=some.data(),
    size=some.tuples(NUMBERS | some.integers(3000, 5000), NUMBERS | some.integers(3000, 5000)),
    count=some.sampled_from([0, 1, 9, 120, 5000]),
    colour=some.booleans(),
)
@repeatable(80)
def test_any_size_and_number_of_parts_gives_an_image_or_a_message(
    kind: str, data: some.DataObject, size: tuple[int, int], count: int, colour: bool
) -> None:
    content = data.draw(some.sampled_from(FILES[kind]))
    content = enlarged(kind, content, *size)
    content = many_parts(kind, content, count)
    outcome(checked_png(content) if kind == "PNG" else content, colour)


def test_unchanged_files_are_read() -> None:
    for files in FILES.values():
        for content in files:
            assert {outcome(content, colour) for colour in (True, False)} == {"read"}
            assert checked_png(content) == content or not content.startswith(b"\x89PNG")
