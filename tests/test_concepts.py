"""A concept has one home: its definition occurs only in the file with the matching name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from dgm_core.imputers import CATALOGUE
from ui.method_titles import title

ROOT = Path(__file__).parents[1]
CODE = ("dgm_core", "ui", "pages", "app.py", ".streamlit", "tools")

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
ACCENT = f"{THEME['primaryColor']}|{THEME['dark']['primaryColor']}"
"""The values of the accent colour in the light and in the dark theme."""

TITLES = "|".join(re.escape(title(name)) for name in CATALOGUE if title(name) != name)
"""Titles that are not names in the catalogue."""

CONCEPTS: dict[str, tuple[str, str]] = {
    "acceptance ratio": (
        "dgm_core/samplers/acceptance.py",
        r"\(log_target_new - log_proposal_new\) - \(log_target - log_proposal\)",
    ),
    "folder of assets": ("dgm_core/checkout.py", r"[\"']assets[\"'/]"),
    "RMSE": (
        "dgm_core/metrics/errors.py",
        r"(mse|misfit)\w*(\(.*\))?\.sqrt\(\)|square\(\)\.mean\(.*\)\.sqrt\(\)|def rmse\(",
    ),
    "colour of Metropolis": (
        "ui/components/shared/method_colours.json",
        r'"Metropolis-within-Gibbs": \{ "light":',
    ),
    "accent colour": ("dgm_core/live/page/colours.css", rf"(?i){ACCENT}"),
    "a share link's key": ("ui/links.py", r"\.name\.replace\(\" \", \"-\"\)"),
    "the session key of a kept widget": ("ui/frame.py", r"[\"']keep\.(?!NAME)"),
    "continuing a run": ("ui/run_panel.py", r"\(\"stopped\", \"timed out\"\)"),
    "variance floor": (
        "dgm_core/distributions/variance_floors.py",
        r"VARIANCE_FLOOR = [\d.]",
    ),
    "where a new image data set goes": ("dgm_core/data/sets.py", r"_READERS\b.*= \{"),
    "colour of hidden pixels": ("dgm_core/live/page/hidden_pixels.js", r"(?i)#7a81a3"),
    "side of a digit": ("dgm_core/data/sizes.py", r"SIDE = 28\n"),
    "time limit of a run": ("ui/jobs.py", r"MAX_SECONDS = \d"),
    "sentence for a bad upload": ("ui/decoding.py", r"\bDAMAGED = "),
    "a method's title": ("ui/method_titles.py", rf"(?m)^def title\(|[\"'`>]({TITLES})[\"'`<]"),
    "top half mask": ("dgm_core/missing/masks.py", r"def top_half\("),
    "number of images in the table of samplers": (
        "dgm_core/evaluation/samplers.py",
        r"images: int = 1000\n +chains:",
    ),
}
"""Concept → its file, and an expression of its definition."""

COPIES = {"accent colour": (".streamlit/config.toml",)}
"""Files that must repeat a definition; a test below compares them."""


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
    found = [name for name, text in texts.items() if re.search(definition, text)]
    assert [name for name in found if name not in COPIES.get(concept, ())] == [file]


def test_the_configuration_of_streamlit_repeats_the_colours(texts: dict[str, str]) -> None:
    colours = re.findall(r"--(\w+): (#\w+);", texts["dgm_core/live/page/colours.css"])
    names = {"ink": "textColor", "paper": "backgroundColor", "accent": "primaryColor"}
    pairs = [(names[name], value.upper()) for name, value in colours]
    shared = {name: value for name, value in THEME.items() if isinstance(value, str)}
    light, dark = shared | THEME["light"], shared | THEME["dark"]
    assert pairs == [(name, theme[name]) for theme in (light, dark) for name in names.values()]
