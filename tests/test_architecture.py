"""The directions of imports, read from the source and compared with the design's table."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEVELS = [
    {
        "types",
        "rng",
        "gaussian",
        "distributions",
        "columns",
        "coding",
        "device",
        "files",
        "engines",
        "knobs",
        "eight_bits",
        "checkpoints",
        "parallel",
    },
    {
        "data",
        "missing",
        "networks",
        "likelihoods",
        "posteriors",
        "metrics",
        "mixtures",
        "diagnostics",
        "samplers",
        "bounds",
        "quadrature",
        "latent_paths",
        "lipschitz",
        "divergences",
        "transport",
        "stacked",
    },
    {"models", "imputers", "baselines"},
    {"objectives", "training", "adversarial", "tensorboard", "restarts", "zoo", "estimators"},
    {"recipes", "studies", "impute", "big_tables"},
    {"bench"},
    {"commands"},
    {"__main__"},
]
"""Rooms of dgm_core from the ground up: a room imports from its own level or from below."""


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
    allowed = {ROOT / "ui", ROOT / "pages", ROOT / "tests"}
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


def test_modules_form_no_circle() -> None:
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in LIBRARY}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}

    def needs(path: Path) -> set[str]:
        named = {n if n in modules else n.rpartition(".")[0] for n in imports(path)}
        return named & modules.keys()

    graph = {name: needs(path) for name, path in modules.items()}
    while free := [name for name in graph if not graph[name] & graph.keys()]:
        for name in free:
            del graph[name]
    assert not graph, f"these import each other in a circle: {sorted(graph)}"


def test_importing_the_library_leaves_streamlit_and_torchvision_out() -> None:
    code = (
        "import sys, pkgutil, dgm_core\n"
        "for module in pkgutil.walk_packages(dgm_core.__path__, 'dgm_core.'):\n"
        "    if not module.name.endswith('__main__'): __import__(module.name)\n"
        "assert not {'streamlit', 'torchvision', 'plotly'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_picture_has_words() -> None:
    """For who does not see it: `alt` is given wherever Streamlit shows an image."""
    for path in sorted((ROOT / "ui").rglob("*.py")) + PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "image":
                assert "alt" in {keyword.arg for keyword in node.keywords}, (path, node.lineno)
