"""The directions of imports, read from the source and compared with the table of levels."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LEVELS = [
    {"types", "rng", "device", "files", "checkout", "settings", "lazy", "child_process"}
    | {"stepwise", "distributions", "options"},
    {"networks", "data", "missing", "mixtures", "metrics", "samplers", "bounds", "distances"},
    {"models", "imputers", "baselines"},
    {"training", "zoo", "estimators"},
    {"inference"},
    {"recipes", "studies", "live"},
    {"evaluation"},
    {"scale"},
    {"bench"},
    {"commands"},
    {"__main__"},
]
"""Rooms of dgm_core from the ground up: a room imports from its own level or from below."""

LABS = {"clusters", "distances", "inpainting", "latent", "likelihood", "mnar", "theory"} | {
    "your_table"
}
"""Rooms of one lab each, in `ui` as in `dgm_core.studies`."""


def level(room: str) -> int:
    return next(i for i, rooms in enumerate(LEVELS) if room in rooms)


def imports(path: Path) -> set[str]:
    """Full dotted names of what a file imports, at any depth of nesting."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "dgm_core").parts[0].removesuffix(".py")


LIBRARY = sorted((ROOT / "dgm_core").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def test_every_room_has_a_level() -> None:
    rooms = {room_of(path) for path in LIBRARY} - {"__init__"}
    assert rooms <= set.union(*LEVELS)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_imports_downhill_and_no_user_interface(path: Path) -> None:
    for name in imports(path):
        top, *rest = name.split(".")
        assert top not in {"streamlit", "plotly", "matplotlib", "altair", "ui"}, name
        if top == "dgm_core" and room_of(path) != "__init__":
            assert rest, f"{path} imports the package itself"
            assert level(rest[0]) <= level(room_of(path)), f"{path} imports upward: {name}"


def test_only_the_user_interface_imports_streamlit() -> None:
    allowed = {ROOT / "ui", ROOT / "pages", ROOT / "tests", ROOT / "tools"}
    for path in ROOT.rglob("*.py"):
        hidden = any(
            part.startswith(".") or part == "runs" for part in path.relative_to(ROOT).parts
        )
        if hidden or path in PAGES or any(folder in path.parents for folder in allowed):
            continue
        assert not {name.split(".")[0] for name in imports(path)} & {"streamlit", "plotly"}, path


def test_nothing_imports_a_page() -> None:
    for path in [*LIBRARY, *sorted((ROOT / "ui").rglob("*.py"))]:
        assert not {name.split(".")[0] for name in imports(path)} & {"pages", "app"}, path


def circle_of(root: str) -> list[str]:
    """The modules of a package that import each other in a circle, or lead into one."""
    paths = sorted((ROOT / root).rglob("*.py"))
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in paths}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}

    def needs(name: str) -> set[str]:
        named = {n if n in modules else n.rpartition(".")[0] for n in imports(modules[name])}
        return (named & modules.keys()) - {name}

    graph = {name: needs(name) for name in modules}
    while free := [name for name in graph if not graph[name] & graph.keys()]:
        for name in free:
            del graph[name]
    return sorted(graph)


@pytest.mark.parametrize("root", ["dgm_core", "ui", "tools"])
def test_modules_form_no_circle(root: str) -> None:
    assert not circle_of(root)


def lab_of(name: str, parent: str) -> str | None:
    """The lab to which a module belongs, or None."""
    parts = name.removeprefix(f"{parent}.").split(".")
    return parts[0] if name.startswith(f"{parent}.") and parts[0] in LABS else None


def test_no_lab_imports_another() -> None:
    """Labs use common code from `ui` itself; their computations may use any study."""
    for path in sorted((ROOT / "ui").rglob("*.py")):
        mine = lab_of(".".join(path.relative_to(ROOT).with_suffix("").parts), "ui")
        for name in imports(path):
            other = lab_of(name, "ui")
            assert mine is None or other in {None, mine}, f"{path} imports another lab: {name}"


def test_common_code_of_labs_imports_no_lab() -> None:
    for path in sorted((ROOT / "ui").glob("*.py")) + sorted(
        (ROOT / "ui/components").rglob("*.py")
    ):
        labs = {name for name in imports(path) if lab_of(name, "ui")}
        assert not labs, f"{path} imports a lab: {labs}"


def test_recipes_import_no_study_and_only_commands_reach_scale() -> None:
    for path in LIBRARY:
        for name in imports(path):
            if room_of(path) == "recipes":
                assert not name.startswith("dgm_core.studies"), (path, name)
            if room_of(path) not in {"scale", "bench", "commands", "__main__"}:
                assert not name.startswith("dgm_core.scale"), (path, name)


def test_importing_the_library_leaves_streamlit_and_torchvision_out() -> None:
    code = (
        "import sys, pkgutil, dgm_core\n"
        "for module in pkgutil.walk_packages(dgm_core.__path__, 'dgm_core.'):\n"
        "    if not module.name.endswith('__main__'): __import__(module.name)\n"
        "assert not {'streamlit', 'torchvision', 'plotly'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_image_has_alternative_text() -> None:
    """Images are described for blind visitors: every image call has `alt`."""
    for path in sorted((ROOT / "ui").rglob("*.py")) + PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "image":
                assert "alt" in {keyword.arg for keyword in node.keywords}, (path, node.lineno)
