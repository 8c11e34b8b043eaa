"""Parts of data sets, from a local server that works, fails, or knows no ranges."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dgm_core import data
from dgm_core.data import celeba_sample, download, parts, remote
from dgm_core.data.cluster_images import are_available, cluster_images
from dgm_core.data.folder import FILES as TARGETS
from dgm_core.data.omniglot import FIRST_ROWS, area_average
from dgm_core.data.splits import part_of
from tests.data.drawn_faces import colour
from tests.data.official_server import (
    ATTRIBUTES,
    DRAWERS,
    FILES,
    MNIST_ARRAYS,
    MNIST_PART,
    Server,
    drawing,
    smiling,
)

SETS = tuple(parts.PREPARE)
FAULTS = ("truncated", "corrupt", "404", "500", "hang up", "not http", "a login page")

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def fetch(name: str, **options: object) -> Path:
    return data.fetch(name, extent="part", pause=0, **options)  # type: ignore[arg-type]


def found(folder: Path) -> set[str]:
    entries = folder.iterdir() if folder.is_dir() else []
    return {entry.name for entry in entries if entry.suffix != ".lock"}


def fails(name: str, folder: Path, attempts: int = 1) -> str:
    with pytest.raises(data.DownloadError) as caught:
        fetch(name, attempts=attempts)
    assert found(folder) == set()
    assert not data.is_available(name)
    return str(caught.value)


# --- what a part holds


def test_the_part_of_mnist(server: Server, folder: Path) -> None:
    assert fetch("mnist") == folder / "mnist.npz"
    assert data.part_counts("mnist") == data.PartCounts(MNIST_PART, 30, 10, 10)
    test = data.load("mnist", "test")  # all test images are there
    np.testing.assert_array_equal(
        np.rint(test.x[:, 0].numpy() * 255), MNIST_ARRAYS["t10k-images-idx3-ubyte"]
    )
    images, labels = (
        MNIST_ARRAYS[f"train-{what}-ubyte"] for what in ("images-idx3", "labels-idx1")
    )
    for split in ("train", "valid"):
        rows = part_of(30, 3, split)  # the splits of the whole set
        rows = rows[rows < MNIST_PART]
        loaded = data.load("mnist", split, download_missing=False)
        np.testing.assert_array_equal(np.rint(loaded.x[:, 0].numpy() * 255), images[rows])
        np.testing.assert_array_equal(loaded.y, labels[rows])


def test_only_the_beginning_of_the_training_images_is_read(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PIECE", 512)
    received: list[int] = []
    fetch("mnist", progress=received.append)
    sizes = {name: len(FILES[f"/{file.name}"]) for name, file in parts.MNIST.items()}
    others = sum(sizes.values()) - sizes["x_train"]
    training = sum(received) - others
    assert 0.6 * sizes["x_train"] < training < 0.75 * sizes["x_train"]  # 20 of 30 images


def test_the_part_of_omniglot(server: Server, folder: Path) -> None:
    fetch("omniglot")
    assert data.part_counts("omniglot") == data.PartCounts(6, 9, 3, 3)
    test = data.load("omniglot", "test")
    assert [test.classes[y] for y in test.y] == ["Tengwar"] * 3
    for image, drawer in zip(test.x, DRAWERS, strict=True):
        expected = area_average(drawing("Tengwar/character01", drawer), 28)
        np.testing.assert_array_equal(np.rint(image[0].numpy() * 255), expected)
    with np.load(folder / "omniglot28.npz") as file:
        # alphabets of 20 drawings a character: character 1 or 2, by drawer 1, 2 or 10
        assert file["train_rows"].tolist() == [0, 1, 9, 20, 21, 29]
        assert list(file["alphabet_names"]) == ["Greek", "Tengwar"]
        assert list(file["character_id"]) == [0] * 3 + [1] * 3 + [2] * 3


def test_the_part_of_celeba(server: Server, folder: Path) -> None:
    assert fetch("celeba") == folder / "celeba"
    assert data.part_counts("celeba") == data.PartCounts(10, 30_000, 4, 4_535)
    numbers = celeba_sample.blocks()
    assert set(numbers["train"]) < set(range(1, 19))
    assert set(numbers["valid"]) < set(range(19, 26))
    train = np.sort(np.concatenate([part_of(10, 1, split) for split in ("train", "valid")]))
    assert train.tolist() == list(range(10))
    for split, chosen in {
        "train": numbers["train"][part_of(10, 1, "train")],
        "valid": numbers["train"][part_of(10, 1, "valid")],
        "test": numbers["valid"],
    }.items():
        faces = data.faces(split).numpy().transpose(0, 2, 3, 1).astype(int)
        assert len(faces) == len(chosen)
        for face, number in zip(faces, chosen.tolist(), strict=True):
            assert np.abs(face - colour(number))[4:-4, 4:-4].max() <= 6
        attributes = data.face_attributes(split)
        assert attributes["smiling"].tolist() == [smiling(n) for n in chosen.tolist()]
        assert len(attributes) == len(ATTRIBUTES)
    assert len(data.load("celeba", "train", download_missing=False).x) == 9


def test_the_sample_of_celeba_is_seeded() -> None:
    first, second = celeba_sample.blocks(), celeba_sample.blocks()
    for partition, (low, high) in celeba_sample.NUMBERS.items():
        numbers = first[partition]
        assert len(set(numbers.tolist())) == len(numbers) == 100 * celeba_sample.BLOCKS[partition]
        assert low <= numbers.min()
        assert numbers.max() <= high
        np.testing.assert_array_equal(numbers, second[partition])
    assert sum(map(len, first.values())) == 1000


def test_celeba_reads_ranges_only(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrow margins: records differ in length, so some stretches are read again, wider."""
    monkeypatch.setattr(celeba_sample, "MARGIN", 20)
    fetch("celeba")
    assert set(server.requests) == {"/img_align_celeba.zip", "/list_attr_celeba.txt"}
    assert data.faces("test").shape == (4, 3, 64, 64)


