"""Named data sets: disjoint splits, values in range, and errors that say what to do."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.data.folder import FILES
from dgm_core.data.omniglot import area_average
from dgm_core.rng import generator
from tests.data.drawn_faces import SHARDS, write_faces

ROOT = Path(__file__).parents[2]
SIZES = {
    "mnist": (55_000, 5_000, 10_000),
    "binarized_mnist": (50_000, 10_000, 10_000),
    "omniglot": (18_280, 1_000, 13_180),
    "digits": (1_297, 200, 300),
}
IN_FILES = [name for name in data.NAMES if name in FILES]
GREY = [name for name in IN_FILES if name not in ("celeba", "svhn", "svhn-grey")]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A name whose files are on this machine; otherwise the test is skipped."""
    folder = os.environ.get("DGM_DATA") or str(ROOT.parent / "shared" / "data")
    monkeypatch.setenv("DGM_DATA", folder)

    def here(name: str) -> str:
        if not data.is_available(name):
            pytest.skip(f"{name} is not in {folder}")
        return name

    return here


def rows(x: Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in x.flatten(1)}


def small_mnist(path: Path) -> None:
    rng = np.random.default_rng(0)
    fields = {}
    for part, count in (("train", 20), ("test", 6)):
        fields[f"x_{part}"] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        fields[f"y_{part}"] = rng.integers(0, 10, count).astype(np.uint8)
    np.savez_compressed(path, **fields)


# --- digits, which are always available


def test_digits_need_no_file(empty: Path) -> None:
    assert data.is_available("digits")
    sets = [data.load("digits", split, download_missing=False) for split in data.SPLITS]
    assert tuple(len(images.x) for images in sets) == SIZES["digits"]
    for images in sets:
        assert images.x.shape[1:] == (1, 28, 28)
        assert images.x.dtype == torch.float32
        assert images.x.min() == 0
        assert 0.9 < images.x.max() <= 1
        assert images.y.dtype == torch.int64
        assert set(images.y.tolist()) == set(range(10))
        assert images.classes == tuple("0123456789")
    assert not any(empty.iterdir())


def test_digits_are_split_without_overlap() -> None:
    train, valid, test = (data.load("digits", split).x for split in data.SPLITS)
    everything = torch.cat([train, valid, test])
    assert len(everything) == 1_797
    assert len(rows(everything)) == len(rows(train)) + len(rows(valid)) + len(rows(test))


def test_digits_are_oriented_like_those_of_mnist() -> None:
    x = data.load("digits", "train").x
    margin = torch.ones(28, 28, dtype=torch.bool)
    margin[4:24, 4:24] = False
    assert not x[:, 0, margin].any()
    assert x.mean() == pytest.approx(0.156, abs=0.01)


def test_the_split_is_the_same_every_time() -> None:
    first, again = data.load("digits", "valid"), data.load("digits", "valid")
    assert torch.equal(first.x, again.x)
    first.x.zero_()  # the caller's copy is independent
    assert data.load("digits", "valid").x.any()


# --- names, splits, folders


@pytest.mark.parametrize("name", ["", "MNIST", "cifar", "../mnist"])
def test_the_error_for_an_unknown_name_lists_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match="mnist, binarized_mnist, omniglot, digits, celeba, svhn"):
        data.load(name, "train")


@pytest.mark.parametrize("name", data.NAMES)
def test_the_error_for_an_unknown_split_lists_the_choices(name: str, empty: Path) -> None:
    with pytest.raises(ValueError, match="train, valid, test"):
        data.load(name, "validation")


@pytest.mark.parametrize("name", IN_FILES)
def test_the_error_for_a_missing_set_says_what_to_do(name: str, empty: Path) -> None:
    assert not data.is_available(name)
    with pytest.raises(data.DataUnavailable) as caught:
        data.load(name, "train", download_missing=False)
    message = str(caught.value)
    for advice in (
        f"data fetch {name}",
        f"DGM_DATA to a folder that contains {' and '.join(FILES[name])}",
        "`digits`",
    ):
        assert advice in message
    assert str(empty) in message


def test_the_folder_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGM_DATA", "~/somewhere")
    assert data.data_folder() == Path.home() / "somewhere"
    for unset in (
        lambda: monkeypatch.setenv("DGM_DATA", ""),
        lambda: monkeypatch.delenv("DGM_DATA"),
    ):
        unset()
        assert data.data_folder().parts[-2:] == ("dgm-lab", "data")
        assert data.data_folder().is_absolute()


def test_a_set_is_read_from_that_folder(empty: Path) -> None:
    small_mnist(empty / "mnist.npz")
    assert data.is_available("mnist")
    train, valid, test = (
        data.load("mnist", split, download_missing=False) for split in data.SPLITS
    )
    assert (len(train.x), len(valid.x), len(test.x)) == (18, 2, 6)
    assert not rows(train.x) & rows(valid.x)
    with np.load(empty / "mnist.npz") as file:
        np.testing.assert_array_equal(np.rint(test.x[:, 0].numpy() * 255), file["x_test"])
        np.testing.assert_array_equal(test.y, file["y_test"])


