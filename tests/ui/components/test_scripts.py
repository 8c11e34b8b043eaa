"""Scripts and style sheets of components: formatted, linted, complete as the browser gets them."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ui import components

ROOT = Path(__file__).parents[3]
BIOME = Path(sys.executable).with_name("biome")


def biome(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIOME, *arguments], cwd=folder, capture_output=True, text=True)


def test_scripts_and_style_sheets_are_formatted_and_linted() -> None:
    checked = biome("check", "--max-diagnostics=20")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one script per component, composed of its parts as the browser gets them."""
    folder = tmp_path_factory.mktemp("modules")
    for found in pkgutil.iter_modules(components.__path__):
        importlib.import_module(f"ui.components.{found.name}")
    assert len(components.REGISTERED) > 10
    for name, (home, shared) in components.REGISTERED.items():
        (folder / f"{name}.js").write_text(components.composed(home, shared, ".js"))
    rules = {
        "correctness": {"noUndeclaredVariables": "error", "noUnusedVariables": "error"},
        "suspicious": {"noRedeclare": "error"},
    }
    linter = {"rules": {"recommended": False, **rules}}
    (folder / "biome.json").write_text(json.dumps({"linter": linter}))
    return folder


def test_every_script_exports_its_class_and_is_short(modules: Path) -> None:
    for name, (home, _) in components.REGISTERED.items():
        script = (home / f"{name}.js").read_text()
        found = re.fullmatch(r"export default component\((\w+)\);", script.splitlines()[-1])
        assert found is not None, name
        assert script.count(f"\nclass {found[1]} {{\n") == 1, name
        assert "addEventListener" not in script or "\n  dispose() {\n" in script, name
    for part in Path(components.__file__).parent.glob("*/*.js"):
        assert len(part.read_text().splitlines()) <= 500, part


def complaints(folder: Path) -> list[tuple[str, str, str]]:
    """(rule, component, name) of each complaint of the linter."""
    done = biome("lint", "--reporter=json", "--max-diagnostics=none", folder=folder)
    found = []
    for each in json.loads(done.stdout)["diagnostics"]:
        place, text = each["location"], (folder / each["location"]["path"]["file"]).read_bytes()
        start, end = place["span"]
        rule = each["category"].rpartition("/")[2]
        found.append((rule, Path(place["path"]["file"]).stem, text[start:end].decode()))
    return found


def test_every_name_used_by_a_component_is_defined(modules: Path) -> None:
    wrong = [each for each in complaints(modules) if each[0] != "noUnusedVariables"]
    assert wrong == []


def test_every_shared_name_is_used_by_a_component(modules: Path) -> None:
    unused: dict[str, set[str]] = {}
    for rule, component, name in complaints(modules):
        if rule == "noUnusedVariables":
            unused.setdefault(name, set()).add(component)
    texts = {path.stem: path.read_text() for path in modules.glob("*.js")}
    everywhere = {
        name
        for name, where in unused.items()
        if where == {stem for stem, text in texts.items() if name in text}
    }
    assert everywhere == set()


def test_the_linter_finds_a_name_that_is_missing(modules: Path, tmp_path: Path) -> None:
    shutil.copy(modules / "biome.json", tmp_path)
    (tmp_path / "broken.js").write_text("export default () => undeclaredHere();")
    assert ("noUndeclaredVariables", "broken", "undeclaredHere") in complaints(tmp_path)
