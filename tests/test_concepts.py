"""A concept has one home: its definition occurs only in the file with the matching name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("dgm_core", "ui", "pages", "app.py", ".streamlit", "tools")

CONCEPTS: dict[str, tuple[str, str]] = {
    "acceptance ratio": (
        "dgm_core/samplers/acceptance.py",
        r"\(log_target_new - log_proposal_new\) - \(log_target - log_proposal\)",
    ),
    "folder of assets": ("dgm_core/checkout.py", r"[\"']assets[\"'/]"),
    "RMSE": ("dgm_core/metrics/errors.py", r"\(sse\.sum\(\) / entries\.sum\(\)\)\.sqrt\(\)"),
    "colour of Metropolis": (
        "ui/components/shared/method_colours.json",
        r'"Metropolis-within-Gibbs": \{ "light":',
    ),
    "accent colour": (".streamlit/config.toml", r"primaryColor = \""),
    "a share link's key": ("ui/links.py", r"\.name\.replace\(\" \", \"-\"\)"),
    "variance floor": (
        "dgm_core/distributions/variance_floors.py",
        r"VARIANCE_FLOOR = [\d.]",
    ),
    "where a new image data set goes": ("dgm_core/data/sets.py", r"_READERS\b.*= \{"),
    "time limit of a run": ("ui/jobs.py", r"MAX_SECONDS = \d"),
    "sentence for a bad upload": ("ui/decoding.py", r"\bDAMAGED = "),
    "a method's title": ("ui/inpainting/methods.py", r'"MFA": "MFA"'),
    "top half mask": ("dgm_core/missing/masks.py", r"def top_half\("),
    "number of images in the table of samplers": (
        "dgm_core/evaluation/samplers.py",
        r"images: int = 1000\n +chains:",
    ),
}
"""Concept → its file, and an expression of its definition."""


def tracked() -> list[Path]:
    """Text files of code in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    kinds = {".py", ".js", ".css", ".html", ".json", ".toml"}
    return [ROOT / name for name in listed if Path(name).suffix in kinds]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in tracked()
        if path.exists()
    }


@pytest.mark.parametrize("concept", CONCEPTS)
def test_a_concept_is_defined_in_one_file(concept: str, texts: dict[str, str]) -> None:
    file, definition = CONCEPTS[concept]
    assert [name for name, text in texts.items() if re.search(definition, text)] == [file]
