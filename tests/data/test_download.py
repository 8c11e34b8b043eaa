"""Downloads from a local server that works, fails, or does not answer."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import _openml

from dgm_core import data
from dgm_core.data import celeba_download, celeba_sample, download, parts, table_download
from dgm_core.data.folder import FILES as TARGETS
from dgm_core.data.omniglot import area_average
from tests.data import openml_answers
from tests.data.drawn_faces import colour
from tests.data.official_server import (
    ATTRIBUTES,
    BINARY,
    DRAWERS,
    DRAWINGS,
    MNIST_ARRAYS,
    ON_DRIVE,
    OPENML,
    RESOURCES,
    SMALL,
    SVHN_DIGITS,
    SVHN_LABELS,
    Server,
    drawing,
    point_at,
    smiling,
)
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SETS = tuple(TARGETS)
IMAGES = tuple(name for name in SETS if name in data.NAMES)
TABLES = tuple(name for name in SETS if name in data.TABLES)


# torchvision leaves the answers it refuses for the garbage collector to close
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def found(folder: Path) -> set[str]:
    """Files in the data folder, except the locks, which stay and are empty."""
    entries = set(folder.iterdir()) if folder.is_dir() else set()
    locks = {entry for entry in entries if entry.suffix == ".lock"}
    assert not any(lock.stat().st_size for lock in locks)
    return {entry.name for entry in entries - locks}


def prepared(name: str) -> set[str]:
    """The result of `found` when the set is available and nothing else is."""
    return {Path(file).parts[0] for file in TARGETS[name]}


def fetch_fails(name: str, folder: Path, attempts: int = 1) -> str:
    with pytest.raises(data.DownloadError) as caught:
        data.fetch(name, attempts=attempts, pause=0)
    assert found(folder) <= set()
    assert not data.is_available(name)
    message = str(caught.value)
    assert f"dgm data fetch {name}" in message
    assert "DGM_DATA" in message
    return message


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    message = fetch_fails("mnist", folder, attempts=3)
    assert "a package is missing" in message
    assert "torchvision" in message


# --- good downloads


def test_mnist_is_prepared_correctly(server: Server, folder: Path) -> None:
    assert data.fetch("mnist", pause=0) == folder / "mnist.npz"
    assert found(folder) == {"mnist.npz"}
    test = data.load("mnist", "test", download_missing=False)
    np.testing.assert_array_equal(
        np.rint(test.x[:, 0].numpy() * 255), MNIST_ARRAYS["t10k-images-idx3-ubyte"]
    )
    np.testing.assert_array_equal(test.y, MNIST_ARRAYS["t10k-labels-idx1-ubyte"])
    train, valid = (data.load("mnist", split) for split in ("train", "valid"))
    levels = sorted(image.sum().item() for image in [*train.x, *valid.x])
    expected = MNIST_ARRAYS["train-images-idx3-ubyte"].sum((1, 2)) / 255
    np.testing.assert_allclose(levels, np.sort(expected), rtol=1e-5)


def test_binarized_mnist_is_prepared_correctly(server: Server, folder: Path) -> None:
    data.fetch("binarized_mnist", pause=0)
    assert found(folder) == {"binarized_mnist.npz"}
    for part, digits in BINARY.items():
        images = data.load("binarized_mnist", part, download_missing=False)
        np.testing.assert_array_equal(images.x.reshape(-1, 784), digits)


def test_omniglot_is_prepared_correctly(server: Server, folder: Path) -> None:
    data.fetch("omniglot", pause=0)
    assert found(folder) == {"omniglot28.npz"}
    test = data.load("omniglot", "test", download_missing=False)
    assert [test.classes[y] for y in test.y] == ["Tengwar"] * 3
    for image, drawer in zip(test.x, DRAWERS, strict=True):
        expected = area_average(drawing("Tengwar/character01", drawer), 28)
        np.testing.assert_array_equal(np.rint(image[0].numpy() * 255), expected)


@pytest.mark.parametrize("seed", range(3))
def test_omniglot_is_sorted_for_any_order_of_the_file_system(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng, glob = np.random.default_rng(seed), Path.glob

    def shuffled(path: Path, pattern: str) -> list[Path]:
        return rng.permutation(np.array(list(glob(path, pattern)), object)).tolist()

    monkeypatch.setattr(Path, "glob", shuffled)
    data.fetch("omniglot", pause=0)
    with np.load(folder / "omniglot28.npz") as file:
        assert list(file["alphabet_names"]) == ["Greek", "Zulu", "Tengwar"]
        characters = ["Greek/character01", "Greek/character02", "Zulu/character01"]
        assert list(file["character_names"]) == [*characters, "Tengwar/character01"]
        assert list(file["alphabet_id"]) == [0] * 6 + [1] * 3 + [2] * 3
        assert list(file["character_id"]) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
        assert list(file["drawer"]) == list(DRAWERS) * 4
        assert list(file["is_evaluation"]) == [0] * 9 + [1] * 3


def faces_in(folder: Path) -> dict[str, list[int]]:
    """Numbers of the faces in each file, from their colours."""
    within = {}
    for path in sorted(folder.glob("celeba/*.npz")):
        with np.load(path) as file:
            jpeg, offsets = file["jpeg"].tobytes(), file["offsets"]
            assert len(jpeg) == offsets[-1]
            within[path.stem] = file["image_id"].tolist()
            for start, end, number in zip(
                offsets[:-1], offsets[1:], file["image_id"], strict=True
            ):
                face = Image.open(io.BytesIO(jpeg[start:end]))
                assert (face.format, face.mode, face.size) == ("JPEG", "RGB", (64, 64))
                assert face.layer[0][1:3] == (1, 1), "colours are not subsampled"
                # no trace of the white border, except for the JPEG artefacts of the originals
                off = np.abs(np.asarray(face, int) - colour(number))
                assert off[4:-4, 4:-4].max() <= 6
            assert file["identity"].tolist() == [1000 + n // 2 for n in file["image_id"]]
            bits = np.unpackbits(file["attr_bits"], axis=1)
            assert tuple(file["attr_names"]) == ATTRIBUTES
            np.testing.assert_array_equal(bits[:, 39], [smiling(n) for n in file["image_id"]])
            assert not bits[:, :39].any()
            assert set(file["partition"]) == {int("val" in path.stem)}
    return within


def test_svhn_is_prepared_correctly(server: Server, folder: Path) -> None:
    data.fetch("svhn", pause=0)
    assert found(folder) == {"svhn.npz"}
    with np.load(folder / "svhn.npz") as file:
        np.testing.assert_array_equal(file["x"], SVHN_DIGITS[:18])
        np.testing.assert_array_equal(file["y"], SVHN_LABELS[:18] % 10)
    test = data.load("svhn", "test", download_missing=False)
    assert test.x.shape == (2, 3, 32, 32)
    levels = (test.x * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(levels, SVHN_DIGITS[16:18])
    assert test.y.tolist() == [7, 8]


def test_celeba_is_prepared_correctly(server: Server, folder: Path) -> None:
    assert data.fetch("celeba", pause=0) == folder / "celeba"
    within = faces_in(folder)
    assert [len(numbers) for numbers in within.values()] == [5, 4, 4, 3]
    *train, valid = within.values()
    drawn = [number for numbers in train for number in numbers]
    assert len(set(drawn)) == 13
    assert set(drawn) < set(range(1, 19))
    assert set(valid) < set(range(19, 26))
    assert len(set(valid)) == 3
    assert drawn != sorted(drawn)  # a random sample; each file is a random part of it
    assert len(data.load("celeba", "train").x) == 12
    assert data.face_attributes("test")["smiling"].tolist() == [smiling(n) for n in valid]


def test_celeba_is_the_same_sample_every_time(server: Server, folder: Path) -> None:
    data.fetch("celeba", pause=0)
    first = faces_in(folder)
    (folder / "celeba" / "celeba64_val.npz").unlink()
    data.fetch("celeba", pause=0)
    assert faces_in(folder) == first


def test_a_partial_celeba_is_replaced_as_a_whole(server: Server, folder: Path) -> None:
    data.fetch("celeba", pause=0)
    *_, deleted = (folder / file for file in TARGETS["celeba"])
    kept = folder / TARGETS["celeba"][0]
    deleted.unlink()
    kept.write_bytes(b"of another sample, perhaps")
    data.fetch("celeba", pause=0)
    assert [len(numbers) for numbers in faces_in(folder).values()] == [5, 4, 4, 3]


def test_celeba_without_gdown_fails_immediately(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gdown")
    monkeypatch.setattr(celeba_download, "find_spec", lambda name: None)
    assert "pip install gdown" in fetch_fails("celeba", folder, attempts=3)
    assert not server.requests


def test_a_spent_quota_of_google_drive_says_what_to_do(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = type("FileURLRetrievalError", (Exception,), {"__module__": "gdown.exceptions"})
    calls: list[str] = []

    def refuse(id: str, **_: object) -> None:
        calls.append(id)
        raise refused("Too many users have viewed\n\tor downloaded this file recently.")

    monkeypatch.setattr(sys.modules["gdown"], "download", refuse)
    message = fetch_fails("celeba", folder, attempts=3)
    assert "Too many users have viewed or downloaded this file recently." in message
    assert "wait until tomorrow" in message
    assert len(calls) == 1  # an immediate retry would not help


def test_an_error_of_the_program_is_not_called_a_quota(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(**_: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(sys.modules["gdown"], "download", mistaken)
    with pytest.raises(AttributeError):
        data.fetch("celeba", pause=0)
    assert found(folder) == set()


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_prepared_correctly(server: Server, folder: Path, name: str) -> None:
    file = folder / TARGETS[name][0]
    assert data.fetch(name, pause=0) == file
    assert found(folder) == {"uci"}
    assert list(file.parent.iterdir()) == [file]
    pd.testing.assert_frame_equal(
        pd.read_csv(file, na_values=["?"]), openml_answers.drawn(name), check_dtype=False
    )


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"rows": openml_answers.ROWS + 1}, "shape"),
        ({"sums": dict.fromkeys(["a", "b", "c", "d", "class"], 0.0)}, "to sum to"),
        ({"codes": {"1": 1, "2": 0}}, "class to sum to"),
        ({"codes": {}}, "class to sum to"),
    ],
)
def test_another_table_of_the_same_number_is_refused(
    server: Server,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    mistake: dict[str, object],
    words: str,
) -> None:
    other = SMALL["banknote"]._replace(**mistake)
    monkeypatch.setitem(table_download.ORIGINS, "banknote", other)
    message = fetch_fails("banknote", folder)
    assert "data set 1462 of openml.org differs from the expected one" in message
    assert words in message


def test_load_fetches_what_is_missing(server: Server, folder: Path) -> None:
    assert len(data.load("mnist", "test").x) == 10


def test_an_available_set_is_not_fetched_again(server: Server, folder: Path) -> None:
    data.fetch("mnist", pause=0)
    requests = len(server.requests)
    data.fetch("mnist", pause=0)
    assert len(server.requests) == requests


def test_two_simultaneous_requests_fetch_it_once(server: Server, folder: Path) -> None:
    data.fetch("mnist", pause=0)
    once = len(server.requests)
    (folder / "mnist.npz").unlink()
    with ThreadPoolExecutor(2) as both:
        fetched = list(both.map(lambda _: data.fetch("mnist", pause=0), range(2)))
    assert fetched == [folder / "mnist.npz"] * 2
    assert len(server.requests) == 2 * once


def test_a_set_without_a_download_is_reported(folder: Path) -> None:
    with pytest.raises(ValueError, match="mnist, binarized_mnist, omniglot"):
        data.fetch("cifar")


# --- bad networks

FAULTS = ("truncated", "corrupt", "404", "500", "hang up", "not http", "a login page")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_answer_leaves_nothing_and_a_retry_works(
    server: Server, folder: Path, name: str, fault: str
) -> None:
    server.fail(fault)
    message = fetch_fails(name, folder)
    assert "could not be downloaded or is corrupt" in message
    assert ("`digits`" if name in IMAGES else "`iris`") in message
    server.fail("", 0)
    assert data.fetch(name, pause=0).exists()
    assert found(folder) == prepared(name)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_temporary_fault_is_retried(server: Server, folder: Path, name: str, fault: str) -> None:
    server.fail(fault, times=2)  # two requests per file: its address, then its content
    assert data.fetch(name, attempts=3, pause=0).exists()
    assert data.is_available(name)
    assert found(folder) == prepared(name)


def test_it_gives_up_after_its_attempts(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    server.fail("500")
    with pytest.raises(data.DownloadError):
        data.fetch("mnist", attempts=4, pause=1.5)
    assert pauses == [1.5] * 3
    assert len(server.requests) == 4


@pytest.mark.parametrize("name", SETS)
def test_a_missing_network_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        point_at(f"http://127.0.0.1:{taken.getsockname()[1]}/", monkeypatch)
        assert "network" in fetch_fails(name, folder, attempts=2)


def test_a_wrong_checksum_is_named(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(download.BINARIZED_MNIST_SHA256, "valid", "0" * 64)
    assert "wrong checksum" in fetch_fails("binarized_mnist", folder)


@pytest.mark.parametrize("name", SETS)
def test_a_silent_server_times_out(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(download, "SILENCE", 0.2)
    server.fail("stall")
    assert "timed out" in fetch_fails(name, folder)
    assert socket.getdefaulttimeout() is None


# --- bad disks


def mounted(where: Path, options: str) -> bool:
    where.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    where = tmp_path / "disk"

    def make(options: str) -> Path:
        if not mounted(where, options):
            pytest.skip("a small disk can be mounted by root only")
        monkeypatch.setenv("DGM_DATA", str(where))
        return where

    yield make
    if os.path.ismount(where):
        subprocess.run(["umount", str(where)], check=True)


@pytest.mark.parametrize("name", IMAGES)  # the small tables would fit
@pytest.mark.parametrize("size", ["4k", "16k", "24k"])
def test_a_full_disk_is_reported(
    server: Server, mount: Callable[[str], Path], name: str, size: str
) -> None:
    folder = mount(f"size={size}")
    assert "No space left" in fetch_fails(name, folder, attempts=3)


@pytest.mark.parametrize("name", SETS)
def test_a_disk_that_fills_up_while_saving_is_reported(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def no_space(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half a file")
        raise OSError(28, "No space left on device")

    def no_space_for_a_table(frame: pd.DataFrame, path: Path, **_: object) -> None:
        with path.open("wb") as file:
            no_space(file)

    with monkeypatch.context() as full:
        full.setattr(np, "savez_compressed", no_space)
        full.setattr(pd.DataFrame, "to_csv", no_space_for_a_table)
        assert "No space left" in fetch_fails(name, folder, attempts=3)
    requests = len(server.requests)
    data.fetch(name, pause=0)
    assert len(server.requests) == 2 * requests  # a full disk was not retried three times


def test_a_folder_that_cannot_be_written_is_reported(
    server: Server, mount: Callable[[str], Path]
) -> None:
    folder = mount("ro")
    assert "cannot be written" in fetch_fails("mnist", folder)
    assert not server.requests


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_reported(server: Server, folder: Path) -> None:
    folder.mkdir(mode=0o555)
    assert "cannot be written" in fetch_fails("mnist", folder)


@pytest.mark.parametrize("below", ["", "further"])
def test_a_folder_that_is_a_file_is_reported(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (tmp_path / "file").write_text("I am not a folder")
    monkeypatch.setenv("DGM_DATA", str(tmp_path / "file" / below))
    assert "cannot be written" in fetch_fails("mnist", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "I am not a folder"


# --- a killed process

FETCH = """
import sys
from torchvision.datasets import MNIST
from dgm_core import data
MNIST.mirrors = [sys.argv[1]]
data.fetch("mnist", attempts=1)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of Unix")
def test_a_killed_download_leaves_no_trace(server: Server, folder: Path) -> None:
    server.fail("stall")
    killed = subprocess.Popen([sys.executable, "-c", FETCH, server.url], cwd=ROOT)
    try:
        assert server.stalled.wait(PATIENCE)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert not data.is_available("mnist")
    assert all(name.startswith(".mnist-") for name in found(folder))
    (folder / ".mnist-killed-while-saving").mkdir()
    server.fail("", 0)
    data.fetch("mnist", attempts=1)
    assert found(folder) == {"mnist.npz"}
    assert len(data.load("mnist", "test").x) == 10


