"""The documentation builds, its links work, and its examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
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
from tools.documentation import api, check, guides, search, site
from ui import navigation

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    out = tmp_path_factory.mktemp("site")
    assert site.build(out) == []
    return out


def test_every_package_has_a_page_and_no_page_needs_a_network(pages: Path) -> None:
    for room in api.rooms():
        page = (pages / "dgm_core" / f"{room}.html").read_text(encoding="utf-8")
        about = importlib.import_module(f"dgm_core.{room}").__doc__
        assert max(re.findall(r"[a-z]+", about.splitlines()[0]), key=len) in page, room
    for page in [*pages.rglob("*.html"), *pages.glob("*.css"), *pages.glob("*.js")]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|link|img)[^>]*(?:src|href)=.https?:", text), page
        assert not re.search(r"@import|url\([\"']?https?:|\bfetch\(", text), page


def test_the_start_page_leads_to_guides_numbers_models_and_rooms(pages: Path) -> None:
    start = (pages / "index.html").read_text(encoding="utf-8")
    text = start[start.index("<main") :]
    numbers = {f"numbers/{path.stem}.html" for path in (DOCS / "numbers").glob("*.md")}
    rooms = {f"dgm_core/{room}.html" for room in api.rooms()}
    guide = {"library.html", "methods.html", "your-own.html", "models.html", "hosting.html"}
    assert numbers | rooms | guide <= set(re.findall(r'href="([^"#]+)', text))


def test_the_search_finds_guides_and_names(pages: Path) -> None:
    script = (pages / "search-index.js").read_text(encoding="utf-8")
    assert script.startswith("window.searchIndex = [")
    assert len(script) < 1e6
    entries = [search.Entry(*entry) for entry in json.loads(script[script.index("[") : -2])]
    found = {(entry.title, entry.href) for entry in entries}
    sampler = "dgm_core/samplers/metropolis.html#metropolis_within_gibbs"
    assert ("metropolis_within_gibbs", sampler) in found
    assert ("Masked", "dgm_core/types.html#Masked") in found
    assert ("Hosting", "hosting.html") in found
    assert ("Prediction from rows with missing values",) in {entry[:1] for entry in entries}
    for entry in entries:
        page, _, anchor = entry.href.partition("#")
        if anchor:
            assert f'id="{anchor}"' in (pages / page).read_text(encoding="utf-8"), entry
        else:
            assert (pages / page).is_file(), entry


def test_the_command_of_the_readme_needs_no_installation(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(DOCS / "build.py"), "--help"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "--out" in result.stdout


def test_faults_are_reported(tmp_path: Path) -> None:
    texts = {
        "`dgm_core.samplers.lair` and `zoo.load`": [],
        "`samplers.liar`": ["here: `samplers.liar` does not exist"],
        "`dgm_core.nowhere`": ["here: `dgm_core.nowhere` does not exist"],
        "`dgm_core.types.Masked.repeat`, `dgm_core.types.Masked.rapeet`": [
            "here: `dgm_core.types.Masked.rapeet` does not exist"
        ],
    }
    for text, expected in texts.items():
        assert list(check.dead_references("here", text)) == expected
    (tmp_path / "a.html").write_text(
        '<a href="b.html">b</a> <a href="#c">c</a> <p id="d"> <img src="e.png">'
    )
    assert sorted(check.broken_links(tmp_path)) == [
        "a.html: the link #c is broken",
        "a.html: the link b.html is broken",
        "a.html: the link e.png is broken",
    ]


def test_a_room_without_a_group_and_a_name_without_a_docstring_stop_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {name: rooms for name, rooms in guides.GROUPS.items() if name != "Data"}
    monkeypatch.setattr(guides, "GROUPS", groups)
    assert site.build(tmp_path) == [
        "the room data is missing in GROUPS",
        "the room missing is missing in GROUPS",
    ]
    bare = ModuleType("dgm_core.bare", "A room.")
    code = "def documented():\n    'Text.'\ndef plain():\n    pass\ndef _own():\n    pass"
    exec(code, vars(bare))
    found = {"dgm_core.bare": api.File(bare)}
    assert list(check.undocumented(found)) == ["dgm_core.bare.plain has no docstring"]


def test_every_markdown_file_is_on_the_site() -> None:
    shown = {ROOT / guide.file for all_ in guides.GUIDES.values() for guide in all_ if guide.file}
    assert shown == set(PAGES)


def cited_tests(text: str) -> Iterator[tuple[str, str]]:
    """(file, test) of each test that a text cites by its name, and (file, "") of each file.

    A test is in the last file that is named before it in the same line; without one, in any file.
    """
    for line in text.splitlines():
        file = ""
        for cited in re.findall(r"`(tests/[\w/]+\.py|test_\w+)`", line):
            if cited.startswith("tests/"):
                file = cited
                yield file, ""
            else:
                yield file, cited


def missing_tests(text: str) -> list[str]:
    """The cited tests, and files of tests, that do not exist."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("test_*.py")
    }
    names = {
        file: set(re.findall(r"^ *def (test_\w+)", text, re.M)) for file, text in files.items()
    }
    anywhere = set().union(*names.values())
    return [
        ": ".join(filter(None, (file, name)))
        for file, name in cited_tests(text)
        if (file and file not in names)
        or (name and name not in (names.get(file, set()) if file else anywhere))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_test_that_a_page_cites_exists(page: Path) -> None:
    assert missing_tests(page.read_text(encoding="utf-8")) == []


def test_a_cited_test_that_does_not_exist_is_found() -> None:
    promises = (DOCS / "promises.md").read_text(encoding="utf-8")
    assert len(set(cited_tests(promises))) > 50
    here, other = "tests/test_docs.py", "tests/test_rng.py"
    row = (
        f"| a promise | `{here}`: `test_faults_are_reported`, `test_that_was_renamed`; "
        f"`{other}`: `test_faults_are_reported`; `tests/test_gone.py` | holds |\n"
        "| another | the same: `test_faults_are_reported`, `test_gone` | holds |"
    )
    assert missing_tests(row) == [
        f"{here}: test_that_was_renamed",
        f"{other}: test_faults_are_reported",
        "tests/test_gone.py",
        "test_gone",
    ]


def test_the_table_of_models_is_that_of_the_cards() -> None:
    """To update the file: dgm models --out docs/models.md."""
    shown = (DOCS / "models.md").read_text(encoding="utf-8")
    assert shown == overview.page()
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 0
    assert shown.endswith(result.output)
    for name in zoo.names():
        row = next(line for line in shown.splitlines() if line.startswith(f"| `{name}` |"))
        assert re.search(r"\d \|$|\d nats \|$|active \|$|dB.*\|$", row), row
    assert re.search(r"`breast-miwae`.*bound on log p\(x_obs\) −", shown)
    assert re.search(r"`breast-notmiwae`.*bound on log p\(x_obs, s\) −", shown)


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
    if page.name != "your-own.md":  # the walk-through runs as a whole, below
        assert "```python" not in text


def test_the_walk_through_names_existing_files() -> None:
    text = (DOCS / "your-own.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:dgm_core|tests|ui)/[\w/]+\.py)`", text))
    assert len(named) > 5
    for name in named - {"dgm_core/studies/half_a_digit.py"}:
        assert (ROOT / name).is_file(), name


