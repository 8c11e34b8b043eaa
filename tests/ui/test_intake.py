"""Uploads: every valid image is read correctly; every other file is refused with a message."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgm_core import data
from dgm_core.child_process import ChildFailed
from tests.patience import PATIENCE
from ui import decoding, intake
from ui.intake import (
    BadUpload,
    digit_from_picture,
    mask_from_picture,
    read_photo,
    read_picture,
    square_from_photo,
)

ROOT = Path(__file__).parents[2]
ORIENTATION = 0x0112
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a child may take longer than a visitor would wait."""
    monkeypatch.setattr(intake, "SECONDS", PATIENCE)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flat_png(width: int, height: int, colour: int = 0, before: bytes = b"") -> bytes:
    """A black PNG written row by row, so that a decompression bomb needs little memory here."""
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    packer, row = zlib.compressobj(9), bytes(1 + width * samples)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def png_of_claimed_size(width: int, height: int) -> bytes:
    """A PNG whose header states a wrong size."""
    small = flat_png(10, 10)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return small[:8] + chunk(b"IHDR", header) + small[33:]


def ramp(height: int = 40, width: int = 60) -> np.ndarray:
    """Grey levels (H, W) with another value in every corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.rint(255 * (rows / height + columns / width) / 2).astype(np.uint8)


def note(index: int) -> bytes:
    text = zlib.compress("😀".encode() + bytes([97]) * (2**20 - 5))
    return chunk(b"iTXt", b"key%d\0\1\0\0\0" % index + text)


# Files that must be refused: name → (file, words of the message)
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"hello, this is a table\n1,2,3\n", "text"),
    "one byte": (lambda: b"\x89", "not a picture"),
    "zeros": (lambda: bytes(4000), "not a picture"),
    "svg": (lambda: b'<?xml version="1.0"?><svg xmlns="x"><path/></svg>', "SVG"),
    "html": (lambda: b"<!doctype html><html></html>", "web page"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(100), "PDF"),
    "eps": (lambda: saved(Image.new("L", (50, 50)), "EPS"), "PostScript"),
    "tiff": (lambda: saved(Image.new("L", (50, 50)), "TIFF"), "TIFF"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
    "ico": (lambda: saved(Image.new("L", (50, 50)), "ICO"), "not a picture"),
    "zip": (lambda: b"PK\x03\x04" + bytes(100), "ZIP"),
    "5 MB and a byte": (lambda: bytes(decoding.MAX_BYTES + 1), "5 MB"),
    "truncated png": (lambda: saved(Image.fromarray(ramp(300, 300)))[:900], "incomplete"),
    "truncated jpeg": (lambda: saved(Image.fromarray(ramp()), "JPEG")[:-60], "incomplete"),
    "truncated gif": (lambda: saved(Image.fromarray(ramp()), "GIF")[:-400], "incomplete"),
    "truncated bmp": (lambda: saved(Image.fromarray(ramp()), "BMP")[:-400], "incomplete"),
    "truncated webp": (lambda: saved(Image.fromarray(ramp()), "WEBP")[:-40], "incomplete"),
    "header only": (lambda: saved(Image.fromarray(ramp()))[:33], "incomplete"),
    "webp header only": (lambda: b"RIFF\x20\0\0\0WEBPVP8X", "incomplete"),
    "1×1": (lambda: flat_png(1, 1), "1 × 1"),
    "60000×1": (lambda: flat_png(60_000, 1), "60000 × 1"),
    "1×60000": (lambda: flat_png(1, 60_000), "1 × 60000"),
    "thin": (lambda: flat_png(2000, 20), "too narrow"),
    "bomb 8000²": (lambda: flat_png(8000, 8000), "8000 × 8000"),
    "bomb 8000² jpeg": (lambda: saved(Image.new("L", (8000, 8000)), "JPEG"), "25 million"),
    "bomb 10000²": (lambda: flat_png(10_000, 10_000), "far too many pixels|10000 × 10000"),
    "bomb 20000²": (lambda: flat_png(20_000, 20_000), "far too many pixels"),
    "bomb webp": (lambda: saved(Image.new("L", (8000, 4000)), "WEBP"), "12.5 million"),
    "2³¹ × 2³¹": (lambda: png_of_claimed_size(2**31 - 1, 2**31 - 1), "far too many pixels"),
    "zTXt bomb": (
        lambda: flat_png(40, 40, 0, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**26)))),
        "too much data besides",
    ),
    "iTXt bombs": (lambda: flat_png(40, 40, 0, b"".join(map(note, range(70)))), "too much"),
    "400,000 chunks": (lambda: flat_png(40, 40, 0, chunk(b"abCd", b"") * 400_000), "too much"),
    "1,000,000 markers": (
        lambda: saved(Image.new("L", (40, 40)), "JPEG").replace(
            b"\xff\xd8", b"\xff\xd8" + b"\xff\xe5\0\2" * 1_000_000, 1
        ),
        "too much data besides",
    ),
}


READERS = {"picture": read_picture, "photo": read_photo}
Reader = Callable[..., np.ndarray]


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_with_a_message(case: str, read: Reader) -> None:
    make, word = BAD[case]
    with pytest.raises(BadUpload, match=word) as caught:
        read(make(), "my drawing.png")
    sentence = str(caught.value)
    assert sentence.startswith("“my drawing.png” ")
    assert sentence.endswith(".")
    assert len(sentence) < 200


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_damaged_file_gives_an_image_or_a_bad_upload(kind: str, read: Reader) -> None:
    intact = saved(Image.fromarray(ramp()).convert("RGB"), kind)
    outcomes = set()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        broken = bytearray(intact)
        for at in rng.integers(
            0, min(len(broken), 200 if seed % 2 else len(broken)), seed % 8 + 1
        ):
            broken[at] ^= 1 << int(rng.integers(8))
        cut = len(broken) if seed % 5 else int(rng.integers(1, len(broken)))
        try:
            levels = read(bytes(broken[:cut]))
        except BadUpload:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert levels.dtype == np.uint8
            assert levels.shape[2:] == ((3,) if read is read_photo else ())
    assert "refused" in outcomes


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "\0\n\x1b[31m", "<b>*x*</b>![a](b)", "é" * 999, "\ud800"]
)
def test_odd_file_names_do_not_matter(name: str) -> None:
    assert read_picture(saved(Image.fromarray(ramp())), name).shape == (40, 60)
    with pytest.raises(BadUpload) as caught:
        read_picture(b"", name)
    assert not set("<>*[]()/\\\0\n\x1b\ud800") & set(str(caught.value))
    assert len(str(caught.value)) < 120


# --- work that a small file causes


def progressive(side: int, more_scans: int = 0) -> bytes:
    """A grey progressive JPEG of 6 scans, whose last scan is repeated."""
    content = saved(Image.new("L", (side, side), 99), "JPEG", progressive=True, quality=30)
    return content[:-2] + content[content.rindex(b"\xff\xda") : -2] * more_scans + content[-2:]


def test_a_jpeg_with_many_scans_is_refused_before_it_is_decoded() -> None:
    bomb = progressive(5000, 104)
    assert len(bomb) < 200_000
    start = time.process_time()
    with pytest.raises(BadUpload, match="110 scans, which takes too long"):
        decoding.decode(bomb, "L")
    assert time.process_time() - start < 1


def test_scans_of_a_small_picture_do_not_matter() -> None:
    assert read_picture(progressive(1000, 104)).shape == (1000, 1000)


@pytest.mark.parametrize(("mode", "scans"), [("L", 6), ("RGB", 10), ("CMYK", 18)])
def test_a_progressive_photograph_of_the_largest_size_is_accepted(mode: str, scans: int) -> None:
    content = saved(Image.new(mode, (5000, 5000)), "JPEG", progressive=True, quality=30)
    assert decoding._jpeg_segments(content)[1] == scans
    assert read_photo(content).shape == (625, 625, 3)


def test_only_the_scans_of_the_first_image_are_counted() -> None:
    """Camera data hold previews, and telephones append a film."""
    film = np.random.default_rng(0).integers(0, 256, 10**6, np.uint8).tobytes() + b"\xff\xda" * 99
    camera = b"Exif\0\0" + b"\xff\xda\0\x08" * 1000
    content = saved(Image.new("L", (3000, 3000)), "JPEG", exif=camera) + film
    assert decoding._jpeg_segments(content)[1] == 1
    assert read_picture(content).shape == (750, 750)


@pytest.mark.parametrize(
    "byte", [b"a", b"\xff", b"\xff\0", b"\xff\xd0", b"\xff\x01", b"\xff\xda\0\2"]
)
def test_the_scans_of_any_file_are_counted_quickly(byte: bytes) -> None:
    content = (b"\xff\xd8" + byte * decoding.MAX_BYTES)[: decoding.MAX_BYTES]
    start = time.process_time()
    with pytest.raises(BadUpload):
        decoding.decode(content, "L")
    assert time.process_time() - start < 1


# --- the child process


def test_a_picture_does_not_wait_for_another() -> None:
    with closing(intake._POOL.steps(time.sleep, 60, memory=2**24, seconds=60)) as busy:
        next(busy)
        assert read_picture(saved(Image.fromarray(ramp()))).shape == (40, 60)


@pytest.mark.parametrize(
    ("name", "value"), [("SECONDS", 1e-9), pytest.param("MEMORY", 2**20, marks=LINUX)]
)
def test_a_limit_of_the_child_gives_a_message(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    content = saved(Image.new("L", (3000, 3000)))
    monkeypatch.setattr(intake, name, value)
    with pytest.raises(BadUpload, match=r"“a\.png” takes too long or too much memory"):
        read_picture(content, "a.png")


def test_a_crash_of_a_decoder_gives_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ChildFailed("the child process ended with code -11")

    monkeypatch.setattr(intake, "in_child", crash)
    with pytest.raises(BadUpload, match=r"“a\.png” is damaged"):
        read_picture(b"", "a.png")


def test_a_child_that_decodes_imports_neither_streamlit_nor_torch() -> None:
    code = (
        "import sys, ui.decoding\n"
        "assert not {'streamlit', 'torch', 'scipy', 'dgm_core'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# --- valid pictures


def test_grey_levels_are_exact() -> None:
    for kind in ("PNG", "BMP", "GIF"):
        np.testing.assert_array_equal(read_picture(saved(Image.fromarray(ramp()), kind)), ramp())


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("1", "BMP"),
        ("P", "BMP"),
        ("RGB", "BMP"),
        ("RGBA", "BMP"),
        ("L", "JPEG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("P", "GIF"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
    ],
)
def test_every_mode_of_a_file_becomes_grey(mode: str, kind: str) -> None:
    levels = np.where(ramp() > 127, 255, 0).astype(np.uint8) if mode == "1" else ramp()
    if mode == "I;16":
        image = Image.fromarray(levels.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(levels).convert(mode)
    assert image.mode == mode
    options = {"lossless": True} if kind == "WEBP" else {}
    grey = read_picture(saved(image, kind, **options))
    assert grey.shape == levels.shape
    assert np.abs(grey.astype(int) - levels).max() <= (3 if kind == "JPEG" else 1)


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "I;16B", "HSV", "YCbCr", "RGBa", "RGBX", "PA"])
def test_modes_of_the_decoder_are_read(mode: str) -> None:
    if mode == "F":
        image = Image.fromarray(ramp().astype(np.float32) / 100 - 1)
        expected = np.rint((ramp() - ramp().min()) * (255 / np.ptp(ramp().astype(float))))
    elif mode in ("I", "I;16", "I;16B"):
        kind = {"I": np.int32, "I;16": np.uint16, "I;16B": ">u2"}[mode]
        image = Image.fromarray((ramp().astype(np.int32) * 257).astype(kind))
        expected = ramp()
    else:
        via = {"RGBa": "RGBA", "PA": "P"}.get(mode, "RGB")
        image, expected = Image.fromarray(ramp()).convert(via).convert(mode), ramp()
    assert image.mode == mode
    grey = np.asarray(decoding._small(image, "L")).astype(int)
    assert np.abs(grey - expected).max() <= 2


def test_non_finite_floats_cause_no_error() -> None:
    values = np.array([[np.nan, 1.0, 3.0], [np.inf, -np.inf, 2.0]], np.float32)
    np.testing.assert_array_equal(decoding._full_range(values), [[0, 0, 255], [255, 0, 128]])
    assert not decoding._full_range(np.full((2, 2), np.nan, np.float32)).any()
    assert not decoding._full_range(np.full((2, 2), 7, np.float32)).any()


def test_transparent_is_white_paper() -> None:
    drawing = np.zeros((20, 20, 4), np.uint8)
    drawing[5:15, 5:15, 3] = 255
    for kind in ("PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        grey = read_picture(saved(Image.fromarray(drawing), kind, **options))
        np.testing.assert_array_equal(grey == 0, drawing[..., 3] == 255)
        assert set(np.unique(grey)) == {0, 255}
    palette = Image.fromarray((drawing[..., 3] > 0).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 0, 0, 0])
    for kind in ("PNG", "GIF"):
        grey = read_picture(saved(palette, kind, transparency=0))
        np.testing.assert_array_equal(grey == 0, drawing[..., 3] == 255)


def test_half_transparent_black_is_half_grey() -> None:
    grey = read_picture(saved(Image.new("LA", (10, 10), (0, 128))))
    assert np.all(np.abs(grey.astype(int) - 127) <= 1)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    frames = [Image.new("L", (20, 20), level) for level in (255, 0, 90)]
    options = {"lossless": True} if kind == "WEBP" else {}
    moving = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.all(read_picture(moving) == 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_camera_is_corrected(orientation: int, kind: str) -> None:
    upright = Image.fromarray(ramp(48, 64))
    back = {6: 8, 8: 6}.get(orientation, orientation)
    stored = upright.transpose(decoding._TURNS[back]) if back > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    grey = read_picture(saved(stored, kind, exif=exif, **options))
    assert grey.shape == (48, 64)
    assert np.abs(grey.astype(int) - ramp(48, 64)).max() <= 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08"]
)
def test_a_broken_exif_block_is_ignored(exif: bytes) -> None:
    assert read_picture(saved(Image.fromarray(ramp()), "JPEG", exif=exif)).shape == (40, 60)


def test_big_pictures_are_averaged_down() -> None:
    big = np.kron(ramp(20, 30), np.ones((100, 100), np.uint8))  # 2000 × 3000
    for kind in ("PNG", "JPEG"):
        grey = read_picture(saved(Image.fromarray(big), kind))
        assert max(grey.shape) <= decoding.WORKING_SIDE
        assert grey.shape[1] / grey.shape[0] == pytest.approx(1.5, rel=0.01)
        assert grey.mean() == pytest.approx(big.mean(), abs=2)


# --- photographs


def colours(height: int = 40, width: int = 60) -> np.ndarray:
    """(H, W, 3): red grows to the right, green downwards, blue to the left."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = 255 * columns / (width - 1), 255 * rows / (height - 1)
    return np.rint(np.stack([red, green, 255 - red], -1)).astype(np.uint8)


