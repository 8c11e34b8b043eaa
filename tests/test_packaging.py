"""The library as a package: a small wheel without weights, which works away from the checkout.

The wheel is built by the backend of `pyproject.toml` and installed without its dependencies, which
are those of the running environment. The packages of the extras are made impossible to import.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml

import dgm_core
from dgm_core import zoo

ROOT = Path(__file__).parents[1]
EXTRAS = ("streamlit", "plotly", "openTSNE", "latex2mathml", "tensorboard", "torchvision", "ray")
"""Modules that the library must do without."""


class Installed(NamedTuple):
    """A wheel, and a folder in which it is installed."""

    wheel: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command in another folder than the checkout."""
        return subprocess.run(
            [str(word) for word in words],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("packaging")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", place, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "install", *alone, "--target", place / "site", wheel], check=True)
    for name in EXTRAS:
        (place / "hidden" / name).mkdir(parents=True)
        code = f"raise ModuleNotFoundError('{name} is hidden', name='{name}')"
        (place / "hidden" / name / "__init__.py").write_text(code)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DGM_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(place / "hidden"), str(place / "site")])
    return Installed(wheel, place / "site", environment)


def test_the_wheel_is_small_and_holds_the_library_alone(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < 2e6
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info" in name}
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
        about = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    kinds = ("*.py", "*.js", "*.wat", "*.wasm", "*.html", "*.css", "*.txt")
    modules = {
        str(path.relative_to(ROOT)) for kind in kinds for path in (ROOT / "dgm_core").rglob(kind)
    }
    library = {name for name in names if name.split("/")[0] != info}
    assert library == modules | {"dgm_core/py.typed"}
    assert "dgm = dgm_core.__main__:main" in entry_points
    assert about["Version"] == dgm_core.__version__
    assert {*about.get_all("Provides-Extra")} == {"lab", "data", "ray", "dev"}


def test_it_is_imported_from_where_it_is_installed(installed: Installed, tmp_path: Path) -> None:
    code = "import dgm_core; print(dgm_core.__file__); import streamlit"
    done = installed.run(sys.executable, "-c", code, folder=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(installed.folder)
    assert "streamlit is hidden" in done.stderr


def test_the_command_completes_a_table(installed: Installed, tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    x = source.normal(size=(60, 3))
    table = pd.DataFrame(np.where(source.random(x.shape) < 0.2, np.nan, x), columns=[*"abc"])
    table["city"] = source.choice(["Oslo", "Bergen", None], 60)
    table.to_csv(tmp_path / "table.csv", index=False)
    words = (installed.folder / "bin" / "dgm", "impute", "table.csv", "--epochs=2", "--samples=20")
    done = installed.run(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    completed = pd.read_csv(tmp_path / "table-completed.csv")
    assert not completed.isna().any(axis=None)
    observed = table.notna()
    pd.testing.assert_frame_equal(completed.where(observed), table, check_dtype=False)


def test_without_weights_one_sentence_says_what_to_do(
    installed: Installed, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from dgm_core import __main__, zoo\n"
        "try: zoo.load('digits-dlvm')\n"
        "except zoo.ModelsUnavailable as error: print(error)\n"
        "sys.argv = ['dgm', 'models']\n"
        "__main__.main()\n"
    )
    done = installed.run(sys.executable, "-c", code, folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"There are no trained models in .*DGM_PRETRAINED.*\.\n", done.stdout)
    assert done.stderr == done.stdout


def test_weights_are_found_by_the_variable(installed: Installed, tmp_path: Path) -> None:
    there = {**installed.environment, "DGM_PRETRAINED": str(zoo.FOLDER)}
    code = "from dgm_core import zoo; print(zoo.load('digits-dlvm').latent_dim)"
    done = installed._replace(environment=there).run(sys.executable, "-c", code, folder=tmp_path)
    assert done.stdout == "40\n"


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dgm_core.__version__
    assert citation["license"] == "MIT"