@pytest.fixture(scope="module")
def blocks() -> list[tuple[str | None, str]]:
    """The blocks of the walk-through: the file that each defines, if any, and its code."""
    text = (DOCS / "your-own.md").read_text(encoding="utf-8")
    return [
        (name or None, code)
        for name, code in re.findall(r"(?:`([\w/]+\.py)`:\n\n)?```python\n(.*?)```", text, re.S)
    ]


@pytest.fixture
def names(blocks: list[tuple[str | None, str]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names defined by all blocks that are not files, run one after another."""
    monkeypatch.setattr(sets, "_READERS", dict(sets._READERS))
    monkeypatch.setattr(zoo, "_REGISTERED", {})
    found: dict[str, Any] = {"__name__": "your_own"}
    with torch.random.fork_rng():
        for number, (name, code) in enumerate(blocks):
            if name is None:
                exec(compile(code, f"your-own.md, block {number}", "exec"), found)
    return found


def test_the_walk_through_runs_and_its_sampler_keeps_the_contract(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each catalogue test of the contract, with the walk-through's sampler."""
    assert names["zoo"].load("my-digits").latent_dim == 8
    for catalogue in (contract.EVERY, samplers.CATALOGUE):
        monkeypatch.setitem(catalogue, "mine", names["random_walk"])
    ran = 0
    for name, test in vars(contract).items():
        parameters = inspect.signature(test).parameters if name.startswith("test_") else {}
        if "name" not in parameters:
            continue
        bodies = [{"body": each} for each in ("fully connected", "convolutional")]
        starts = [{"initialisation": each} for each in samplers.INITIALISATIONS]
        more = (
            bodies if "body" in parameters else starts if "initialisation" in parameters else [{}]
        )
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
    added = navigation.Page("Half_a_digit", "pages/8_Half_a_digit.py", "Half a digit")
    monkeypatch.setattr(navigation, "PAGES", {**navigation.PAGES, added.path: added})
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
