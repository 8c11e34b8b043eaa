"""Download CelebA with torchvision and prepare the files that the lab reads.

The official train and validation partitions → a seeded sample of each → the centre 148×148 of the
aligned 178×218 originals → 64×64 (Lanczos) → JPEG of quality 95, colours not subsampled. This
downloads 1.4 GB and temporarily needs 3 GB of disk. The official files are on Google Drive, for
which torchvision needs the package `gdown`. That package has no timeout for a silent server.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dgm_core.data.folder import DownloadError, data_folder
from dgm_core.data.splits import SPLIT_SEED

if TYPE_CHECKING:
    from torchvision.datasets import CelebA

CROP, SIDE, QUALITY = 148, 64, 95
SAMPLES = {"train": (10_000, 10_000, 10_000), "valid": (4_535,)}
"""Number of faces in each file, by official partition; drawn without replacement."""
PARTITIONS = {"train": 0, "valid": 1}
AGAIN = "dgm data fetch celeba"


def shards(scratch: Path) -> Iterator[dict[str, np.ndarray]]:
    """Download into `scratch`; yield the fields of each file, in the order of `FILES["celeba"]`.

    Raises:
        DownloadError: gdown is missing or Google Drive refuses; the message says what to do.
        RuntimeError: a file is corrupt (torchvision compares checksums).
    """
    if find_spec("gdown") is None:
        raise DownloadError(
            "celeba is on Google Drive, for which torchvision needs the package gdown. "
            f"Install it (pip install gdown) and run: {AGAIN}. {_other_ways()}"
        )
    rng = np.random.default_rng(SPLIT_SEED)
    for partition, sizes in SAMPLES.items():
        official = _official(scratch, partition)
        drawn = rng.choice(len(official), sum(sizes), replace=False)
        for rows in np.split(drawn, np.cumsum(sizes)[:-1]):
            yield _fields(official, partition, rows)


def reduced(original: Image.Image) -> bytes:
    """The centre 148×148 of an aligned 178×218 face, reduced to 64×64, as a JPEG."""
    left, top = (original.width - CROP) // 2, (original.height - CROP) // 2
    centre = original.convert("RGB").crop((left, top, left + CROP, top + CROP))
    file = io.BytesIO()
    small = centre.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=QUALITY, subsampling="4:4:4", optimize=True)
    return file.getvalue()


def _official(scratch: Path, partition: str) -> CelebA:
    from torchvision.datasets import CelebA

    try:
        return CelebA(str(scratch), partition, target_type=["attr", "identity"], download=True)
    except Exception as error:
        if not type(error).__module__.startswith("gdown"):
            raise
        raise DownloadError(
            f"Google Drive refused celeba ({' '.join(str(error).split())[:300]}). It "
            f"limits the downloads of a file per day: wait until tomorrow and run: {AGAIN}. "
            f"{_other_ways()}"
        ) from error


def _other_ways() -> str:
    return (
        f"Nothing was kept. Or put the four files of celeba into {data_folder() / 'celeba'}, or "
        "set DGM_DATA to a folder that has them, or use `digits`, which needs no download."
    )


def _fields(official: CelebA, partition: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    names = [name for name in official.attr_names if name]  # the official header ends in a space
    pictures, attributes, identities = [], [], []
    for row in rows.tolist():
        original, (attribute, identity) = official[row]
        with original:
            pictures.append(reduced(original))
        attributes.append(attribute.numpy())
        identities.append(int(identity))
    return {
        "jpeg": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": np.cumsum([0, *map(len, pictures)], dtype=np.int64),
        "image_id": np.array([int(Path(official.filename[row]).stem) for row in rows], np.int32),
        "identity": np.array(identities, np.int16),
        "partition": np.full(len(rows), PARTITIONS[partition], np.uint8),
        "attr_bits": np.packbits(np.stack(attributes).astype(bool), axis=1),
        "attr_names": np.array(names),
    }
