"""What the README shows is there and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from dgm_core import zoo

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_library_in_ten_lines_runs() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code is not None
    names: dict = {}
    exec(compile(code[1], "README.md", "exec"), names)
    drawn, masked = names["last"].state.x, names["masked"]
    assert drawn.shape == (8, 1, 28, 28)
    assert torch.equal(drawn[masked.observed], masked.x[masked.observed])


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_links_lead_to_files(link: str) -> None:
    assert (Path(__file__).parent.parent / link).is_file()


@pytest.mark.parametrize("name", zoo.names())
def test_the_numbers_are_those_of_the_cards(name: str) -> None:
    likelihood = zoo.card(name)["measured"]["log_likelihood"]
    text = f"{likelihood['nats']:.2f} ± {likelihood['standard_error']:.2f}".replace("-", "−")
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    assert text in row
