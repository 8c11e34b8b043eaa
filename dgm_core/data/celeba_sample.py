"""A sample of 1,000 faces of CelebA, without its archive of 1.4 GB, by ranges of bytes.

The sample is ten seeded blocks of 100 consecutive faces: six of the official training partition,
four of the validation partition. The official order is random: neighbours show the same person as
seldom as any two faces do, and the attributes of neighbours are not correlated. For each block
three ranges are read: its entries in the archive's central directory, its members, and its lines
of the attributes. Together that is about 9 MB in about 35 requests.

What is checked: the CRC-32 of each face against the central directory, and its size in pixels.
No checksum of the central directory is known, and the official MD5 sums are those of whole files,
so beyond that the sample relies on the encrypted connection to the official address. Each line of
attributes must have the number of its face and forty values of ±1.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image

from dgm_core.data.celeba_download import PARTITIONS, reduced
from dgm_core.data.folder import DownloadError, data_folder
from dgm_core.data.remote import Client, NoRanges, WrongContent
from dgm_core.data.splits import SPLIT_SEED

ADDRESS = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"
ARCHIVE = "0B7EVK8r0v71pZjFTYXZWM3FlRnM"
ATTRIBUTES = "0B7EVK8r0v71pblRyaVFSWGxPY0U"
"""The official files on Google Drive; torchvision names the same ones."""
FACES = 202_599
NUMBERS = {"train": (1, 162_770), "valid": (162_771, 182_637)}
"""First and last number of the faces in each official partition."""
BLOCK = 100
"""Consecutive faces that are read together."""
BLOCKS = {"train": 6, "valid": 4}
SIZE = (178, 218)
"""Width and height of an original, in pixels."""
MARGIN = 32 * 1024
"""Bytes that are read on either side of where a block should be; records differ in length."""
MEMBERS = 64 * 1024
"""Most bytes of a member of the archive; the average is 7,000."""
VALUES = 40

_Found = TypeVar("_Found")
_LINE = re.compile(rb"(\d{6})\.jpg((?:[ \t]+-?1){40})[ \t]*\r?\n")
_ENTRY = struct.Struct("<4s6H3I5H2I")
"""An entry of the central directory, up to the name of the file."""
_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")


class Member(NamedTuple):
    """A face in the archive."""

    start: int
    name_bytes: int
    method: int  # 0: stored, 8: deflated
    crc: int
    packed: int  # bytes
    unpacked: int


def shards(client: Client) -> Iterator[dict[str, np.ndarray]]:
    """The fields of each file of the set; the second and third training file are empty.

    Raises:
        DownloadError: the server does not answer requests for ranges; says what to do.
        OSError: no network, or an answer is broken.
    """
    try:
        archive, attributes = (ADDRESS.format(name) for name in (ARCHIVE, ATTRIBUTES))
        directory = _directory(client, archive)
        names, first_line, last_line = _head(client, attributes)
        for partition, numbers in blocks().items():
            pictures, bits = [], []
            for block in np.split(numbers, BLOCKS[partition]):
                pictures += _faces(client, archive, directory, block)
                bits.append(_attributes(client, attributes, (first_line, last_line), block))
            yield _fields(pictures, numbers, np.concatenate(bits), names, partition)
            if partition == "train":
                for _ in range(2):
                    yield _fields([], numbers[:0], bits[0][:0], names, partition)
    except NoRanges as error:
        raise DownloadError(_advice(error)) from error


def blocks() -> dict[str, np.ndarray]:
    """Numbers of the sampled faces by official partition, in ascending order."""
    rng = np.random.default_rng(SPLIT_SEED)
    chosen = {}
    for partition, (first, last) in NUMBERS.items():
        whole_blocks = (last - first + 1) // BLOCK
        starts = np.sort(rng.choice(whole_blocks, BLOCKS[partition], replace=False)) * BLOCK
        chosen[partition] = (first + starts[:, None] + np.arange(BLOCK)).ravel()
    return chosen


def _advice(error: NoRanges) -> str:
    why = (
        "Google Drive refused celeba; it limits the downloads of a file per day. Wait until "
        "tomorrow, then try again"
        if error.is_page
        else "The server of celeba sends whole files only, so no part of it can be fetched"
    )
    return (
        f"{why}. Nothing was kept. Or download all of it, 1.4 GB: "
        "dgm data fetch celeba. Or put the four files of celeba into "
        f"{data_folder() / 'celeba'}, or set DGM_DATA to a folder that has them."
    )


def _directory(client: Client, url: str) -> tuple[int, int]:
    """First and last byte + 1 of the central directory; its end is at the end of the archive."""
    size = client.size(url)
    tail_start = max(0, size - 1024)
    tail = client.part(url, tail_start, size)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise WrongContent("img_align_celeba.zip does not end as a ZIP archive")
    *_, entries, length, start, _ = _END.unpack_from(tail, at)
    if (locator := at - _LOCATOR.size) >= 0 and tail[locator : locator + 4] == b"PK\6\7":
        at64 = _LOCATOR.unpack_from(tail, locator)[2] - tail_start
        if not 0 <= at64 <= len(tail) - _END64.size or tail[at64 : at64 + 4] != b"PK\6\6":
            raise WrongContent("img_align_celeba.zip has no readable end")
        *_, entries, length, start = _END64.unpack_from(tail, at64)
    if not FACES <= entries <= FACES + 2 or not 0 < start < start + length <= size:
        raise WrongContent(f"expected an archive of {FACES:,} faces, got {entries:,} entries")
    return start, start + length


def _stretch(
    client: Client,
    url: str,
    between: tuple[int, int],
    block: np.ndarray,
    find: Callable[[bytes], dict[int, _Found]],
) -> list[_Found]:
    """The records of a block among records of about equal length, in order of their numbers.

    Args:
        client: reads the bytes.
        url: of the file.
        between: bytes of the file between which the records of all faces stand.
        block: numbers of the faces.
        find: bytes → records by number; it leaves out those that are cut.
    """
    start, stop = between
    width = (stop - start) / FACES
    margin = MARGIN
    while True:
        low = max(start, start + int((block[0] - 1) * width) - margin)
        high = min(stop, start + int(block[-1] * width) + margin)
        found = find(client.part(url, low, high))
        if all(number in found for number in block.tolist()):
            return [found[number] for number in block.tolist()]
        if (low, high) == (start, stop):
            raise WrongContent(f"faces {block[0]} to {block[-1]} of celeba were not found")
        margin *= 16


def _members(content: bytes) -> dict[int, Member]:
    found, at = {}, content.find(b"PK\1\2")
    while 0 <= at <= len(content) - _ENTRY.size:
        entry = _ENTRY.unpack_from(content, at)
        if entry[0] != b"PK\1\2":  # the four bytes stood in the middle of another entry
            at = content.find(b"PK\1\2", at + 1)
            continue
        method, crc, packed, unpacked = entry[4], *entry[7:10]
        name_bytes, extra, comment = entry[10:13]
        end = at + _ENTRY.size
        name = re.fullmatch(rb".*?(\d{6})\.jpg", content[end : end + name_bytes])
        if name is not None:
            member = Member(entry[-1], name_bytes, method, crc, packed, unpacked)
            found[int(name[1])] = member
        at = end + name_bytes + extra + comment
    return found


def _faces(client: Client, url: str, directory: tuple[int, int], block: np.ndarray) -> list[bytes]:
    """The faces of a block, each reduced to a JPEG of 64×64."""
    members = _stretch(client, url, directory, block, _members)
    low = min(member.start for member in members)
    last = max(members)  # by their starts
    high = min(last.start + _LOCAL.size + last.name_bytes + last.packed + 1024, directory[0])
    if high - low > MEMBERS * len(block):
        raise WrongContent("img_align_celeba.zip has its members in another order than expected")
    content = client.part(url, low, high)
    return [_face(content, member, low) for member in members]


def _face(content: bytes, member: Member, offset: int) -> bytes:
    at = member.start - offset
    if content[at : at + 4] != b"PK\3\4" or member.unpacked > MEMBERS:
        raise WrongContent("a member of img_align_celeba.zip is not where its directory says")
    *_, name_bytes, extra = _LOCAL.unpack_from(content, at)
    at += _LOCAL.size + name_bytes + extra
    packed = content[at : at + member.packed]
    if member.method == 8:
        packed = zlib.decompressobj(-15).decompress(packed, member.unpacked + 1)
    if len(packed) != member.unpacked or zlib.crc32(packed) != member.crc:
        raise WrongContent("a face of celeba has the wrong checksum")
    with Image.open(io.BytesIO(packed), formats=["JPEG"]) as original:
        if original.size != SIZE:
            raise WrongContent(f"expected a face of {SIZE} pixels, got {original.size}")
        return reduced(original)


def _head(client: Client, url: str) -> tuple[list[str], int, int]:
    """Names of the attributes, and the bytes between which their lines stand."""
    size = client.size(url)
    count, names, rest = client.part(url, 0, min(size, 4096)).split(b"\n", 2)
    named = names.decode("ascii", "replace").split()
    if len(named) != VALUES or count.strip() != str(FACES).encode():
        raise WrongContent("list_attr_celeba.txt does not begin as expected")
    return named, min(size, 4096) - len(rest), size


def _attributes(client: Client, url: str, lines: tuple[int, int], block: np.ndarray) -> np.ndarray:
    """Attributes of the faces of a block, bool (n, 40)."""

    def find(content: bytes) -> dict[int, bytes]:
        return {int(line[1]): line[2] for line in _LINE.finditer(content)}

    found = _stretch(client, url, lines, block, find)
    return np.array([[value == b"1" for value in line.split()] for line in found])


def _fields(
    pictures: list[bytes], numbers: np.ndarray, bits: np.ndarray, names: list[str], partition: str
) -> dict[str, np.ndarray]:
    return {
        "jpeg": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": np.cumsum([0, *map(len, pictures)], dtype=np.int64),
        "image_id": numbers.astype(np.int32),
        "partition": np.full(len(numbers), PARTITIONS[partition], np.uint8),
        "attr_bits": np.packbits(bits, axis=1),
        "attr_names": np.array(names),
    }