# --- damaged files


def write_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def write_objects(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, x_test=np.array([{}]), y_test=np.array([{}]))


def write_half(path: Path) -> None:
    small_mnist(path)
    path.write_bytes(path.read_bytes()[:3000])


CORRUPT: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("404: not found"),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "zip magic only": lambda path: path.write_bytes(b"PK\x03\x04"),
    "half": write_half,
    "npy": write_npy,
    "pickle": lambda path: path.write_bytes(pickle.dumps({"x_test": 1})),
    "objects": write_objects,
    "other fields": lambda path: np.savez(path, images=np.zeros((2, 28, 28))),
}


@pytest.mark.parametrize("case", CORRUPT)
@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name in IN_FILES for file in FILES[name]]
)
def test_a_broken_file_says_what_to_do(name: str, file: str, case: str, empty: Path) -> None:
    write_faces(empty, SHARDS)  # one of several files is damaged; the others are intact
    path = empty / file
    CORRUPT[case](path)
    with pytest.raises(data.DataUnavailable) as caught:
        data.load(name, "train" if "train" in file else "test")
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read as {name}")
    assert message.endswith(f"Delete it and run: dgm data fetch {name}")
    assert "unsafely" not in message  # which NumPy proposes


def test_flipped_bits_are_found_or_harmless(empty: Path) -> None:
    path = empty / "mnist.npz"
    small_mnist(path)
    intact, expected = path.read_bytes(), data.load("mnist", "test").x
    refused = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        broken = bytearray(intact)
        broken[rng.integers(len(broken))] ^= 1 << int(rng.integers(8))
        if seed % 2:  # target the headers
            broken[-int(rng.integers(1, 300))] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        try:
            x = data.load("mnist", "test").x
        except data.DataUnavailable:
            refused += 1
        else:
            assert torch.equal(x, expected), f"seed {seed}"
    assert refused > 50


# --- grey levels to ink


def test_area_average_by_hand() -> None:
    ink = np.zeros((3, 3), bool)
    ink[0, 0] = ink[1, 1] = True
    # a target pixel covers 1.5 × 1.5: the corner fully, a quarter of the middle
    expected = [[round(255 * 1.25 / 2.25), round(255 * 0.25 / 2.25)]]
    expected.append([round(255 * 0.25 / 2.25)] * 2)
    np.testing.assert_array_equal(area_average(ink, 2), expected)


@pytest.mark.parametrize("size", [1, 5, 15, 28, 105])
def test_area_average_is_the_mean_of_tiny_tiles(size: int) -> None:
    ink = np.random.default_rng(size).random((15, 15)) < 0.4
    tiles = np.kron(ink, np.ones((size, size)))  # 15 tiles per target pixel and direction
    naive = tiles.reshape(size, 15, size, 15).mean((1, 3))
    np.testing.assert_allclose(area_average(ink, size), 255 * naive, atol=0.5 + 1e-9)


def test_binarize_has_the_grey_level_as_its_mean() -> None:
    grey = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])
    draws = data.binarize(grey.expand(20_000, 5), generator(0))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    error = (grey * (1 - grey) / 20_000).sqrt()
    assert ((draws.mean(0) - grey).abs() <= 5 * error).all()


def test_threshold_is_above_one_half() -> None:
    assert data.threshold(torch.tensor([0.0, 0.5, 0.51, 1.0])).tolist() == [0, 0, 1, 1]


