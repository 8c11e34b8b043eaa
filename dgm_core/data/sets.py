"""Read the image data sets by name, and divide their rows into splits.

| name              | images                                 | train / valid / test              |
|-------------------|----------------------------------------|-----------------------------------|
| `mnist`           | grey 28×28                             | 55,000 / 5,000 / 10,000 official  |
| `binarized_mnist` | 0 or 1 (Larochelle's static draw)      | 50,000 / 10,000 / 10,000 official |
| `omniglot`        | grey 28×28, ink = 1                    | 30 alphabets (− 1,000) / 20 others |
| `digits`          | scikit-learn's 8×8, enlarged to 28×28  | 1,297 / 200 / 300                 |
| `celeba`          | colour 64×64, smiling or not           | 29,000 / 1,000 / 4,535 (samples)  |
| `svhn`            | colour 32×32 house numbers             | 8,500 / 500 / 1,000 (see below)   |
| `svhn-grey`       | their grey levels                      | as `svhn`                         |

A part of a set (see `parts`) has the same splits with fewer rows.

A fixed seed chooses the validation rows among the official training rows. Test rows are never used
for training or selection.

For `celeba`, train and valid are 30,000 faces of the official training partition, and test is
4,535 faces of the official *validation* partition. No person is in both partitions, but some
persons are in both train and valid.

`svhn` is the first 10,000 digits of the official *test* set, in its order. Digits from one photo
overlap and are consecutive, so each split is a block that ends where a photo ends. A grey level
is .299 red + .587 green + .114 blue (the luma of ITU-R BT.601).

Some files are sorted: `omniglot` by alphabet and character, `binarized_mnist` by digit. So whoever
measures on a part of a split takes `Images.sample`, never the first rows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from PIL import Image
from torch import Tensor

from dgm_core.data import download
from dgm_core.data.celeba import face_attributes, faces
from dgm_core.data.folder import (
    UNREADABLE,
    DataUnavailable,
    files_of,
    has_all,
    is_available,
    missing,
    opened,
    unreadable,
)
from dgm_core.data.splits import SPLIT_SEED, check_split, training_rows
from dgm_core.rng import Source, uniform

if TYPE_CHECKING:
    from sklearn.utils import Bunch


LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey level."""

SAMPLE_SEED = 1623
"""Seed of the permutation by which `Images.sample` chooses images."""


class Images(NamedTuple):
    """A split of a data set."""

    x: Tensor  # (N, C, H, W) float32 in [0, 1]
    y: Tensor  # (N,) int64, index into classes
    classes: tuple[str, ...]
    groups: Tensor | None = None  # (N,) int64, which images are dependent; None = none are

    def sample(self, count: int | None = None, first: int = 0) -> Images:
        """Images chosen at random, without replacement, by a permutation with a fixed seed.

        A smaller sample is the beginning of a larger one. The images of a class are as frequent in
        it as in the split, up to chance; the first rows of a sorted file are all of one class.

        Args:
            count: number of images, or a larger number for all of them, in the order of the
                permutation too; None = the split itself, in the stored order.
            first: position in the permutation of the first image, for samples without overlap.

        Raises:
            ValueError: `count` is less than 1.
        """
        if count is None:
            return self
        if count < 1:
            raise ValueError(f"expected at least 1 image, got {count}")
        order = np.random.default_rng(SAMPLE_SEED).permutation(len(self.x))
        rows = torch.from_numpy(order[first : first + count])
        groups = None if self.groups is None else self.groups[rows]
        return Images(self.x[rows], self.y[rows], self.classes, groups)


def load(name: str, split: str, *, download_missing: bool = True) -> Images:
    """The split `train`, `valid` or `test` of a named data set.

    Args:
        name: one of `NAMES`.
        split: one of `SPLITS`.
        download_missing: whether to download a set that is not on this machine, or of which only
            a part without all images of this split is; if False, a part will do.

    Raises:
        ValueError: there is no such data set or split.
        DataUnavailable: the set is broken, or missing and `download_missing` is False.
        DownloadError: the download failed; the message says why and what to do.
    """
    if name not in _READERS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(NAMES)}")
    check_split(split)
    if download_missing:
        if not has_all(name, split):
            download.fetch(name)
    elif not is_available(name):
        raise missing(name)
    try:
        return _READERS[name](split)
    except DataUnavailable:
        raise
    except UNREADABLE as error:
        raise unreadable(name, files_of(name)[0], error) from error


