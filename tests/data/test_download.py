"""Downloads from a local server that works, fails, or does not answer."""

from __future__ import annotations

import gc
import gzip
import hashlib
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import _openml
from torchvision.datasets import MNIST, SVHN, CelebA, Omniglot

from dgm_core import data
from dgm_core.data import celeba_download, download, table_download
from dgm_core.data.folder import FILES as TARGETS
from tests.data import openml_answers
from tests.data.drawn_faces import colour
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SETS = tuple(TARGETS)
IMAGES = tuple(name for name in SETS if name in data.NAMES)
TABLES = tuple(name for name in SETS if name in data.TABLES)


class Server(ThreadingHTTPServer):
    """Serves `files`; the next `faults` answers come out as `fault` says."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.fault, self.faults = "", 0
        self.requests: list[str] = []
        self.stalled, self.over = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"

    def fail(self, fault: str, times: int = 1_000_000) -> None:
        self.fault, self.faults = fault, times

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that disconnects is part of the test


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        fault = self.server.fault if self.server.faults > 0 else ""
        self.server.faults -= 1
        body = self.server.files.get(self.path)
        if body is None or fault == "404":
            self.send_error(404)
            return
        if fault == "500":
            self.send_error(500)
            return
        if fault == "not http":
            self.wfile.write(b"\x00\x01 what?\r\n\r\n")
            return
        if fault == "hang up":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        length = len(body)
        if fault == "a login page":
            body = b"<html>please log in</html>"
            length = len(body)
        elif fault == "corrupt":
            middle = length // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        elif fault in ("truncated", "stall"):
            body = body[: length // 2]
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        if fault == "stall":
            self.wfile.flush()
            self.server.stalled.set()
            self.server.over.wait(PATIENCE)

    def log_message(self, format: str, *args: object) -> None:
        pass


# torchvision leaves the answers it refuses for the garbage collector to close
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def _collected_here() -> Iterator[None]:
    yield
    gc.collect()


# --- small sets in the official layouts

RNG = np.random.default_rng(0)
MNIST_ARRAYS = {
    "train-images-idx3-ubyte": RNG.integers(0, 256, (30, 28, 28), np.uint8),
    "train-labels-idx1-ubyte": RNG.integers(0, 10, 30).astype(np.uint8),
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (10, 28, 28), np.uint8),
    "t10k-labels-idx1-ubyte": RNG.integers(0, 10, 10).astype(np.uint8),
}
ROWS = {"train": 12, "valid": 4, "test": 5}
BINARY = {part: RNG.integers(0, 2, (rows, 784), np.uint8) for part, rows in ROWS.items()}
DRAWERS = (1, 2, 10)
DRAWINGS = {
    "images_background": ["Zulu/character01", "Greek/character02", "Greek/character01"],
    "images_evaluation": ["Tengwar/character01"],
}


def drawing(character: str, drawer: int) -> np.ndarray:
    """(105, 105) bool, True = ink: a different bar for each character and drawer."""
    ink = np.zeros((105, 105), bool)
    row = sum(map(ord, character)) % 60
    ink[row : row + 20, 5 * drawer : 5 * drawer + 30] = True
    return ink


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def omniglot_zip(folder: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, character in enumerate(DRAWINGS[folder]):
            for drawer in reversed(DRAWERS):  # in no particular order
                picture = io.BytesIO()
                Image.fromarray(~drawing(character, drawer)).save(picture, "PNG")
                path = f"{folder}/{character}/{9 - number:04}_{drawer:02}.png"
                archive.writestr(path, picture.getvalue())
    return file.getvalue()


SVHN_DIGITS = RNG.integers(0, 256, (20, 32, 32, 3), np.uint8)
SVHN_LABELS = np.arange(20, dtype=np.uint8) % 10 + 1  # 10 stands for the digit 0


def svhn_mat() -> bytes:
    file = io.BytesIO()
    savemat(file, {"X": SVHN_DIGITS.transpose(1, 2, 3, 0), "y": SVHN_LABELS[:, None]})
    return file.getvalue()


def amat(digits: np.ndarray) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in digits).encode()


ALIGNED = range(1, 31)
"""CelebA's faces by number: 1–18 are official train, 19–25 valid, 26–30 test."""
ATTRIBUTES = (*(f"Attribute_{index}" for index in range(39)), "Smiling")


def aligned(number: int) -> Image.Image:
    """178×218 with a border that the centre crop must remove."""
    picture = Image.new("RGB", (178, 218), "white")
    picture.paste(colour(number), (15, 35, 163, 183))
    return picture


def img_align_celeba_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in ALIGNED:
            picture = io.BytesIO()
            aligned(number).save(picture, "JPEG", quality=95)
            archive.writestr(f"img_align_celeba/{number:06}.jpg", picture.getvalue())
    return file.getvalue()


def table(head: str, row: Callable[[int], str]) -> bytes:
    return (head + "".join(f"{number:06}.jpg {row(number)}\n" for number in ALIGNED)).encode()


def smiling(number: int) -> bool:
    return number % 3 == 0


