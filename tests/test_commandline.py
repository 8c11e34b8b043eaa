"""The command line as a person types it: what it prints, how it exits, and no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from torchvision.datasets import MNIST
from typer.testing import CliRunner, Result

from dgm_core import data
from dgm_core.__main__ import app
from dgm_core.data import download
from dgm_core.data.folder import files_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def fails(*words: str) -> str:
    """What a failing command says; it ends with 1 and a sentence, not with a traceback."""
    result = run(*words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert not result.stdout
    return result.stderr


def test_data_list_says_what_is_here(folder: Path) -> None:
    (folder / "mnist.npz").touch()
    result = run("data", "list")
    assert result.exit_code == 0
    first, *lines = result.stdout.splitlines()
    assert first == f"folder: {folder}"
    state = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines}
    expected = dict.fromkeys((*data.NAMES, *data.TABLES), "not here")
    always = ("digits", "factors", "iris", "wine", "breast", "diabetes")
    expected |= dict.fromkeys((*always, "mnist"), "here")
    assert state == expected


def test_data_fetch_names_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(name: str) -> None:
        (target,) = files_of(name)
        target.write_bytes(name.encode())

    monkeypatch.setattr(download, "_prepare", prepare)
    result = run("data", "fetch", "mnist", "omniglot")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"mnist: {folder / 'mnist.npz'}",
        f"omniglot: {folder / 'omniglot28.npz'}",
    ]
    assert (folder / "omniglot28.npz").read_bytes() == b"omniglot"


@pytest.mark.parametrize("name", ["cifar", "digits", "../mnist"])
def test_data_fetch_of_an_unknown_name(name: str) -> None:
    assert "mnist, binarized_mnist, omniglot" in fails("data", "fetch", name)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_data_fetch_without_a_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{taken.getsockname()[1]}/"])
        message = fails("data", "fetch", "mnist")
    assert "Check the network and run: python -m dgm_core data fetch mnist" in message
    assert not data.is_available("mnist")
    assert all(left.suffix == ".lock" for left in folder.iterdir())


def test_without_a_command_it_explains_itself() -> None:
    result = run("data", "fetch")
    assert result.exit_code == 2
    assert "Missing argument" in result.output
