"""`dgm report` from the command line: output, messages and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from dgm_core.__main__ import app

ROOT = Path(__file__).parents[2]
QUICK = ("--methods=mean,norm", "--draws=3")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, words)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    z = random.normal(size=120)
    frame = pd.DataFrame({"age": 40 + 9 * z, "income": 9 + z, "score": random.normal(size=120)})
    frame = frame.round(3).mask(random.random(frame.shape) < 0.15)
    frame.assign(centre="north").to_csv(tmp_path / "study.csv", index=False)
    return tmp_path / "study.csv"


def test_a_report_is_written_and_nothing_is_printed(table: Path) -> None:
    before = table.read_bytes()
    assumed = ("--delta=income=0,-1,-2", "--strengths=income=-1,1")
    result = run(table, *QUICK, "--regress=income ~ age", *assumed, "--seed=7")
    assert (result.exit_code, result.output) == (0, "")
    html = table.with_name("study-report.html").read_text(encoding="utf-8")
    for words in ("income ~ age", "is constant", "strength = −1: ", "random numbers: 7"):
        assert words in html, words
    assert (
        f"<pre>dgm report {table} --regress &#x27;income ~ age&#x27; --delta income=0,-1,-2 "
        "--strengths income=-1,1 --methods mean,norm --draws 3 --seed 7</pre>"
    ) in html
    assert table.read_bytes() == before
    assert {path.name for path in table.parent.iterdir()} == {"study.csv", "study-report.html"}


def test_an_existing_page_is_kept_without_force(table: Path) -> None:
    out = table.with_name("page.html")
    out.write_text("mine")
    result = run(table, *QUICK, f"--out={out}")
    assert result.exit_code == 1
    assert "--force" in result.output
    assert out.read_text() == "mine"
    assert run(table, *QUICK, f"--out={out}", "--force").exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    assert run(table, *QUICK, f"--out={table}", "--force").exit_code == 1
    assert table.read_text().startswith("age,")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--regress=income ~ wealth"], "got 'wealth'"),
        (["--regress=income"], "expected a regression"),
        (["--delta=income"], "expected shifts"),
        (["--delta=wealth=1"], "got 'wealth'"),
        (["--strengths=income"], "expected strengths"),
        (["--strengths=centre=1"], "got 'centre'"),
        (["--strengths=income=1", "--process=self-masking"], "no process"),
        (["--model=mean"], "gives no draws"),
        (["--methods=mean,guess"], "got 'guess'"),
    ],
)
def test_mistakes_in_the_options_are_sentences(
    table: Path, words: list[str], message: str
) -> None:
    result = run(table, *words)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not table.with_name("study-report.html").exists()


def test_paths_files_and_options_are_checked_before_torch_is_loaded(
    tmp_path: Path, table: Path
) -> None:
    (tmp_path / "empty.csv").write_text("")
    towns = pd.read_csv(table).assign(town=["Ely", "Rye", "Wem"] * 40)
    towns.to_csv(table, index=False)
    cases = [
        ([str(tmp_path / "mistyped.csv")], "does not exist"),
        ([str(tmp_path)], "is a folder"),
        ([str(tmp_path / "empty.csv")], "is empty"),
        ([str(table), f"--out={tmp_path}"], "is a folder"),
        ([str(table), "--methods=mean,guess"], "got 'guess'"),
        ([str(table), "--methods=PMM,PMM"], "expected different methods"),
        ([str(table), "--model=mean"], "gives no draws"),
        ([str(table), "--model=not-MIWAE"], "Choose what you assume"),
        ([str(table), "--process=guess"], "got 'guess'"),
        ([str(table), "--regress=income ~ wealth"], "got 'wealth'"),
        ([str(table), "--regress=town ~ income"], "numeric columns"),
        ([str(table), "--delta=town=1"], "numeric columns"),
        ([str(table), "--delta=income"], "expected shifts"),
    ]
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from dgm_core.__main__ import app\n"
        f"for words, message in {cases!r}:\n"
        "    wide = {'COLUMNS': '400'}  # no sentence is broken into lines\n"
        "    result = CliRunner().invoke(app, ['report', *words], env=wide)\n"
        "    assert result.exit_code, words\n"
        "    assert message in result.output, result.output\n"
        "    assert 'torch' not in sys.modules, words\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