def test_celeba_with_more_entries_than_a_short_end_can_count(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official archive has 202,599 entries; above 65,535 its end has another form."""
    with monkeypatch.context() as many:
        many.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
        with zipfile.ZipFile(io.BytesIO(FILES["/img_align_celeba.zip"])) as old:
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
                new.writestr("img_align_celeba/", "")
                for name in old.namelist():
                    new.writestr(name, old.read(name))
    assert b"PK\6\6" in file.getvalue()
    server.files["/img_align_celeba.zip"] = file.getvalue()
    fetch("celeba")
    assert len(data.faces("test")) == 4


def test_a_face_with_another_checksum_is_refused(server: Server, folder: Path) -> None:
    archive = bytearray(FILES["/img_align_celeba.zip"])
    for member in zipfile.ZipFile(io.BytesIO(bytes(archive))).infolist():
        archive[member.header_offset + 200] ^= 1
    server.files["/img_align_celeba.zip"] = bytes(archive)
    assert "wrong checksum" in fails("celeba", folder)


def test_another_archive_is_refused(server: Server, folder: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("img_align_celeba/000001.jpg", b"a face")
    server.files["/img_align_celeba.zip"] = file.getvalue()
    assert "expected an archive of 30 faces, got 1 entries" in fails("celeba", folder)


def test_attributes_of_another_form_are_refused(server: Server, folder: Path) -> None:
    table = FILES["/list_attr_celeba.txt"].replace(b"-1", b"-2")
    server.files["/list_attr_celeba.txt"] = table
    assert "were not found" in fails("celeba", folder)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no ranges", "The server of celeba sends whole files only"),
        ("a web page", "Google Drive refused celeba; it limits the downloads of a file per day"),
    ],
)
def test_a_server_without_ranges_is_named(
    server: Server, folder: Path, fault: str, words: str
) -> None:
    server.fail(fault)
    message = fails("celeba", folder, attempts=3)
    assert words in message
    assert "1.4 GB: dgm data fetch celeba" in message
    assert len(server.requests) == 1  # neither repeated nor read to the end


def test_mnist_and_omniglot_need_no_ranges(server: Server, folder: Path) -> None:
    server.fail("no ranges")
    for name in ("mnist", "omniglot"):
        fetch(name)
        assert data.is_available(name)


def test_the_rows_of_omniglot_are_those_of_the_whole_set() -> None:
    assert list(FIRST_ROWS.values()) == sorted(FIRST_ROWS.values())
    assert len(FIRST_ROWS) == 30
    assert all(row % 20 == 0 for row in FIRST_ROWS.values())
    assert max(FIRST_ROWS.values()) < parts.OMNIGLOT_TRAINING == 20 * 964


# --- a part is not the whole


@pytest.mark.parametrize("name", SETS)
def test_the_whole_set_replaces_its_part(server: Server, folder: Path, name: str) -> None:
    fetch(name)
    assert data.part_counts(name) is not None
    part = len(data.load(name, "train", download_missing=False).x)
    data.fetch(name, pause=0)
    assert data.part_counts(name) is None
    assert len(data.load(name, "train").x) > part
    assert found(folder) == {Path(file).parts[0] for file in TARGETS[name]}


def test_a_part_does_not_replace_the_whole_set(server: Server, folder: Path) -> None:
    data.fetch("mnist", pause=0)
    requests = len(server.requests)
    fetch("mnist")
    assert data.part_counts("mnist") is None
    assert len(server.requests) == requests


def test_load_fetches_the_whole_set_where_a_part_lacks_images(
    server: Server, folder: Path
) -> None:
    fetch("mnist")
    requests = len(server.requests)
    assert len(data.load("mnist", "test").x) == 10
    assert len(server.requests) == requests
    assert len(data.load("mnist", "train").x) == 27
    assert data.part_counts("mnist") is None


def test_clusters_get_the_same_images_or_none(server: Server, folder: Path) -> None:
    fetch("mnist")
    fetch("omniglot")
    some = cluster_images("mnist", MNIST_PART, deskewed=False)
    np.testing.assert_array_equal(
        some.x[:, 0], MNIST_ARRAYS["train-images-idx3-ubyte"][:MNIST_PART]
    )
    assert not are_available("mnist", MNIST_PART + 1)
    assert not are_available("omniglot", 2)
    for name, count in (("mnist", MNIST_PART + 1), ("mnist", None), ("omniglot", 2)):
        with pytest.raises(
            data.DataUnavailable, match=f"only a part of {name}.*data fetch {name}"
        ):
            cluster_images(name, count, deskewed=False)


@pytest.mark.parametrize("name", ["svhn", "banknote", "binarized_mnist"])
def test_other_sets_have_no_part(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"no part of '{name}'.*mnist, omniglot, celeba"):
        fetch(name)


def test_an_unknown_extent_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="among whole, part, got 'page'"):
        data.fetch("mnist", extent="page")


# --- bad networks, full disks, killed processes


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_answer_leaves_nothing_and_a_retry_works(
    server: Server, folder: Path, name: str, fault: str
) -> None:
    server.fail(fault)
    assert f"data fetch {name}" in fails(name, folder).replace("--part ", "")
    server.fail("", 0)
    fetch(name)
    assert data.is_available(name)
    assert found(folder) == {Path(file).parts[0] for file in TARGETS[name]}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", ["truncated", "500", "hang up"])
def test_a_temporary_fault_is_retried(server: Server, folder: Path, name: str, fault: str) -> None:
    server.fail(fault, times=2)
    fetch(name, attempts=3)
    assert data.is_available(name)


@pytest.mark.parametrize("name", SETS)
def test_a_cut_in_the_middle_of_the_last_file(server: Server, folder: Path, name: str) -> None:
    fetch(name)
    requests = len(server.requests)
    for file in folder.rglob("*.npz"):
        file.unlink()
    server.faults_from = len(server.requests) + requests - 1
    server.fail("truncated")
    assert "could not be downloaded or is corrupt" in message_of(name)


def message_of(name: str) -> str:
    with pytest.raises(data.DownloadError) as caught:
        fetch(name, attempts=1)
    assert not data.is_available(name)
    return str(caught.value)


@pytest.mark.parametrize("name", SETS)
def test_a_silent_server_times_out(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(download, "SILENCE", 0.2)
    server.fail("stall")
    assert "timed out" in fails(name, folder)


def test_a_slow_server_reaches_the_time_limit(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_SECONDS", 0.0)
    assert "timed out after 0 s" in fails("mnist", folder)


@pytest.mark.parametrize("field", ["x_test", "y_train"])
def test_a_wrong_checksum_is_named(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setitem(parts.MNIST, field, parts.MNIST[field]._replace(md5="0" * 32))
    assert "wrong checksum" in fails("mnist", folder)


def test_other_training_images_are_refused(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MNIST_TRAINING_SHA256", "0" * 64)
    assert "train-images-idx3-ubyte.gz has the wrong checksum" in fails("mnist", folder)


def test_a_longer_file_is_not_read_to_its_end(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parts.MNIST, "x_test", parts.MNIST["x_test"]._replace(size=100))
    assert "expected at most 100 bytes" in fails("mnist", folder)


@pytest.mark.parametrize("name", SETS)
def test_a_full_disk(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def no_space(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", no_space)
    assert "No space left" in fails(name, folder, attempts=3)


def test_leftovers_of_a_killed_process_are_removed(server: Server, folder: Path) -> None:
    (folder / ".mnist-killed").mkdir(parents=True)
    (folder / ".mnist-killed" / "mnist.npz").write_bytes(b"half a file")
    fetch("mnist")
    assert found(folder) == {"mnist.npz"}


def test_two_simultaneous_requests_fetch_it_once(server: Server, folder: Path) -> None:
    fetch("mnist")
    once = len(server.requests)
    (folder / "mnist.npz").unlink()
    barrier = threading.Barrier(2)

    def both(_: int) -> Path:
        barrier.wait()
        return fetch("mnist")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(both, range(2))) == [folder / "mnist.npz"] * 2
    assert len(server.requests) == 2 * once


def test_the_stated_sizes_are_those_of_the_official_files() -> None:
    """Ten thousand of MNIST's training images are 1.6 MB, packed as the official file is."""
    whole = sum(file.size for name, file in parts.MNIST.items() if name != "x_train")
    assert abs(parts.SIZES["mnist"] - (whole + 1_610_000 + remote.PIECE)) < 50_000
    assert parts.SIZES["omniglot"] == sum(file.size for file in parts.OMNIGLOT.values())
    faces = 1000 * 1_443_490_838 / celeba_sample.FACES
    margins = 2 * 10 * 2 * celeba_sample.MARGIN
    assert abs(parts.SIZES["celeba"] - faces - margins) < 400_000
