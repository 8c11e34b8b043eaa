"""No measurement takes the first rows of a split: files can be sorted by class.

`data.load(…)` and everything made from it within a function may be cut only by `Images.sample`.
Where images are measured or shown, no expression that is called like images is cut either: it may
have been loaded in another function. `ALLOWED` has the exceptions, each with its reason.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("dgm_core", "pages", "tools", "ui")
MEASURING = ("dgm_core/evaluation/", "dgm_core/studies/", "dgm_core/scale/", "pages/", "ui/")
"""Where an expression is also taken for a split by its name."""
READERS = {"load", "pixels", "faces"}
"""Functions of `data` that read a split."""
WRAPPERS = {"cluster_images", "st_test_images"}
"""Functions that return a split, or a part of one in the stored order."""
NAMES = {
    "faces",
    "images",
    "ink",
    "original",
    "pictures",
    "pixels",
    "split",
    "test",
    "test_images",
}
"""What a split, or its images, are called."""

SAMPLED = "a part of a sample, which is in random order"
CHOSEN = "pictures that a visitor chooses by their number, which old links contain"
BESIDE = "training images beside their stored latents, which have the same order"
ALLOWED = {
    "dgm_core/evaluation/samplers.py": {"original[:config.batch]": SAMPLED},
    "dgm_core/studies/inpainting/materials.py": {
        "data.faces('train', range(min(count, found)))": "training faces, whose order is random"
    },
    "dgm_core/studies/inpainting/sampler_sweeps.py": {"original[:counts.shape[2]]": SAMPLED},
    "dgm_core/studies/latent/history.py": {"images[:SIDE ** 2]": "images that a model generated"},
    "dgm_core/studies/likelihood/unbounded_likelihood.py": {
        "data.load('digits', split).x[:count, :, 4:24, 4:24]": "scikit-learn's digits, which are "
        "stored in the order of a seeded permutation"
    },
    "ui/clusters/own_picture.py": {
        "data.load(dataset, 'test', download_missing=False).x[:TESTED, 0]": CHOSEN
    },
    "ui/clusters/runs.py": {"loaded.x[:shown, 0]": BESIDE, "loaded.y[:shown]": BESIDE},
    "ui/mnar/images.py": {
        "data.faces('test', range(min(LOOKED_AT, count)))": CHOSEN,
        "data.load(dataset, 'test', download_missing=False).x[:LOOKED_AT]": CHOSEN,
    },
}
"""File → expression → why it may be there."""


def prefixes(source: str, *, by_name: bool = False) -> dict[str, int]:
    """Expressions that cut the beginning off a split → their lines.

    Args:
        source: of a module.
        by_name: take whatever is called like images for a split.
    """
    tree = ast.parse(source)
    found: dict[str, int] = {}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in (tree, *functions):
        names = set() if scope is tree else _names_of_splits(scope)
        for node in ast.walk(scope):
            cut = _cut(node)
            called_so = by_name and _is_called_like_images(cut) and _from_the_first(node)
            if called_so or _reads_the_first(node) or (cut and _is_split(cut, names)):
                found[ast.unparse(node)] = node.lineno
    return found


def _names_of_splits(function: ast.FunctionDef) -> set[str]:
    """Names within a function that are bound to something made from a split."""
    bound = [
        (node.targets if isinstance(node, ast.Assign) else [node.target], node.value)
        for node in ast.walk(function)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value
    ]
    names: set[str] = set()
    while True:
        new = {
            name.id
            for targets, value in bound
            if _is_split(value, names)
            for target in targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        if new <= names:
            return names
        names |= new


def _is_split(node: ast.AST, names: set[str]) -> bool:
    """Whether an expression is made from a split that nobody sampled."""
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call):
        if _called(node) == "len" or _samples(node):
            return False
        if _reads(node):
            return True
    return any(_is_split(child, names) for child in ast.iter_child_nodes(node))


def _samples(call: ast.Call) -> bool:
    """Whether this is `split.sample(count)`; without a count, it is the split as it is stored."""
    return _called(call) == "sample" and bool(call.args) and not _is_constant(call.args[0], None)


def _reads(call: ast.Call) -> bool:
    called = _called(call)
    of_data = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "data"
    return called in WRAPPERS or (of_data and called in READERS)


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return ast.unparse(call.func).rpartition(".")[2]


def _is_called_like_images(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in {"x", "y"} or node.attr in NAMES
    return isinstance(node, ast.Name) and node.id in NAMES


def _cut(node: ast.AST) -> ast.expr | None:
    """What an expression takes a part of, if it takes one by its position."""
    if isinstance(node, ast.Subscript):
        if _slice(node) is not None:
            return node.value
        if _is_constant(node.slice, 0) and _is_call(node.value, "split", "chunk", "tensor_split"):
            return node.value.func.value
    if _is_call(node, "narrow", "head") and isinstance(node.func, ast.Attribute):
        return node.func.value
    if _is_call(node, "islice") and node.args:
        return node.args[0]
    if _is_call(node, "next") and node.args and _is_call(node.args[0], "iter"):
        return node.args[0].args[0]
    return None


def _slice(node: ast.Subscript) -> ast.Slice | None:
    """The slice of the first dimension, if it has an end."""
    index = node.slice
    first = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    return first if isinstance(first, ast.Slice) and first.upper is not None else None


def _from_the_first(node: ast.AST) -> bool:
    """Whether a part begins at the first row, unlike slices in a loop, and is not `x[:-1]`."""
    part = _slice(node) if isinstance(node, ast.Subscript) else None
    if part is None:
        return True
    return (part.lower is None or _is_constant(part.lower, 0)) and ast.unparse(part.upper) != "-1"


def _reads_the_first(node: ast.AST) -> bool:
    """Whether this reads the first rows of a file: `data.faces(split, range(count))`."""
    if not (isinstance(node, ast.Call) and _reads(node)):
        return False
    ranges = [each.args for each in node.args if _is_call(each, "range")]
    return any(
        len(bounds) == 1 or (len(bounds) == 2 and _is_constant(bounds[0], 0)) for bounds in ranges
    )


def _is_call(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and _called(node) in names


def _is_constant(node: ast.AST | None, value: int | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def cut_in(root: Path) -> dict[str, set[str]]:
    """File → expressions that cut a prefix, for all files of the rooms."""
    found = {}
    for room in ROOMS:
        for file in (root / room).rglob("*.py"):
            path = file.relative_to(root).as_posix()
            if cut := prefixes(file.read_text(), by_name=path.startswith(MEASURING)):
                found[path] = set(cut)
    return found


def test_no_code_takes_the_first_rows_of_a_split() -> None:
    assert cut_in(ROOT) == {path: set(reasons) for path, reasons in ALLOWED.items()}


@pytest.mark.parametrize("room", MEASURING)
def test_a_planted_prefix_is_found(room: str, tmp_path: Path) -> None:
    planted = tmp_path / room / "planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text("def run(test, count):\n    return test.x[:count]\n")
    assert cut_in(tmp_path) == {f"{room}planted.py": {"test.x[:count]"}}


@pytest.mark.parametrize(
    "code",
    [
        'x = data.load(name, "test").x[:100]',
        'x = data.load(name, "test").x[first : first + count]',
        'x = data.load(name, "test").x.float()[:, 0][: config.images]',
        'test = data.load(name, "test")\n    x = test.x[:100]',
        'x = data.pixels(name, "test")\n    x = x[:100, 0]',
        'x: Tensor = data.load(name, "test").x\n    return x[:100]',
        'x, y = data.load(name, "test")[:2]\n    return x[:100]',
        'x = data.threshold(data.load(name, "test").x)\n    z = x.float()\n    return z[:100]',
        "ink, labels, _ = cache.st_test_images(name)\n    return ink[:100]",
        'x = data.load(name, "test").sample().x\n    return x[:100]',
        'x = data.load(name, "test").sample(None).x\n    return x[:100]',
        'return next(iter(data.load(name, "test").x))',
        'return next(iter(DataLoader(data.load(name, "test").x, 100)))',
        'return list(islice(data.load(name, "test").x, count))',
        'return data.load(name, "test").x.split(count)[0]',
        'return data.load(name, "test").x.narrow(0, 0, count)',
        'return data.faces("test", range(min(count, 100)))',
        'return data.faces("test", range(0, count))',
    ],
)
def test_the_first_rows_are_found_in_every_form(code: str) -> None:
    assert prefixes(f"def f(name, config, first, count):\n    {code}\n")


@pytest.mark.parametrize(
    "code",
    [
        "return images[:count]",
        "return images.x[:count]",
        "return split.y[0:count]",
        "return self.original[:count, 0]",
        "return next(iter(images))",
        "return test.x.split(count)[0]",
    ],
)
def test_what_is_called_like_images_is_not_cut_where_images_are_measured(code: str) -> None:
    source = f"def f(images, split, test, count):\n    {code}\n"
    assert prefixes(source, by_name=True)
    assert not prefixes(source)


@pytest.mark.parametrize(
    "code",
    [
        'x = data.load(name, "test").sample(100).x[:50]',
        'test = data.load(name, "test").sample(100)\n    x = test.x[:50]',
        'x = data.load(name, "test").x[:, 0]',
        'x = data.load(name, "test").x[rows]',
        'x = data.load(name, "test").x\n    return torch.randperm(len(x))[:50]',
        "return data.faces('test', range(0, 100, step))",
    ],
)
def test_other_parts_are_not(code: str) -> None:
    assert not prefixes(f"def f(name, config, rows, step):\n    {code}\n")


def test_parts_of_images_in_a_loop_are_not() -> None:
    loop = "def f(images):\n    for i in range(0, 9, 3):\n        images.x[i : i + 3]\n"
    assert not prefixes(loop, by_name=True)