def test_temporary_files_of_another_set_are_kept(server: Server, folder: Path) -> None:
    (folder / ".omniglot-other").mkdir(parents=True)
    (folder / "notes.part").write_text("mine")
    data.fetch("mnist", pause=0)
    assert found(folder) == {"mnist.npz", ".omniglot-other", "notes.part"}


def test_an_interrupted_download_leaves_nothing(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fetch("mnist", pause=0)
    assert found(folder) == set()


def test_the_official_addresses_are_those_of_torchvision() -> None:
    """Replaced functions must exist; otherwise the tests would not test the real code."""
    from torchvision.datasets import MNIST, CelebA, Omniglot

    assert [name for name, _ in MNIST.resources] == [name for name, _ in RESOURCES]
    assert list(parts.MNIST_MIRRORS) == MNIST.mirrors
    stated = {file.name: file.md5 for file in parts.MNIST.values() if file.md5}
    assert stated.items() < dict(MNIST.resources).items()
    assert Omniglot.download_url_prefix + "/" == parts.OMNIGLOT_URL
    assert parts.OMNIGLOT["test"].md5 == Omniglot.zips_md5["images_evaluation"]
    on_drive = {name: number for number, _, name in CelebA.file_list}
    assert on_drive["img_align_celeba.zip"] == celeba_sample.ARCHIVE
    assert on_drive["list_attr_celeba.txt"] == celeba_sample.ATTRIBUTES
    assert Omniglot.download_url_prefix.startswith("https://")
    assert set(Omniglot.zips_md5) == set(DRAWINGS)
    assert {name for _, _, name in CelebA.file_list} == set(ON_DRIVE)
    assert {part: sum(sizes) for part, sizes in celeba_download.SAMPLES.items()} == {
        "train": 30_000,
        "valid": 4_535,
    }
    assert set(download.BINARIZED_MNIST_SHA256) == set(BINARY)
    assert all(getattr(_openml, name).startswith("https://www.openml.org/") for name in OPENML)
