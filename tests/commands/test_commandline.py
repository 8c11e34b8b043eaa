"""The command line: its output, its exit codes, and messages without a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from dgm_core import data, recipes
from dgm_core.__main__ import app
from dgm_core.commands import evaluate
from dgm_core.commands import impute as imputing
from dgm_core.data import download, writing
from dgm_core.data.folder import files_of
from dgm_core.estimators import impute_table
from dgm_core.options import impute as options

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def fails(*words: str) -> str:
    """The message of a command that must fail with exit code 1, without a traceback."""
    result = run(*words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert not result.stdout
    return result.stderr


def test_data_list_shows_the_available_sets(folder: Path) -> None:
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
    def prepare(name: str, *_: object) -> None:
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
def test_data_fetch_without_a_network_gives_an_error_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:  # bound, but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{taken.getsockname()[1]}/"])
        message = fails("data", "fetch", "mnist")
    assert "Check the network and run: dgm data fetch mnist" in message
    assert not data.is_available("mnist")
    assert all(left.suffix == ".lock" for left in folder.iterdir())


LOADED = """
import sys
from dgm_core.__main__ import app
app(sys.argv[1:], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""
HEAVY = {
    "sklearn",
    "pandas",
    "scipy.stats",
    "dgm_core.estimators",
    "dgm_core.scale.tables",
    "dgm_core.studies",
    "dgm_core.estimators.impute_table",
    "dgm_core.recipes",
}


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("--help", {"torch"}),
        ("bench samplers --help", {"torch"}),
        ("data list", set()),
        ("models", set()),
    ],
)
def test_a_command_loads_only_what_it_needs(command: str, more: set[str]) -> None:
    words = [sys.executable, "-c", LOADED, *command.split()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "dgm_core.commands" in loaded
    assert not loaded & (HEAVY | more)


def test_duplicated_constants_are_equal() -> None:
    assert get_args(options.Model) == tuple(options.MODELS)
    assert {*options.ASSUMPTIONS} == {*impute_table.LEARNABLE}
    assert get_args(imputing.Format) == get_args(writing.Format)


def test_evaluate_lists_every_command_of_its_modules() -> None:
    found = {}
    for module in dict.fromkeys(evaluate.MODULES.values()):
        commands = import_module(f"{evaluate.__name__}.{module}").app.registered_commands
        found |= dict.fromkeys((command.name for command in commands), module)
    assert found == evaluate.MODULES


def test_without_a_command_the_help_is_shown() -> None:
    result = run("data", "fetch")
    assert result.exit_code == 2
    assert "Missing argument" in result.output


def test_a_missing_table_gives_an_error_message() -> None:
    assert fails("evaluate", "prediction", "--table", "zz").startswith("no table 'zz'; there are")


def test_a_training_that_cannot_be_saved_gives_an_error_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = recipes.RECIPES["breast-miwae"]
    tiny = replace(shown, name="tiny", steps=9)
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
    words = ("train", "tiny", f"--out={tmp_path}/out", f"--run-folder={tmp_path}/run")

    def no_space(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", no_space)
        result = run(*words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert f"No space left on device: '{tmp_path}/run/model.pt'" in result.stderr
    assert not list((tmp_path / "run").iterdir())  # no incomplete file remains
    assert run(*words).exit_code == 0  # training resumes when there is space

    (tmp_path / "file").touch()
    assert "Not a directory" in fails("train", "tiny", f"--run-folder={tmp_path}/file/run")


def test_data_list_states_what_a_part_holds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = np.zeros((3, 28, 28), np.uint8)
    np.savez(
        folder / "mnist.npz",
        **{f"x_{part}": images for part in ("train", "test")},
        **data.PartCounts(3, 60_000, 3, 10_000).fields(np.arange(3)),
    )
    listed = next(line for line in run("data", "list").output.splitlines() if "mnist " in line)
    assert "a part is here: 3 of 60,000 training images, 3 of 10,000 test images" in listed


def test_data_fetch_can_fetch_a_part(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extents = []
    monkeypatch.setattr(data, "fetch", lambda name, extent: extents.append((name, extent)))
    assert run("data", "fetch", "--part", "mnist", "celeba").exit_code == 0
    assert extents == [("mnist", "part"), ("celeba", "part")]
