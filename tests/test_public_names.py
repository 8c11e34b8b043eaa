"""The public names of `dgm_core`: all exist, and each is loaded on first use."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dgm_core

ROOT = Path(__file__).parents[1]


def test_every_public_name_is_found_and_listed() -> None:
    assert set(dgm_core.__all__) <= set(dir(dgm_core))
    for name in dgm_core.__all__:
        assert getattr(dgm_core, name).__doc__ or name == "CATALOGUE", name
    assert sorted(dgm_core.__all__) == sorted(set(dgm_core.__all__))
    with pytest.raises(AttributeError, match="'dgm_core' has no attribute 'miwae'"):
        dgm_core.miwae  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "dgm_core" / "__init__.py").read_text(encoding="utf-8"))
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(typed.test) == "TYPE_CHECKING"
    names = [alias.name for each in typed.body for alias in each.names]
    assert sorted(names) == sorted(dgm_core.__all__)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import dgm_core", ("torch", "numpy", "pandas", "sklearn", "streamlit")),
        ("import dgm_core; dgm_core.Masked", ("pandas", "sklearn", "streamlit", "torchvision")),
        ("from dgm_core import *", ("streamlit", "plotly", "torchvision", "ray", "skimage")),
    ],
)
def test_a_name_loads_only_what_it_needs(code: str, absent: tuple[str, ...]) -> None:
    code += f"; import sys; assert not {set(absent)} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
