"""The part of an image data set that the pages show: test images, and some training images.

The files are those of the whole set, with two more fields: `part`, the numbers of images that they
hold and that the whole set has, and `train_rows`, the rows of the whole training part. So every
row is in the same split in the part as in the whole. The training images of a part are

- MNIST: the first 10,000. The file is read from its beginning until they are complete, so its MD5
  sum cannot be computed; the SHA-256 of these images is checked instead.
- Omniglot: the five alphabets of the official small background set 1.
- CelebA: 600 faces; see `celeba_sample`. Its test split is another 400.

All other files are read completely and checked by their official checksums.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np

from dgm_core.data import celeba_sample
from dgm_core.data.folder import Fields, PartCounts
from dgm_core.data.omniglot import FIRST_ROWS, Drawings
from dgm_core.data.remote import Client, WrongContent

_Read = TypeVar("_Read")


class File(NamedTuple):
    """An official file: its name, its size in bytes, and its checksum."""

    name: str
    size: int
    md5: str = ""
    sha256: str = ""


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
MNIST = {
    "x_train": File("train-images-idx3-ubyte.gz", 9_912_422),
    "y_train": File("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    "x_test": File("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
    "y_test": File("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
}
"""Addresses and MD5 sums as in torchvision."""
MNIST_TRAINING = 10_000
MNIST_TRAINING_SHA256 = "2f7182bf021ffc5c1f62db987487f14d899b5c639f421a80f3095affc09a7db2"
"""SHA-256 of the first 10,000 training images, uint8 (10000, 28, 28)."""

OMNIGLOT_URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
OMNIGLOT = {
    "training": File(
        "images_background_small1.zip",
        1_319_022,
        sha256="f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    ),
    "test": File("images_evaluation.zip", 6_462_886, "6b91aef0f799c5bb55b94e3f2daec811"),
}
"""The MD5 sum is torchvision's; the SHA-256 is that of TensorFlow Datasets."""
OMNIGLOT_TRAINING = 19_280
"""Training images of the whole set."""
REST = 0.001
"""Seconds of rest after each drawing: a server that prepares a set goes on answering."""

SIZES = {"mnist": 3_360_000, "omniglot": 7_781_908, "celeba": 8_700_000}
"""Name of a set → bytes that the fetch of its part receives, about."""


def mnist(client: Client) -> Iterator[Fields]:
    """The content of `mnist.npz`."""
    whole = {
        field: _idx(_from_mirrors(lambda url, file=file: _whole(client, url, file)))
        for field, file in MNIST.items()
        if field != "x_train"
    }
    first = MNIST["x_train"].name
    x_train = _from_mirrors(lambda url: _first_images(client.pieces(url + first), MNIST_TRAINING))
    found = hashlib.sha256(x_train.tobytes()).hexdigest()
    if found != MNIST_TRAINING_SHA256:
        raise WrongContent(
            f"{first} has the wrong checksum: {found[:12]}…, not {MNIST_TRAINING_SHA256[:12]}…"
        )
    part_size = PartCounts(len(x_train), len(whole["y_train"]), *[len(whole["y_test"])] * 2)
    whole["y_train"] = whole["y_train"][: len(x_train)]
    yield {"x_train": x_train, **whole, **part_size.fields(np.arange(len(x_train)))}


def omniglot(client: Client) -> Iterator[Fields]:
    """The content of `omniglot28.npz`."""
    drawings, rows, tested = Drawings(), [], 0
    for part, file in OMNIGLOT.items():
        content = _whole(client, OMNIGLOT_URL, file)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for path, alphabet, character, number in _drawings(archive):
                png = io.BytesIO(archive.read(path))
                drawings.add(png, alphabet, character, number, part == "test")
                if part == "test":
                    tested += 1
                else:
                    offset = 20 * (int(character.removeprefix("character")) - 1) + number - 1
                    rows.append(FIRST_ROWS[alphabet] + offset)
                time.sleep(REST)
    counts = PartCounts(len(rows), OMNIGLOT_TRAINING, tested, tested)
    yield drawings.fields() | counts.fields(np.array(rows))


def celeba(client: Client) -> Iterator[Fields]:
    """The content of the four files of CelebA."""
    counts = {name: len(numbers) for name, numbers in celeba_sample.blocks().items()}
    part_size = PartCounts(counts["train"], 30_000, counts["valid"], 4_535)
    for fields in celeba_sample.shards(client):
        yield fields | part_size.fields()


def _whole(client: Client, folder: str, file: File) -> bytes:
    return client.whole(folder + file.name, file.size, md5=file.md5, sha256=file.sha256)


def _from_mirrors(read: Callable[[str], _Read]) -> _Read:
    """What `read` makes of the first mirror that answers well."""
    *others, last = MNIST_MIRRORS
    for url in others:
        try:
            return read(url)
        except (OSError, ValueError, EOFError, zlib.error):
            continue
    return read(last)


def _idx(content: bytes) -> np.ndarray:
    """The array of a gzipped IDX file of bytes whose checksum is right."""
    return _array(zlib.decompress(content, 31))


def _array(content: bytes) -> np.ndarray:
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _first_images(pieces: Iterator[bytes], count: int) -> np.ndarray:
    """The first images (count, H, W) of a gzipped IDX file; the rest is not read."""
    unpack = zlib.decompressobj(31)
    content, needed = bytearray(), 16
    for piece in pieces:
        content += unpack.decompress(piece, 64 * len(piece))
        if len(content) >= 16:
            _, most, height, width = np.frombuffer(content, ">u4", 4).tolist()
            if count > most or height * width > 1024:
                raise WrongContent(f"expected {count:,} images, got {most:,} of {height}×{width}")
            needed = 16 + count * height * width
            if len(content) >= needed:
                break
    if len(content) < needed or needed == 16:
        raise EOFError("the file ended before the images were complete")
    flat = np.frombuffer(bytes(content[16:needed]), np.uint8)
    return flat.reshape(count, height, width)


def _drawings(archive: zipfile.ZipFile) -> list[tuple[str, str, str, int]]:
    """Path, alphabet, character and drawer of each drawing, sorted by path as in the whole set."""
    found = []
    for path in archive.namelist():
        parts = re.fullmatch(r"[^/]+/([^/]+)/(character\d+)/\d+_(\d+)\.png", path)
        if parts is not None:
            found.append((path, parts[1], parts[2], int(parts[3])))
    return sorted(found)


PREPARE: dict[str, Callable[[Client], Iterator[Fields]]] = {
    "mnist": mnist,
    "omniglot": omniglot,
    "celeba": celeba,
}
"""Name → function that yields the content of each file of a part, in order."""