ON_DRIVE = {
    "img_align_celeba.zip": img_align_celeba_zip(),
    "list_attr_celeba.txt": table(
        f"30\n{' '.join(ATTRIBUTES)} \n",  # the official header ends in a space, too
        lambda number: " ".join(["-1"] * 39 + ["1" if smiling(number) else "-1"]),
    ),
    "identity_CelebA.txt": table("", lambda number: str(1000 + number // 2)),
    "list_bbox_celeba.txt": table("30\nx_1 y_1 width height\n", lambda _: "0 0 178 218"),
    "list_landmarks_align_celeba.txt": table("30\nlefteye_x lefteye_y\n", lambda _: "70 110"),
    "list_eval_partition.txt": table("", lambda number: str((number > 18) + (number > 25))),
}

FILES = {
    **{f"/{name}": content for name, content in ON_DRIVE.items()},
    **{f"/{name}.gz": idx(array) for name, array in MNIST_ARRAYS.items()},
    **{f"/{folder}.zip": omniglot_zip(folder) for folder in DRAWINGS},
    **{f"/binarized_mnist_{part}.amat": amat(digits) for part, digits in BINARY.items()},
    "/test_32x32.mat": svhn_mat(),
}


OPENML = ("_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES")
"""scikit-learn's names for the addresses of openml.org."""
SMALL = {name: openml_answers.small(name) for name in TABLES}


def md5(path: str) -> str:
    return hashlib.md5(FILES[path], usedforsecurity=False).hexdigest()


RESOURCES = [(f"{name}.gz", md5(f"/{name}.gz")) for name in MNIST_ARRAYS]
SHA256 = {
    part: hashlib.sha256(np.packbits(digits, axis=1).tobytes()).hexdigest()
    for part, digits in BINARY.items()
}


def point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [url])
    monkeypatch.setattr(MNIST, "resources", RESOURCES)
    monkeypatch.setattr(Omniglot, "download_url_prefix", url.rstrip("/"))
    zips = {folder: md5(f"/{folder}.zip") for folder in DRAWINGS}
    monkeypatch.setattr(Omniglot, "zips_md5", zips)
    cropped = [url + "test_32x32.mat", "test_32x32.mat", md5("/test_32x32.mat")]
    monkeypatch.setattr(SVHN, "split_list", {"test": cropped})
    monkeypatch.setattr(download, "SVHN_DIGITS", 18)
    drive = ModuleType("gdown")
    drive.__spec__ = ModuleSpec("gdown", None)

    def from_drive(id: str, output: str, **_: object) -> None:
        with urllib.request.urlopen(url + id) as answer:
            Path(output).write_bytes(answer.read())

    monkeypatch.setattr(drive, "download", from_drive, raising=False)
    monkeypatch.setitem(sys.modules, "gdown", drive)
    listed = [(name, md5(f"/{name}"), name) for name in ON_DRIVE]
    monkeypatch.setattr(CelebA, "file_list", listed)
    monkeypatch.setattr(celeba_download, "SAMPLES", {"train": (5, 4, 4), "valid": (3,)})
    monkeypatch.setattr(download, "BINARIZED_MNIST_URL", url)
    monkeypatch.setattr(download, "BINARIZED_MNIST_SHA256", SHA256)
    for address in OPENML:
        local = getattr(_openml, address).replace("https://www.openml.org/", url)
        monkeypatch.setattr(_openml, address, local)
    monkeypatch.setattr(_openml.time, "sleep", lambda _: None)  # it retries automatically
    for name in TABLES:
        monkeypatch.setitem(table_download.ORIGINS, name, SMALL[name])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(dict(FILES)) as serving:
        for name in TABLES:
            serving.files |= openml_answers.answers(name, serving.url)
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        point_at(serving.url, monkeypatch)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield serving
        serving.over.set()
        serving.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


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
    assert f"python -m dgm_core data fetch {name}" in message
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
        expected = download.area_average(drawing("Tengwar/character01", drawer), 28)
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
    *_, lost = (folder / file for file in TARGETS["celeba"])
    kept = folder / TARGETS["celeba"][0]
    lost.unlink()
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
    asked = len(server.requests)
    data.fetch("mnist", pause=0)
    assert len(server.requests) == asked


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
def test_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
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
def test_a_small_disk_is_full(
    server: Server, mount: Callable[[str], Path], name: str, size: str
) -> None:
    folder = mount(f"size={size}")
    assert "No space left" in fetch_fails(name, folder, attempts=3)


@pytest.mark.parametrize("name", SETS)
def test_a_full_disk_while_saving(
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
    asked = len(server.requests)
    data.fetch(name, pause=0)
    assert len(server.requests) == 2 * asked  # a full disk was not retried three times


def test_a_folder_that_cannot_be_written(server: Server, mount: Callable[[str], Path]) -> None:
    folder = mount("ro")
    assert "cannot be written" in fetch_fails("mnist", folder)
    assert not server.requests


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(server: Server, folder: Path) -> None:
    folder.mkdir(mode=0o555)
    assert "cannot be written" in fetch_fails("mnist", folder)


@pytest.mark.parametrize("below", ["", "further"])
def test_a_folder_that_is_a_file(
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
    doomed = subprocess.Popen([sys.executable, "-c", FETCH, server.url], cwd=ROOT)
    try:
        assert server.stalled.wait(PATIENCE)
    finally:
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
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
    assert [name for name, _ in MNIST.resources] == [name for name, _ in RESOURCES]
    assert all(mirror.startswith("http") for mirror in MNIST.mirrors)
    assert Omniglot.download_url_prefix.startswith("https://")
    assert set(Omniglot.zips_md5) == set(DRAWINGS)
    assert {name for _, _, name in CelebA.file_list} == set(ON_DRIVE)
    assert {part: sum(sizes) for part, sizes in celeba_download.SAMPLES.items()} == {
        "train": 30_000,
        "valid": 4_535,
    }
    assert set(download.BINARIZED_MNIST_SHA256) == set(BINARY)
    assert all(getattr(_openml, name).startswith("https://www.openml.org/") for name in OPENML)
