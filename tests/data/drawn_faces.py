"""Generated images that stand in for CelebA: each face has its own colour."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("5_o_Clock_Shadow", "Eyeglasses", "Smiling", "Wearing_Hat")
SHARDS = {
    "celeba/celeba64_train_0.npz": range(0, 9),
    "celeba/celeba64_train_1.npz": range(9, 16),
    "celeba/celeba64_train_2.npz": range(16, 24),
    "celeba/celeba64_val.npz": range(24, 30),
}


def colour(face: int) -> tuple[int, int, int]:
    """A different colour for each face up to 4,096, far enough apart for a JPEG to keep."""
    return (face % 16 * 16 + 8, face // 16 % 16 * 16 + 8, face // 256 * 16 + 8)


def attributes(face: int) -> np.ndarray:
    """(4,) bool: the face's number in binary."""
    return (face >> np.arange(len(NAMES))) % 2 == 1


def jpeg(face: int) -> bytes:
    """64×64 pixels of the face's colour."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour(face)).save(file, "JPEG", quality=95, subsampling="4:4:4")
    return file.getvalue()


def write_faces(folder: Path, shards: dict[str, range]) -> None:
    """Write the files of `celeba` in the format that the lab reads."""
    for file, numbers in shards.items():
        write_shard(folder / file, numbers, [jpeg(face) for face in numbers])


def write_shard(path: Path, numbers: range, pictures: list[bytes]) -> None:
    """Write one file with arbitrary bytes as its images."""
    path.parent.mkdir(exist_ok=True)
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(pictures), np.uint8),
        offsets=np.cumsum([0, *map(len, pictures)]),
        image_id=np.array(numbers, np.int32),
        attr_bits=np.packbits([attributes(face) for face in numbers], axis=1),
        attr_names=np.array(NAMES),
    )