def binarize(x: Tensor, source: Source) -> Tensor:
    """1 with probability p at grey level p; *dynamic* binarisation if redrawn at each use."""
    return (uniform(tuple(x.shape), source, x.dtype) < x).to(x.dtype)


def threshold(x: Tensor) -> Tensor:
    """1 above one half, else 0: the fixed binary image that the lab shows and scores."""
    return (x > 0.5).to(x.dtype)


def _arrays(name: str) -> AbstractContextManager[NpzFile]:
    return opened(name, files_of(name)[0])


def _mnist(split: str) -> Images:
    with _arrays("mnist") as file:
        part = "test" if split == "test" else "train"
        x, y = file[f"x_{part}"], file[f"y_{part}"]
        rows = slice(None) if split == "test" else training_rows(file, len(x), 5000, split)
    return _images(x[rows], y[rows], tuple("0123456789"))


def _binarized_mnist(split: str) -> Images:
    with _arrays("binarized_mnist") as file:
        x = np.unpackbits(file[split], axis=1)[:, :784].reshape(-1, 28, 28) * np.uint8(255)
        label = f"{split}_y"
        y = file[label] if label in file else np.zeros(len(x))
        classes = tuple("0123456789") if label in file else ("digit",)
    return _images(x, y, classes)


def _omniglot(split: str) -> Images:
    with _arrays("omniglot") as file:
        evaluation = file["is_evaluation"].astype(bool)
        chosen = np.flatnonzero(evaluation == (split == "test"))
        if split != "test":
            chosen = chosen[training_rows(file, len(chosen), 1000, split)]
        x, alphabet = file["x28"][chosen], file["alphabet_id"][chosen]
        characters = file["character_id"][chosen].astype(np.int64)
        names = tuple(str(name) for name in file["alphabet_names"])
    return _images(x, alphabet, names)._replace(groups=torch.from_numpy(characters))


@lru_cache(maxsize=1)
def _all_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # scikit-learn costs a second of start-up

    bunch = cast("Bunch", load_digits())  # a tuple only with return_X_y
    return np.stack([_enlarge(image) for image in bunch.images]), bunch.target


def _enlarge(digit: np.ndarray) -> np.ndarray:
    """8×8 levels 0–16 → 28×28 uint8: bicubic to 20×20 with a border of 4, as in MNIST.

    Enlarging blurs the edges; tripling the contrast makes strokes about as sharp as MNIST's.
    """
    small = Image.fromarray((digit * (255 / 16)).round().astype(np.uint8))
    large = np.asarray(small.resize((20, 20), Image.Resampling.BICUBIC), np.float64)
    crisp = np.clip(3 * (large - 127.5) + 127.5, 0, 255).round().astype(np.uint8)
    return np.pad(crisp, 4)


def _digits(split: str) -> Images:
    x, y = _all_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    rows = {"test": order[:300], "valid": order[300:500], "train": order[500:]}[split]
    return _images(x[rows], y[rows], tuple("0123456789"))


def _celeba(split: str) -> Images:
    smiling = face_attributes(split)["smiling"]
    pixels = faces(split).float().div_(255)
    return Images(pixels, torch.from_numpy(smiling.astype(np.int64)), ("not smiling", "smiling"))


def _svhn(split: str, name: str = "svhn") -> Images:
    with _arrays(name) as file:
        x, y = file["x"], file["y"]
    valid, test = len(x) * 17 // 20, len(x) * 9 // 10  # rows 8500 and 9000 begin a photo
    rows = {"train": slice(valid), "valid": slice(valid, test), "test": slice(test, None)}[split]
    pixels = torch.from_numpy(x[rows].transpose(0, 3, 1, 2)).float().div_(255)
    return Images(pixels, torch.from_numpy(y[rows].astype(np.int64)), tuple("0123456789"))


def _svhn_grey(split: str) -> Images:
    colour = _svhn(split, "svhn-grey")
    return colour._replace(x=torch.einsum("bchw,c->bhw", colour.x, torch.tensor(LUMA))[:, None])


def _images(x: np.ndarray, y: np.ndarray, classes: tuple[str, ...]) -> Images:
    pixels = torch.from_numpy(np.ascontiguousarray(x)).unsqueeze(1).float().div_(255)
    return Images(pixels, torch.from_numpy(y.astype(np.int64)), classes)


_READERS: dict[str, Callable[[str], Images]] = {
    "mnist": _mnist,
    "binarized_mnist": _binarized_mnist,
    "omniglot": _omniglot,
    "digits": _digits,
    "celeba": _celeba,
    "svhn": _svhn,
    "svhn-grey": _svhn_grey,
}
NAMES = tuple(_READERS)