def sorted_images(count: int = 1000) -> data.Images:
    """Images sorted by class and by group, as in Omniglot's file: 10 classes, groups of 20."""
    number = torch.arange(count)
    x = number.float()[:, None, None, None].expand(count, 1, 2, 2)
    return data.Images(x, number // (count // 10), tuple("0123456789"), number // 20)


def test_a_sample_of_a_sorted_set_has_every_class_and_the_mean_of_the_set() -> None:
    images = sorted_images()
    sample = images.sample(100)
    assert images.y[:100].unique().tolist() == [0]  # what the first rows would be
    assert sample.y.bincount(minlength=10).min() > 0
    level = images.x[:, 0, 0, 0]
    error = level.std() * (0.9 / 100) ** 0.5  # drawn without replacement
    assert (sample.x[:, 0, 0, 0].mean() - level.mean()).abs() < 4 * error
    assert (images.x[:100, 0, 0, 0].mean() - level.mean()).abs() > 10 * error


def test_a_sample_keeps_image_label_and_group_together() -> None:
    sample = sorted_images().sample(50)
    number = sample.x[:, 0, 0, 0].long()
    assert len(number.unique()) == 50
    assert sample.y.tolist() == (number // 100).tolist()
    assert sample.groups is not None
    assert sample.groups.tolist() == (number // 20).tolist()


def test_a_smaller_sample_is_the_beginning_of_a_larger_one() -> None:
    images = sorted_images()
    assert torch.equal(images.sample(30).x, images.sample(70).x[:30])
    assert torch.equal(images.sample(40, 30).x, images.sample(70).x[30:])


@pytest.mark.parametrize("count", [1000, 2000])
def test_a_sample_of_everything_has_every_image_once_and_no_stored_order(count: int) -> None:
    images = sorted_images()
    sample = images.sample(count)
    assert torch.equal(sample.x.flatten(1).sort(0).values, images.x.flatten(1))
    assert torch.equal(sample.x[:100], images.sample(100).x)
    assert torch.equal(images.sample(count, 300).x, sample.x[300:])
    assert images.sample(None) is images


def test_a_sample_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 1 image, got 0"):
        sorted_images().sample(0)


# --- the real sets, if available


def test_a_sample_of_omniglot_is_not_of_one_alphabet(real: Callable[[str], str]) -> None:
    images = data.load(real("omniglot"), "test", download_missing=False)
    assert len(images.y[:100].unique()) == 1
    sample = images.sample(100)
    assert len(sample.y.unique()) > 15
    assert sample.groups is not None
    assert images.groups is not None
    assert len(images.groups.unique()) == 659
    assert (images.groups.bincount()[images.groups.unique()] == 20).all()


def test_a_sample_of_binarised_digits_has_more_than_zeros(real: Callable[[str], str]) -> None:
    images = data.load(real("binarized_mnist"), "test", download_missing=False)
    assert len(images.sample(20).y.unique()) > 5


@pytest.mark.parametrize("name", GREY)
def test_the_real_sets_are_complete(name: str, real: Callable[[str], str]) -> None:
    seen: set[bytes] = set()
    for split, count in zip(data.SPLITS, SIZES[name], strict=True):
        images = data.load(real(name), split, download_missing=False)
        assert images.x.shape == (count, 1, 28, 28)
        assert images.x.min() == 0
        assert images.x.max() == 1
        assert images.y.shape == (count,)
        assert 0 <= images.y.min() <= images.y.max() < len(images.classes)
        if name == "mnist":
            assert images.x.mean() == pytest.approx(0.131, abs=0.003)
        if name == "omniglot":
            assert len(images.y.unique()) == (20 if split == "test" else 30)
            assert images.x.mean() == pytest.approx(0.08, abs=0.01)
        if name == "binarized_mnist":
            assert images.x.unique().tolist() == [0, 1]
        if name == "mnist":
            own = rows(images.x[:2_000])
            assert not own & seen
            seen |= own


def test_grey_house_numbers_are_the_luma_of_the_coloured_ones(real: Callable[[str], str]) -> None:
    colour, grey = (data.load(real(name), "valid").x for name in ("svhn", "svhn-grey"))
    assert grey.shape == (len(colour), 1, 32, 32)
    expected = 0.299 * colour[:, 0] + 0.587 * colour[:, 1] + 0.114 * colour[:, 2]
    torch.testing.assert_close(grey[:, 0], expected)
    assert grey.max() <= 1


def test_blocks_of_svhn_have_no_photo_in_common(real: Callable[[str], str]) -> None:
    splits = [data.load(real("svhn"), split, download_missing=False) for split in data.SPLITS]
    assert [images.x.shape for images in splits] == [(n, 3, 32, 32) for n in (8_500, 500, 1_000)]
    with np.load(data.data_folder() / "svhn.npz") as file:
        pixels = torch.cat([images.x for images in splits]).mul(255).round().to(torch.uint8)
        np.testing.assert_array_equal(pixels.permute(0, 2, 3, 1), file["x"])
        np.testing.assert_array_equal(torch.cat([images.y for images in splits]), file["y"])
        if "photo" not in file:
            pytest.skip("the file does not say which digits are of one photo")
        for first in (8_500, 9_000):
            assert file["photo"][first - 1] < file["photo"][first:].min()


def test_omniglot_is_the_area_average_of_the_originals(real: Callable[[str], str]) -> None:
    folder = data.data_folder() if real("omniglot") else Path()
    if not (folder / "omniglot105.npz").is_file():
        pytest.skip("the drawings of 105×105 pixels are not here")
    chosen = np.random.default_rng(0).integers(0, 32_460, 50)
    with np.load(folder / "omniglot105.npz") as file:
        bits = np.unpackbits(file["x105_packed"][chosen], axis=1)[:, : 105 * 105]
    with np.load(folder / "omniglot28.npz") as file:
        expected = file["x28"][chosen]
    for drawing, small in zip(bits.reshape(-1, 105, 105).astype(bool), expected, strict=True):
        np.testing.assert_array_equal(area_average(drawing, 28), small)