def test_colours_are_exact() -> None:
    for kind in ("PNG", "BMP"):
        photo = read_photo(saved(Image.fromarray(colours()), kind))
        np.testing.assert_array_equal(photo, colours())


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("P", "PNG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "BMP"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("YCbCr", "JPEG"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
    ],
)
def test_every_mode_of_a_photograph_becomes_rgb(mode: str, kind: str) -> None:
    image = Image.fromarray(colours()).convert(mode)
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0}
    photo = read_photo(saved(image, kind, **options))
    assert photo.shape == (40, 60, 3)
    tolerance = 30 if mode == "P" else 6 if kind == "JPEG" else 1  # a palette of web colours
    assert np.abs(photo.astype(int) - colours()).mean() <= tolerance


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_a_grey_photograph_has_three_equal_channels(mode: str) -> None:
    levels = np.where(ramp() > 127, 255, 0).astype(np.uint8) if mode == "1" else ramp()
    image = Image.fromarray(levels)
    if mode == "I;16":
        image = Image.fromarray(levels.astype(np.uint16) * 257)
    elif mode != "L":
        image = image.convert(mode)
    photo = read_photo(saved(image))
    np.testing.assert_array_equal(photo, np.stack([levels] * 3, -1))


def test_a_photograph_agrees_with_its_grey_levels() -> None:
    content = saved(Image.fromarray(colours()))
    expected = np.asarray(Image.fromarray(read_photo(content)).convert("L"))
    np.testing.assert_array_equal(read_picture(content), expected)


