"""CelebA faces: the selection, decoding on demand, and the window used in the literature."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dgm_core import data
from dgm_core.data.celeba_download import reduced
from dgm_core.data.folder import FILES
from tests.data.drawn_faces import SHARDS, attributes, colour, jpeg, write_faces, write_shard

ROOT = Path(__file__).parents[2]


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    write_faces(tmp_path, SHARDS)
    return tmp_path


def numbers(pictures: Tensor) -> list[int]:
    """Numbers of the faces, from their colours; each image must have a single colour."""
    levels = pictures.flatten(2).float()
    assert (levels.amax(2) - levels.amin(2)).max() <= 3
    red, green, blue = ((levels.mean(2) - 8) / 16).round().long().T
    return (red + 16 * green + 256 * blue).tolist()


# --- splits


def test_train_and_valid_split_the_training_shards_and_test_is_the_other(drawn: Path) -> None:
    train, valid, test = (numbers(data.faces(split)) for split in data.SPLITS)
    assert len(valid) == 2
    assert sorted(train + valid) == list(range(24))
    assert test == list(range(24, 30))
    assert numbers(data.faces("train")) == train


def test_load_returns_the_faces_and_whether_they_smile(drawn: Path) -> None:
    for split in data.SPLITS:
        images = data.load("celeba", split, download_missing=False)
        whole = data.faces(split)
        assert whole.dtype == torch.uint8
        assert images.x.dtype == torch.float32
        assert images.x.shape == (len(whole), 3, 64, 64)
        torch.testing.assert_close(images.x * 255, whole.float())
        smiling = [int(attributes(face)[2]) for face in numbers(whole)]
        assert images.y.tolist() == smiling
        assert images.classes == ("not smiling", "smiling")


def test_attributes_belong_to_the_faces_and_have_plain_names(drawn: Path) -> None:
    for split in data.SPLITS:
        table = data.face_attributes(split)
        assert list(table) == ["5 o clock shadow", "eyeglasses", "smiling", "wearing hat"]
        expected = np.array([attributes(face) for face in numbers(data.faces(split))])
        for column, (name, values) in enumerate(table.items()):
            assert values.dtype == bool
            np.testing.assert_array_equal(values, expected[:, column], err_msg=name)


def test_colours_are_in_their_channels(drawn: Path) -> None:
    first = data.faces("test", [0])[0].float().mean((1, 2))
    assert first.tolist() == pytest.approx(colour(24), abs=2)


# --- decoding on demand


def test_rows_come_in_the_requested_order(drawn: Path) -> None:
    train = numbers(data.faces("train"))
    requested = [21, 0, 9, 9, 15, 1]  # across all three files, one of them twice
    assert numbers(data.faces("train", requested)) == [train[row] for row in requested]
    assert data.faces("valid", []).shape == (0, 3, 64, 64)
    np.testing.assert_array_equal(data.faces("test", np.array([5])), data.faces("test")[5:])


@pytest.mark.parametrize("rows", [[-1], [6], [0, 99]])
def test_a_row_that_does_not_exist_is_refused(drawn: Path, rows: list[int]) -> None:
    with pytest.raises(ValueError, match="rows from 0 to 5"):
        data.faces("test", rows)


def test_rows_not_requested_are_not_decoded(drawn: Path) -> None:
    pictures = [jpeg(face) for face in range(24, 30)]
    pictures[2] = b"\xff\xd8 no picture"
    write_shard(drawn / FILES["celeba"][3], range(24, 30), pictures)
    assert numbers(data.faces("test", [1, 3])) == [25, 27]
    assert len(data.face_attributes("test")["smiling"]) == 6
    for rows in ([2], None):
        with pytest.raises(data.DataUnavailable, match=r"celeba64_val.npz cannot be read"):
            data.faces("test", rows)


def test_an_image_of_another_size_is_refused(drawn: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 64)).save(file, "JPEG")
    write_shard(drawn / FILES["celeba"][3], range(24, 25), [file.getvalue()])
    with pytest.raises(data.DataUnavailable, match="fetch celeba"):
        data.faces("test")


@pytest.mark.parametrize("field", ["offsets", "attr_bits"])
def test_a_field_that_is_too_short_is_an_error(drawn: Path, field: str) -> None:
    path = drawn / FILES["celeba"][0]
    with np.load(path) as file:
        fields = dict(file)
    np.savez(path, **fields | {field: fields[field][:-2]})
    with pytest.raises(data.DataUnavailable, match=r"celeba64_train_0.npz cannot be read"):
        data.load("celeba", "train")


@pytest.mark.parametrize("file", FILES["celeba"])
def test_the_set_is_available_only_with_all_its_files(drawn: Path, file: str) -> None:
    assert data.is_available("celeba")
    (drawn / file).unlink()
    assert not data.is_available("celeba")
    for function in (data.faces, data.face_attributes):
        with pytest.raises(data.DataUnavailable, match="data fetch celeba"):
            function("test")


@pytest.mark.parametrize("split", ["", "val", "Train"])
def test_the_error_for_an_unknown_split_lists_the_choices(drawn: Path, split: str) -> None:
    for function in (data.faces, data.face_attributes):
        with pytest.raises(ValueError, match="train, valid, test"):
            function(split)


# --- the window of 32×32


def triangle(inside: int, first: int) -> np.ndarray:
    """(32, 64): the weights of antialiased bilinear reduction, written out."""
    scale = inside / 32
    weights = np.zeros((32, 64))
    for new in range(32):
        middle = (new + 0.5) * scale
        for old in range(inside):
            weights[new, first + old] = max(0, 1 - abs(old + 0.5 - middle) / scale)
    return weights / weights.sum(1, keepdims=True)


def test_the_source_window_is_that_computed_by_hand() -> None:
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = triangle(60, 2) @ x.numpy() @ triangle(50, 7).T
    np.testing.assert_allclose(data.source_window(x), expected, atol=1e-12)


def test_pixels_outside_the_window_have_no_influence() -> None:
    x = torch.full((1, 3, 64, 64), torch.nan)
    x[..., 2:62, 7:57] = 0.25
    torch.testing.assert_close(data.source_window(x), torch.full((1, 3, 32, 32), 0.25))


def test_source_window_equals_the_crop_of_the_public_code() -> None:
    rows, columns = np.mgrid[:218, :178]
    waves = [np.sin(rows / 17 + columns / 23 + phase) for phase in (0, 2, 4)]
    original = Image.fromarray((127.5 * (1 + np.stack(waves, -1))).astype(np.uint8))
    squashed = original.resize((50, 50), Image.Resampling.BILINEAR)
    theirs = np.asarray(squashed, float)[9:41, 9:41] / 255
    face = np.array(Image.open(io.BytesIO(reduced(original))))
    ours64 = torch.from_numpy(face).permute(2, 0, 1)[None].float() / 255
    ours = data.source_window(ours64)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).mean() < 0.02  # a sixth of a pixel, and the JPEG
    whole = torch.nn.functional.interpolate(ours64, (32, 32), mode="area")
    assert np.abs(whole[0].permute(1, 2, 0).numpy() - theirs).mean() > 0.1  # another window


@pytest.mark.parametrize(
    "x", [torch.zeros(1, 3, 32, 32), torch.zeros(3, 64, 64), torch.zeros(1, 3, 64, 64).byte()]
)
def test_source_window_takes_faces_of_64_pixels_only(x: Tensor) -> None:
    with pytest.raises(ValueError, match="expected floats"):
        data.source_window(x)


# --- the real faces, if available


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("DGM_DATA") or str(ROOT.parent / "shared" / "data")
    monkeypatch.setenv("DGM_DATA", folder)
    if not data.is_available("celeba"):
        pytest.skip(f"celeba is not in {folder}")


def test_the_real_faces_are_complete(real: None) -> None:
    tables = {split: data.face_attributes(split) for split in data.SPLITS}
    assert [len(table["young"]) for table in tables.values()] == [29_000, 1_000, 4_535]
    for table in tables.values():
        assert len(table) == 40
        assert 0.4 < table["smiling"].mean() < 0.6
        assert 0.03 < table["eyeglasses"].mean() < 0.1
    images = data.load("celeba", "valid")
    assert images.x.shape == (1_000, 3, 64, 64)
    assert images.x.amin() == 0
    assert images.x.amax() == 1
    assert images.y.tolist() == tables["valid"]["smiling"].tolist()
    seen = {row.numpy().tobytes() for row in data.faces("train", range(2_000))}
    assert not seen & {row.numpy().tobytes() for row in data.faces("valid")}
