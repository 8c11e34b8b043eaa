"""`python -m tools.lower_bounds`: test the library with the lowest versions it allows.

Each `name>=version` under `dependencies` in `pyproject.toml` becomes `name==version`. These
versions are installed into a new environment, without the packages of the app, and the library's
tests run there. The download takes about a minute and 5 GB of disk.

    python -m tools.lower_bounds                           # with this Python
    python -m tools.lower_bounds --python python3.11 --environment /tmp/lowest
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

TESTS = (
    "tests/estimators",
    "tests/distributions",
    "tests/missing",
    "tests/mixtures",
    "tests/samplers",
    "tests/imputers",
    "tests/metrics",
    "tests/data/test_reading.py",
    "tests/data/test_writing.py",
    "tests/commands/test_impute_command.py",
    "dgm_core/estimators",
    "dgm_core/missing",
    "dgm_core/samplers",
    "dgm_core/zoo",
)
"""Tests to run: those of the parts that users of the library need most."""

RUNNER = ("pytest", "pytest-xdist", "hypothesis")
"""Packages that the tests need besides the library, in the versions of `requirements-dev.txt`."""


def lowest() -> list[str]:
    """`name==version` of the library's dependencies and of TensorBoard, which reads its logs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    logs = [each for each in project["optional-dependencies"]["lab"] if "tensorboard" in each]
    return [bound.replace(">=", "==") for bound in [*project["dependencies"], *logs]]


def runner() -> list[str]:
    """`name==version` of each package in `RUNNER`."""
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0] in RUNNER]


def run(python: str, environment: Path, tests: list[str]) -> int:
    """Create `environment` if it is missing, and run the tests; returns pytest's exit status."""
    inside = environment / "bin" / "python"
    if not inside.is_file():
        subprocess.run([python, "-m", "venv", environment], check=True)
        pip = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *lowest(), *runner()], check=True)
    # Old versions emit deprecation warnings, so warnings are no errors here.
    command = [inside, "-m", "pytest", "-q", "-o", "filterwarnings=default", *tests]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=False).returncode


def main() -> int:
    """Parse the command line and run the tests; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="creates the environment")
    parser.add_argument("--environment", type=Path, help="folder; kept, and reused if it exists")
    parser.add_argument("tests", nargs="*", default=[*TESTS], help="files or folders of tests")
    chosen = parser.parse_args()
    if chosen.environment:
        return run(chosen.python, chosen.environment, chosen.tests)
    with tempfile.TemporaryDirectory() as folder:
        return run(chosen.python, Path(folder) / "environment", chosen.tests)


if __name__ == "__main__":
    sys.exit(main())
