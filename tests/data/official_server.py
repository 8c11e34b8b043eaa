"""A local server of small data sets in the official layouts, which fails on request."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import socket
import struct
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import _openml

from dgm_core import data
from dgm_core.data import celeba_download, celeba_sample, download, parts, table_download
from dgm_core.data.folder import FILES as TARGETS
from tests.data import openml_answers
from tests.data.drawn_faces import colour
from tests.patience import PATIENCE

TABLES = tuple(name for name in TARGETS if name in data.TABLES)


class Server(ThreadingHTTPServer):
    """Serves `files`; the next `faults` answers have the fault named `fault`."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.fault, self.faults = "", 0
        self.faults_from = 0  # requests that are answered well before
        self.requests: list[str] = []
        self.sent = 0
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
        fault = ""
        if self.server.faults > 0 and len(self.server.requests) > self.server.faults_from:
            fault = self.server.fault
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
        total = len(body)
        requested = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if requested is not None and fault not in ("no ranges", "a web page", "a login page"):
            body = body[int(requested[1]) : int(requested[2]) + 1]
        else:
            requested = None
        self.server.sent += len(body)
        length = len(body)
        if fault in ("a login page", "a web page"):
            body = b"<html>please log in</html>"
            length = len(body)
        elif fault == "corrupt":
            middle = length // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        elif fault in ("truncated", "stall"):
            body = body[: length // 2]
        rest = b""
        if fault == "hold":  # the second half comes later
            body, rest = body[: length // 2], body[length // 2 :]
        self.send_response(200 if requested is None else 206)
        if requested is not None:
            self.send_header("Content-Range", f"bytes {requested[1]}-{requested[2]}/{total}")
        kind = "text/html" if fault in ("a login page", "a web page") else "application/zip"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        if fault in ("stall", "hold"):
            self.wfile.flush()
            self.server.stalled.set()
            self.server.over.wait(PATIENCE)
            self.wfile.write(rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


# --- small sets in the official layouts

RNG = np.random.default_rng(0)
MNIST_ARRAYS = {
    "train-images-idx3-ubyte": RNG.integers(0, 256, (30, 28, 28), np.uint8),
    "train-labels-idx1-ubyte": RNG.integers(0, 10, 30).astype(np.uint8),
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (10, 28, 28), np.uint8),
    "t10k-labels-idx1-ubyte": RNG.integers(0, 10, 10).astype(np.uint8),
}
MNIST_PART = 20
"""Training images of the part."""
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


def omniglot_zip(folder: str, first: int = 0) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, character in enumerate(DRAWINGS[folder][first:]):
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
    "/images_background_small1.zip": omniglot_zip("images_background", 1),
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
    from torchvision.datasets import MNIST, SVHN, CelebA, Omniglot  # slow to import

    monkeypatch.setattr(MNIST, "mirrors", [url])
    monkeypatch.setattr(MNIST, "resources", RESOURCES)
    monkeypatch.setattr(Omniglot, "download_url_prefix", url.rstrip("/"))
    zips = {folder: md5(f"/{folder}.zip") for folder in DRAWINGS}
    monkeypatch.setattr(Omniglot, "zips_md5", zips)
    point_parts_at(url, monkeypatch)
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


def point_parts_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MNIST_MIRRORS", (url,))
    monkeypatch.setattr(parts, "OMNIGLOT_URL", url)
    for files in (parts.MNIST, parts.OMNIGLOT):
        for key, file in files.items():
            content = FILES[f"/{file.name}"]
            small = file._replace(size=len(content), md5=md5(f"/{file.name}"), sha256="")
            monkeypatch.setitem(files, key, small)
    images = MNIST_ARRAYS["train-images-idx3-ubyte"][:MNIST_PART]
    monkeypatch.setattr(parts, "MNIST_TRAINING", MNIST_PART)
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    monkeypatch.setattr(parts, "MNIST_TRAINING_SHA256", digest)
    monkeypatch.setattr(parts, "OMNIGLOT_TRAINING", 9)
    monkeypatch.setattr(parts, "FIRST_ROWS", {"Greek": 0, "Zulu": 40})
    monkeypatch.setattr(celeba_sample, "ADDRESS", url + "{}")
    monkeypatch.setattr(celeba_sample, "ARCHIVE", "img_align_celeba.zip")
    monkeypatch.setattr(celeba_sample, "ATTRIBUTES", "list_attr_celeba.txt")
    monkeypatch.setattr(celeba_sample, "FACES", len(ALIGNED))
    monkeypatch.setattr(celeba_sample, "NUMBERS", {"train": (1, 18), "valid": (19, 25)})
    monkeypatch.setattr(celeba_sample, "BLOCK", 2)
    monkeypatch.setattr(celeba_sample, "BLOCKS", {"train": 5, "valid": 2})


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve the sets, and let the library fetch them from here."""
    with Server(dict(FILES)) as server:
        for name in TABLES:
            server.files |= openml_answers.answers(name, server.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        point_at(server.url, monkeypatch)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield server
        server.over.set()
        server.shutdown()
        thread.join()
