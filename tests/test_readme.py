"""The README is short, its links work, and its example runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 150
    assert len(re.findall(r"!\[", README)) == 1


def test_the_library_in_ten_lines_runs() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code is not None
    names: dict = {}
    exec(compile(code[1], "README.md", "exec"), names)
    last, masked = names["last"], names["masked"]
    assert last.draws.shape[1:] == (8, 1, 28, 28)
    for picture in (last.mean, *last.draws):
        assert torch.equal(picture[masked.observed], masked.x[masked.observed])
    assert last.diagnostics["log p(x_obs)"].shape == (8,)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", README))
def test_links_lead_to_files(link: str) -> None:
    assert (ROOT / link).is_file()


def test_every_folder_it_names_exists() -> None:
    table = README.split("## Where things are")[1]
    for cell in re.findall(r"^\| ([^|]*`[^|]*) \|", table, re.M):
        for name in re.findall(r"`([^`]+)`", cell):
            assert (ROOT / name).exists(), name


def test_the_command_has_one_name() -> None:
    """`dgm`; each of these files says once what it is called in the environment of the app."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    files += [path for room in ("dgm_core", "ui", "pages") for path in (ROOT / room).rglob("*.py")]
    found = {
        str(path.relative_to(ROOT))
        for path in files
        if "python -m dgm_core" in " ".join(path.read_text(encoding="utf-8").split())
    }
    assert found == {
        "README.md",
        "docs/hosting.md",
        "docs/library.md",
        "dgm_core/__main__.py",
        "ui/front_door.py",
    }


def test_every_extra_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    guide = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    for extra in set(extras["project"]["optional-dependencies"]) - {"dev"}:
        assert f'".[{extra}]"' in README, extra
        assert f'pip install ".[{extra}]"' in guide, extra