def test_transparent_parts_of_a_photograph_are_white() -> None:
    clear = np.dstack([colours(), np.zeros((40, 60), np.uint8)])
    clear[10:20, 10:30, 3] = 255
    photo = read_photo(saved(Image.fromarray(clear)))
    seen = clear[..., 3] == 255
    np.testing.assert_array_equal(photo[seen], colours()[seen])
    assert np.all(photo[~seen] == 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(orientation: int) -> None:
    back = {6: 8, 8: 6}.get(orientation, orientation)
    upright = Image.fromarray(colours(48, 64))
    stored = upright.transpose(decoding._TURNS[back]) if back > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = saved(stored, "JPEG", exif=exif, quality=95, subsampling=0)
    photo = read_photo(content)
    assert photo.shape == (48, 64, 3)
    assert np.abs(photo.astype(int) - colours(48, 64)).max() <= 12


def test_big_photographs_are_averaged_down() -> None:
    big = Image.fromarray(colours()).resize((3000, 2000), Image.Resampling.BICUBIC)
    for kind in ("PNG", "JPEG"):
        photo = read_photo(saved(big, kind))
        assert max(photo.shape) <= decoding.WORKING_SIDE
        assert photo.shape[1] / photo.shape[0] == pytest.approx(1.5, rel=0.01)
        np.testing.assert_allclose(photo.mean((0, 1)), np.asarray(big).mean((0, 1)), atol=2)


# --- squares of photographs


def middle(square: np.ndarray) -> tuple[float, float]:
    """Centre of a square in the photograph of `colours`, as fractions (x, y)."""
    return square[..., 0].mean() / 255, square[..., 1].mean() / 255


@pytest.mark.parametrize("shape", [(300, 300), (300, 500), (500, 300)])
@pytest.mark.parametrize("size", [1.0, 0.5, 0.2])
def test_a_square_has_the_requested_position(shape: tuple[int, int], size: float) -> None:
    photo = colours(*shape)
    side = size * min(shape)
    room_x, room_y = side / shape[1] / 2, side / shape[0] / 2
    for x, y in ((0.5, 0.5), (0.3, 0.6), (0.0, 1.0), (-7, 9)):
        square = square_from_photo(photo, x, y, size)
        assert square.shape == (64, 64, 3)
        assert square.dtype == np.uint8
        inside = np.clip(x, room_x, 1 - room_x), np.clip(y, room_y, 1 - room_y)
        assert middle(square) == pytest.approx(inside, abs=0.006)
        spread = square[:, -1, 0].mean() / 255 - square[:, 0, 0].mean() / 255
        assert spread == pytest.approx(side / shape[1] * 63 / 64, abs=0.01)


def test_a_square_of_64_pixels_is_cut_as_it_is() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 90, 3), np.uint8)
    np.testing.assert_array_equal(square_from_photo(photo, 0.0), photo[:, :64])
    np.testing.assert_array_equal(square_from_photo(photo, 42 / 90), photo[:, 10:74])
    np.testing.assert_array_equal(square_from_photo(photo, 1.0), photo[:, 26:])


