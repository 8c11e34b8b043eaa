"""The documentation builds, leads somewhere, and what it shows runs."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import dgm_core.studies
from dgm_core import samplers, zoo
from dgm_core.__main__ import app
from dgm_core.data import sets
from dgm_core.zoo import overview
from tests.patience import PATIENCE
from tests.samplers import test_contract as contract
from ui import navigation

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "CONTRIBUTING.md"]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """`docs/build.py`, which is no part of the library."""
    spec = importlib.util.spec_from_file_location("build_docs", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_pages_build_and_lead_somewhere(build: ModuleType, tmp_path: Path) -> None:
    assert build.build(tmp_path) == []
    for room in build.rooms():
        page = (tmp_path / "dgm_core" / f"{room}.html").read_text(encoding="utf-8")
        about = importlib.import_module(f"dgm_core.{room}").__doc__
        assert max(re.findall(r"[a-z]+", about.splitlines()[0]), key=len) in page, room
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=.https?:", text), page
        assert not re.search(r"@import|url\([\"']?https?:", text), page


def test_what_is_wrong_is_said(build: ModuleType, tmp_path: Path) -> None:
    texts = {
        "`dgm_core.samplers.lair` and `zoo.load`": [],
        "`samplers.liar`": ["here: `samplers.liar` is not there"],
        "`dgm_core.nowhere`": ["here: `dgm_core.nowhere` is not there"],
        "`dgm_core.types.Masked.repeat`, `dgm_core.types.Masked.rapeet`": [
            "here: `dgm_core.types.Masked.rapeet` is not there"
        ],
    }
    for text, expected in texts.items():
        assert list(build.leads_nowhere("here", text)) == expected
    (tmp_path / "a.html").write_text('<a href="b.html">b</a> <a href="#c">c</a> <p id="d">')
    assert sorted(build.broken_links(tmp_path)) == [
        "a.html: the link #c leads nowhere",
        "a.html: the link b.html leads nowhere",
    ]


def test_a_room_without_a_place_and_a_name_without_a_word_stop_the_build(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {
        name: rooms for name, rooms in build.GROUPS.items() if name != "Studies and evaluation"
    }
    monkeypatch.setattr(build, "GROUPS", groups)
    assert build.build(tmp_path) == [
        "the room evaluation has no page",
        "the room studies has no page",
    ]
    bare = ModuleType("dgm_core.bare", "A room.")
    exec("def said():\n    'So.'\ndef unsaid():\n    pass\ndef _own():\n    pass", vars(bare))
    found = {"dgm_core.bare": build.pdoc.doc.Module(bare)}
    assert list(build.documented(found)) == ["dgm_core.bare.unsaid has no docstring"]


def test_the_table_of_models_is_that_of_the_cards() -> None:
    """If not: python -m dgm_core models --out docs/models.md."""
    shown = (DOCS / "models.md").read_text(encoding="utf-8")
    assert shown == overview.page()
    said = CliRunner().invoke(app, ["models"])
    assert said.exit_code == 0
    assert shown.endswith(said.output)
    for name in zoo.names():
        row = next(line for line in shown.splitlines() if line.startswith(f"| `{name}` |"))
        assert re.search(r"\d \|$|\d nats \|$|active \|$|dB.*\|$", row), row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", prose):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_prose_are_doctests_that_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(examples).failed == 0
    if page.name != "your-own.md":  # which runs as a whole, below
        assert "```python" not in text


def test_the_walk_through_names_files_that_are_there() -> None:
    text = (DOCS / "your-own.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:dgm_core|tests|ui)/[\w/]+\.py)`", text))
    assert len(named) > 5
    for name in named - {"dgm_core/studies/half_a_digit.py"}:
        assert (ROOT / name).is_file(), name


@pytest.fixture(scope="module")
def blocks() -> list[tuple[str | None, str]]:
    """The file that each block of the walk-through is, if it is one; and its code."""
    text = (DOCS / "your-own.md").read_text(encoding="utf-8")
    return [
        (name or None, code)
        for name, code in re.findall(r"(?:`([\w/]+\.py)`:\n\n)?```python\n(.*?)```", text, re.S)
    ]


@pytest.fixture
def names(blocks: list[tuple[str | None, str]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What stands after all blocks that are no files have run, one after another."""
    monkeypatch.setattr(sets, "_READERS", dict(sets._READERS))
    monkeypatch.setattr(zoo, "_REGISTERED", {})
    found: dict[str, Any] = {"__name__": "your_own"}
    with torch.random.fork_rng():
        for number, (name, code) in enumerate(blocks):
            if name is None:
                exec(compile(code, f"your-own.md, block {number}", "exec"), found)
    return found


@pytest.mark.slow
def test_the_walk_through_runs_and_its_sampler_keeps_the_contract(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each test of the contract that runs over the catalogue, with the walk-through's sampler."""
    assert names["zoo"].load("my-digits").latent_dim == 8
    for catalogue in (contract.EVERY, samplers.CATALOGUE):
        monkeypatch.setitem(catalogue, "mine", names["random_walk"])
    ran = 0
    for name, test in vars(contract).items():
        asked = inspect.signature(test).parameters if name.startswith("test_") else {}
        if "name" not in asked:
            continue
        bodies = [{"body": each} for each in ("fully connected", "convolutional")]
        starts = [{"initialisation": each} for each in samplers.INITIALISATIONS]
        more = bodies if "body" in asked else starts if "initialisation" in asked else [{}]
        for arguments in more:
            test(name="mine", **arguments)
            ran += 1
    assert ran >= 10


def test_the_lab_of_the_walk_through_opens(
    blocks: list[tuple[str | None, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: code for name, code in blocks if name is not None}
    assert set(files) == {"dgm_core/studies/half_a_digit.py", "pages/8_Half_a_digit.py"}
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    studies = dgm_core.studies
    monkeypatch.setattr(
        studies, "__path__", [*studies.__path__, str(tmp_path / "dgm_core/studies")]
    )
    place = navigation.Place("Half_a_digit", "pages/8_Half_a_digit.py", "Half a digit")
    monkeypatch.setattr(navigation, "PLACES", {**navigation.PLACES, place.path: place})
    monkeypatch.chdir(ROOT)
    try:
        page = AppTest.from_file(
            str(tmp_path / "pages/8_Half_a_digit.py"), default_timeout=PATIENCE
        ).run()
        assert not page.exception
        assert page.title[0].value == "Half a digit"
        first = page.get("image")[0].proto.imgs[0].url
        again = page.run().get("image")[0].proto.imgs[0].url
        other = page.number_input(key="keep.half image").set_value(1).run().get("image")[0]
        assert not page.exception
        assert first == again != other.proto.imgs[0].url
    finally:
        sys.modules.pop("dgm_core.studies.half_a_digit", None)
        vars(studies).pop("half_a_digit", None)
