"""No measurement takes the first rows of a split: files can be sorted by class.

`data.load(…)` and everything made from it within a function may be cut only by `Images.sample`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("dgm_core", "pages", "tools", "ui")
READERS = {"load", "pixels", "faces"}
"""Functions of `data` that read a split."""

ALLOWED = {
    # scikit-learn's digits are stored in the order of a seeded permutation.
    "dgm_core/studies/likelihood/unbounded_likelihood.py",
    # Pictures that a visitor chooses by their number, which old links contain; none is measured.
    "ui/clusters/own_picture.py",
    "ui/mnar/images.py",
}


def prefixes(source: str) -> list[int]:
    """Lines that cut the beginning off a split, or off a name bound to something read from one."""
    found: set[int] = set()
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in (tree, *functions):
        names = {
            target.id
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and _reads(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        found |= {
            node.lineno
            for node in ast.walk(scope)
            if isinstance(node, ast.Subscript)
            and _is_prefix(node.slice)
            and (_reads(node.value) or (scope is not tree and _base(node.value) in names))
        }
    return sorted(found)


def _is_prefix(index: ast.expr) -> bool:
    first = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    return isinstance(first, ast.Slice) and first.upper is not None


def _reads(node: ast.expr) -> bool:
    """Whether an expression is a split, or an attribute or part of one, that nobody sampled."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if isinstance(node.func.value, ast.Name):
        return node.func.value.id == "data" and node.func.attr in READERS
    return node.func.attr != "sample" and _reads(node.func.value)


def _base(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def test_no_code_takes_the_first_rows_of_a_split() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    cut = {
        path.relative_to(ROOT).as_posix(): lines
        for path in files
        if (lines := prefixes(path.read_text()))
    }
    assert set(cut) == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        'x = data.load(name, "test").x[:100]',
        'x = data.load(name, "test").x[first : first + count]',
        'x = data.load(name, "test").x.float()[:, 0][: config.images]',
        'test = data.load(name, "test")\n    x = test.x[:100]',
        'x = data.pixels(name, "test")\n    x = x[:100, 0]',
    ],
)
def test_the_first_rows_are_found_in_every_form(code: str) -> None:
    assert prefixes(f"def f(name, config, first, count):\n    {code}\n")


@pytest.mark.parametrize(
    "code",
    [
        'x = data.load(name, "test").sample(100).x[:50]',
        'test = data.load(name, "test").sample(100)\n    x = test.x[:50]',
        'x = data.load(name, "test").x[:, 0]',
        'x = data.load(name, "test").x[rows]',
    ],
)
def test_other_parts_are_not(code: str) -> None:
    assert not prefixes(f"def f(name, config, rows):\n    {code}\n")
