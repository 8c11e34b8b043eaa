"""Dependencies: each pinned to one version, and none imported that is not declared."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.test_architecture import imports

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*")
CALLED = {
    "PIL": "pillow",
    "axe_playwright_python": "axe-playwright-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tomli_w": "tomli-w",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
}
"""Imported name → name of the package, where they differ."""
OURS = {"dgm_core", "tools", "ui", "tests", "pages", "app"}


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r "))]


def declared(*names: str) -> set[str]:
    return {line.split("==")[0].lower() for name in names for line in lines(name)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda p: p.name)
def test_every_requirement_is_pinned_to_one_version(path: Path) -> None:
    assert [line for line in lines(path.name) if not PINNED.fullmatch(line)] == []
    assert len(declared(path.name)) == len(lines(path.name))


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (("dgm_core", "ui", "pages", "app.py"), ("requirements.txt", "requirements-ray.txt")),
        (("tests", "tools"), ("requirements.txt", "requirements-ray.txt", "requirements-dev.txt")),
    ],
    ids=["app and library", "tests and tools"],
)
def test_nothing_is_imported_that_is_not_declared(
    folders: tuple[str, ...], files: tuple[str, ...]
) -> None:
    known = declared(*files)
    for folder in folders:
        place = ROOT / folder
        for path in [place] if place.is_file() else place.rglob("*.py"):
            names = {name.split(".")[0] for name in imports(path)}
            names -= OURS | set(sys.stdlib_module_names)
            assert {CALLED.get(name, name).lower() for name in names} <= known, path