def test_fine_stripes_are_averaged_and_make_no_pattern() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    square = square_from_photo(stripes)[:, 2:-2].astype(int)
    assert np.abs(square - 127.5).max() < 3
    picked = stripes[5::10, 5::10].astype(int)  # the result of picking single pixels
    assert np.abs(picked - 127.5).min() > 100


def test_the_smallest_photograph_can_be_enlarged() -> None:
    square = square_from_photo(np.full((8, 8, 3), 90, np.uint8), size=1e-9)
    assert np.all(square == 90)
    assert square_from_photo(colours(), side=32).shape == (32, 32, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": -1},
        {"size": 1.01},
        {"size": float("nan")},
        {"centre_x": float("inf")},
        {"centre_y": float("nan")},
        {"photo": colours()[..., 0]},
        {"photo": colours() / 255},
        {"photo": np.zeros((9, 9, 4), np.uint8)},
    ],
    ids=str,
)
def test_an_invalid_square_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        square_from_photo(**{"photo": colours()} | wrong)


# --- digits


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """(300, 28, 28) uint8, light on dark, as MNIST."""
    return np.rint(data.load("digits", "test").x[:, 0].numpy() * 255).astype(np.uint8)


def page(digit: np.ndarray, scale: int = 12, noise: float = 0, seed: int = 0) -> np.ndarray:
    """The digit in dark ink, enlarged, off the centre of a white page."""
    grey = np.full((700, 560), 235.0)
    large = np.kron(digit, np.ones((scale, scale)))
    grey[40 : 40 + len(large), 150 : 150 + len(large)] -= large * (200 / 255)
    grey += noise * np.random.default_rng(seed).standard_normal(grey.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


def test_an_mnist_like_picture_comes_back_as_it_is(digits: np.ndarray) -> None:
    for digit in digits[:100]:
        back = digit_from_picture(read_picture(saved(Image.fromarray(digit))))
        assert back.dtype == np.float32
        np.testing.assert_array_equal(back, digit.astype(np.float32) / 255)


def test_an_inverted_28_pixel_picture_is_only_inverted(digits: np.ndarray) -> None:
    for invert in (None, True):
        back = digit_from_picture(255 - digits[0], invert)
        np.testing.assert_array_equal(back, digits[0].astype(np.float32) / 255)


@pytest.mark.parametrize("noise", [0, 8])
def test_a_photographed_digit_is_recovered(digits: np.ndarray, noise: float) -> None:
    likeness = []
    for seed, digit in enumerate(digits[:25]):
        back = digit_from_picture(page(digit, noise=noise, seed=seed))
        inside = digit[np.ix_(digit.any(1), digit.any(0))]
        plain = digit_from_picture(np.pad(inside, 30))  # the same layout, without a photograph
        likeness.append(np.corrcoef(back.ravel(), plain.ravel())[0, 1])
    # a faint stroke end can shift the digit by a pixel
    assert np.median(likeness) > 0.97
    assert min(likeness) > 0.8, f"digit {np.argmin(likeness)}"


def test_digits_are_laid_out_as_in_mnist(digits: np.ndarray) -> None:
    for digit in digits[:25]:
        back = digit_from_picture(page(digit))
        assert back.shape == (28, 28)
        assert back.min() == 0
        assert back.max() == 1
        rows, columns = np.flatnonzero(back.any(1)), np.flatnonzero(back.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        at = np.arange(28)
        for mass in (back.sum(1), back.sum(0)):
            touching = mass[0] > 0 or mass[-1] > 0
            assert touching or abs(mass @ at / mass.sum() - 14) <= 0.5 + 1e-6


def test_aspect_is_kept() -> None:
    grey = np.zeros((200, 200), np.uint8)
    grey[20:180, 90:110] = 255  # 160 × 20: a one
    ink = digit_from_picture(grey) > 0.5
    assert ink.any(1).sum() == 20
    assert 2 <= ink.any(0).sum() <= 3


@pytest.mark.parametrize("dark_ink", [True, False])
def test_light_and_dark_paper_give_the_same_digit(digits: np.ndarray, dark_ink: bool) -> None:
    drawing = page(digits[3])
    grey = drawing if dark_ink else 255 - drawing
    expected = digit_from_picture(drawing, invert=True)
    np.testing.assert_allclose(digit_from_picture(grey), expected, atol=1e-6)
    np.testing.assert_allclose(digit_from_picture(grey, dark_ink), expected, atol=1e-6)


def test_dim_paper_is_recognised(digits: np.ndarray) -> None:
    shade = page(digits[5]).astype(float) * np.linspace(0.35, 0.5, 560)  # in a dark room
    back = digit_from_picture(shade.astype(np.uint8))
    assert np.corrcoef(back.ravel(), digit_from_picture(page(digits[5])).ravel())[0, 1] > 0.9


def test_specks_are_not_ink(digits: np.ndarray) -> None:
    clean = page(digits[7])
    dusty = clean.copy()
    rng = np.random.default_rng(0)
    dusty[rng.integers(400, 700, 60), rng.integers(0, 560, 60)] = 0
    dusty[5, 5] = 0
    np.testing.assert_allclose(digit_from_picture(dusty), digit_from_picture(clean), atol=0.02)


@pytest.mark.parametrize("side", [8, 28, 300])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_has_no_ink(side: int, level: int) -> None:
    for noise in (0, 6):
        grey = level + noise * np.random.default_rng(1).standard_normal((side, side))
        with pytest.raises(BadUpload, match="No writing was found"):
            digit_from_picture(np.clip(grey, 0, 255).astype(np.uint8))


def test_ink_of_the_wrong_polarity_is_no_ink(digits: np.ndarray) -> None:
    with pytest.raises(BadUpload, match="No writing was found"):
        digit_from_picture(page(digits[0]), invert=False)


def test_any_picture_gives_a_digit_or_no_ink() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        grey = rng.integers(0, 256, rng.integers(8, 60, 2)).astype(np.uint8)
        for invert in (None, True, False):
            try:
                digit = digit_from_picture(grey, invert)
            except BadUpload:
                continue
            assert np.isfinite(digit).all()
            assert digit.min() >= 0
            assert digit.max() <= 1


# --- masks


def test_a_mask_of_the_right_size_is_exact() -> None:
    hidden = np.random.default_rng(0).random((28, 28)) < 0.4
    picture = Image.fromarray(np.where(hidden, 255, 0).astype(np.uint8))
    mask = mask_from_picture(read_picture(saved(picture)), 28, 28)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, hidden)


def test_above_one_half_is_hidden() -> None:
    grey = np.tile(np.array([0, 127, 128, 255], np.uint8), (4, 1))
    np.testing.assert_array_equal(mask_from_picture(grey, 1, 4), [[False, False, True, True]])


@pytest.mark.parametrize("scale", [2, 3, 10])
def test_a_mask_of_another_size_takes_the_nearest_pixel(scale: int) -> None:
    hidden = np.random.default_rng(scale).random((28, 20)) < 0.5
    small = np.where(hidden, 255, 0).astype(np.uint8)
    large = np.kron(small, np.ones((scale, scale), np.uint8))
    np.testing.assert_array_equal(mask_from_picture(large, 28, 20), hidden)
    np.testing.assert_array_equal(mask_from_picture(small, *large.shape), large > 127)


def test_all_hidden_and_none_hidden_are_allowed() -> None:
    assert mask_from_picture(np.full((50, 90), 255, np.uint8), 28, 28).all()
    assert not mask_from_picture(np.zeros((8, 8), np.uint8), 28, 28).any()


# --- cost

MEASURE = """
import io, sys
from pathlib import Path
from PIL import Image
from ui import decoding

def peak():  # getrusage would begin with the peak of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

for kind in decoding.FORMATS:  # decoders are imported when first used
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, kind)
    decoding.decode(file.getvalue(), "L")
before = peak()
for name in sys.argv[2:]:
    try:
        decoding.decode(Path(name).read_bytes(), sys.argv[1])
        print("read", peak() - before)
    except decoding.BadUpload:
        print("refused", peak() - before)
"""


def expensive_uploads() -> dict[str, bytes]:
    """The most expensive accepted images: each has the maximal number of pixels."""
    pixels = Image.new("RGB", (5000, 5000))
    several = {"progressive": True, "quality": 30, "subsampling": 0}
    clear = Image.new("RGBA", (4000, 3125))
    moving = {"save_all": True, "append_images": [Image.new("RGBA", clear.size, "red")]}
    return {
        "cmyk.jpg": saved(pixels.convert("CMYK"), "JPEG", **several),
        "rgb.jpg": saved(pixels, "JPEG", **several),
        "rgba.png": flat_png(4000, 4000, 6),
        "la.png": flat_png(4000, 4000, 4, b"".join(map(note, range(8)))),
        "p.gif": saved(Image.new("P", (4000, 4000)), "GIF", transparency=0),
        "i16.png": saved(Image.fromarray(np.zeros((4000, 4000), np.uint16))),
        "clear.webp": saved(clear, "WEBP", lossless=True),
        "moving.webp": saved(clear, "WEBP", lossless=True, **moving),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_no_upload_costs_more_than_300_megabytes(tmp_path: Path, mode: str) -> None:
    bombs = {name: make() for name, (make, _) in BAD.items() if "bomb" in name or "," in name}
    expensive = expensive_uploads()
    files = bombs | expensive
    paths = [tmp_path / f"{index}" for index in range(len(files))]
    for path, content in zip(paths, files.values(), strict=True):
        path.write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, mode, *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    peaks = dict(zip(files, map(str.split, ran.stdout.splitlines()), strict=True))
    for name, (outcome, grown) in peaks.items():
        assert outcome == ("read" if name in expensive else "refused"), name
        assert float(grown) < (300 if name in expensive else 50), name
    assert float(peaks["moving.webp"][1]) > 100  # it was measured


@pytest.mark.slow
def test_the_limits_of_the_child_allow_every_accepted_upload() -> None:
    for name, content in expensive_uploads().items():
        assert max(read_photo(content, name).shape) <= decoding.WORKING_SIDE, name
