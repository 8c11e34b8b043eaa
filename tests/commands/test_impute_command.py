"""`dgm impute` from the command line: input, output, messages and errors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner, Result

from dgm_core.__main__ import app
from dgm_core.data.reading import read_table
from dgm_core.data.writing import write_table
from dgm_core.estimators import MFAImputer, impute_table
from dgm_core.missing.processes import PROCESSES

ROOT = Path(__file__).parents[2]
QUICK = ("--epochs=2", "--samples=20")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["impute", *map(str, words)])


def completes(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def incomplete_table(rows: int = 80, seed: int = 0) -> pd.DataFrame:
    """Two numeric, one binary and one categorical column, all dependent, with missing cells."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(rows)
    frame = pd.DataFrame(
        {
            "weight": 70 + 10 * z + rng.standard_normal(rows),
            "height": 1.7 + 0.1 * z,
            "smokes": pd.Categorical.from_codes((z > 0).astype(int), ["=no", "yes"]),
            "size": pd.Categorical.from_codes(np.digitize(z, [-0.5, 0.5]), ["L", "M", "S"]),
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.15)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "table.csv"
    write_table(incomplete_table(), path, "csv")
    return path


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "numbers.csv"
    write_table(incomplete_table()[["weight", "height"]], path, "csv")
    return path


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "model", [["--model=miwae"], ["--model=not-miwae", "--process=self-masking"]]
)
def test_a_table_is_completed(table: Path, tmp_path: Path, model: list[str], ending: str) -> None:
    out = tmp_path / "new" / f"done.{ending}"
    output = completes(table, *model, "--draws=3", f"--out={out}", *QUICK)
    names = {f"done{part}.{ending}" for part in ("", "-sd", "-01", "-02", "-03")}
    assert {path.name for path in out.parent.iterdir()} == names
    frame = read_table(table.read_bytes(), "it").frame
    hidden = frame.isna().to_numpy()
    assert f"80 rows, 4 columns, {hidden.sum()} cells missing" in output
    tables = [out, *(out.with_stem(f"done-0{i}") for i in (1, 2, 3))]
    completed, *draws = (read_table(path.read_bytes(), "it").frame for path in tables)
    expected = frame.reset_index(drop=True)
    for filled in (completed, *draws):
        filled.index = expected.index
        assert list(filled) == list(frame)
        assert not filled.isna().any(axis=None)
        for name in frame:  # observed cells are unchanged, except for apostrophes before formulas
            seen = expected[name].notna()
            was = expected.loc[seen, name].astype(object).tolist()
            now = filled.loc[seen, name].astype(object).tolist()
            assert now == was or (name == "smokes" and ending == "csv"), name
    sd = read(out.with_stem("done-sd")).to_numpy()
    np.testing.assert_array_equal(sd > 0, hidden)
    assert not draws[0].equals(draws[1])
    assert draws[0]["weight"][hidden[:, 0]].nunique() > 1


def test_formulas_in_the_output_are_harmless(table: Path, tmp_path: Path) -> None:
    completes(table, f"--out={tmp_path / 'done.csv'}", *QUICK)
    assert "'=no" in set(read(tmp_path / "done.csv")["smokes"])
    assert "=no" not in set(read(tmp_path / "done.csv")["smokes"])


def test_the_result_depends_on_the_seed_only(table: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{name}.csv" for name in ("a", "b", "c")]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        completes(table, f"--out={out}", f"--seed={seed}", "--draws=1", *QUICK)
    for part in ("", "-sd", "-01"):
        first, again, other = (out.with_stem(f"{out.stem}{part}").read_bytes() for out in outs)
        assert first == again
        assert first != other


def test_a_name_is_found_beside_the_table(table: Path) -> None:
    output = completes(table, "--format=parquet", *QUICK)
    made = {path.name for path in table.parent.iterdir()} - {table.name}
    assert made == {"table-completed.parquet", "table-completed-sd.parquet"}
    assert "table-completed.parquet and table-completed-sd.parquet" in output


def test_line_numbers_are_written_on_request(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n1,2,x\n3,4,y,too long\n5,,x\n,8,y\n9,10,x\n11,12,y\n")
    completes(path, "--with-lines", f"--out={tmp_path / 'done.csv'}", *QUICK)
    for name in ("done.csv", "done-sd.csv"):
        assert read(tmp_path / name)["line in the file"].tolist() == [2, 4, 5, 6, 7]


def test_the_interpretation_of_the_table_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{i},{i % 3 + 0.5},{'xyz'[i % 3]},n{i}" for i in range(60)]
    path.write_text("a,b,c,name\n" + "\n".join([*rows, "?,many,x,m", "7,8"]) + "\n")
    output = completes(path, *QUICK)
    assert "62 rows, 3 columns, 3 cells missing (1.6 %)" in output
    words = [line.split() for line in output.splitlines()]
    assert ["a", "numeric", "1", "missing", "0", "to", "59"] in words
    assert ["c", "categorical", "1", "missing", "x,", "y,", "z"] in words
    assert "line 63: The row has 2 cells for 4 columns" in output
    assert 'line 62, b: "many" is not a number' in output
    assert "name: The column is left out" in output


def test_what_a_process_learned_is_printed(table: Path, tmp_path: Path) -> None:
    words = (table, f"--out={tmp_path / 'done.csv'}", *QUICK)
    output = completes(*words, "--model=not-miwae", "--process=linear")
    learned = [line for line in output.splitlines() if "missing with probability" in line]
    assert [line.split()[0] for line in learned] == ["weight", "height"]
    assert "Under your assumption that the log-odds of being missing are linear in" in output


def test_without_a_chosen_mechanism_the_command_completes_by_miwae(
    table: Path, tmp_path: Path
) -> None:
    outs = [tmp_path / f"{name}.csv" for name in ("default", "miwae", "assumed")]
    high = ["--model=not-miwae", "--process=self-masking-with-known-signs"]
    models = ([], ["--model=miwae"], high)
    printed = [
        completes(table, f"--out={out}", *more, *QUICK)
        for out, more in zip(outs, models, strict=True)
    ]
    default, miwae, assumed = (out.read_bytes() for out in outs)
    assert default == miwae != assumed
    assert ["missing with probability" in each for each in printed] == [False, False, True]
    assert "Under your assumption that high values go missing, a cell is" in printed[-1]


def test_the_process_of_the_readme_assumes_that_high_values_go_missing(table: Path) -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    (words,) = re.findall(r"missing \*because\* they are high, say so: `([^`]+)`", readme)
    completes(table, *words.split(), *QUICK)
    process = impute_table.LEARNABLE[words.split()[-1]](2)
    assert process.curve(0, torch.tensor([-1.0, 1.0])).diff() > 0.2


def test_ages_missing_at_random_are_completed_near_the_truth(tmp_path: Path) -> None:
    """Ages go missing where the income, which is always seen, is low: at random, given it."""
    rng = np.random.default_rng(0)
    age = rng.normal(50, 12, 400)
    income = 1000 + 40 * age + rng.normal(0, 150, 400)
    hidden = rng.random(400) < 1 / (1 + np.exp((income - 2800) / 150))
    path = tmp_path / "ages.csv"
    seen = np.where(hidden, np.nan, age)
    pd.DataFrame({"age": seen, "income": income}).to_csv(path, index=False)
    completes(path, f"--out={tmp_path / 'done.csv'}", "--epochs=150", "--samples=100")
    error = read(tmp_path / "done.csv")["age"].to_numpy() - age
    assert abs(error[hidden].mean()) < 4
    assert np.nanmean(seen) - age[hidden].mean() > 10  # the mean of the observed is far above


@pytest.mark.parametrize("process", impute_table.LEARNABLE)
def test_every_available_process_can_be_learned(table: Path, tmp_path: Path, process: str) -> None:
    words = ("--model=not-miwae", f"--process={process}", f"--out={tmp_path / 'done.csv'}")
    completes(table, *words, *QUICK)
    assert not read(tmp_path / "done.csv").isna().any(axis=None)
    assert process.replace("-", " ") in {name.replace("-", " ") for name in PROCESSES}


def test_a_complete_table_is_written_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(incomplete_table().dropna()[["weight", "height"]], path, "csv")
    output = completes(path, "--draws=2", f"--out={tmp_path / 'done.csv'}")
    assert "No value is missing" in output
    for name in ("done.csv", "done-01.csv", "done-02.csv"):
        assert (tmp_path / name).read_bytes() == path.read_bytes()
    assert not read(tmp_path / "done-sd.csv").to_numpy().any()


def test_mfa_fills_in_as_its_estimator_does(numbers: Path, tmp_path: Path) -> None:
    completes(numbers, "--model=mfa", "--draws=2", f"--out={tmp_path / 'done.csv'}", "--seed=3")
    frame = read_table(numbers.read_bytes(), "it").frame
    imputer = MFAImputer(iterations=500, random_state=3).fit(frame)
    np.testing.assert_allclose(read(tmp_path / "done.csv"), imputer.transform(frame), rtol=1e-12)
    drawn = imputer.sample_imputations(frame, 2, 3)
    np.testing.assert_allclose(read(tmp_path / "done-02.csv"), drawn[1], rtol=1e-12)


# --- checkpoints and logs


def test_a_killed_run_resumes_where_it_stopped(table: Path, tmp_path: Path) -> None:
    words = ("--epochs=5", "--samples=20", "--draws=1")
    completes(table, f"--out={tmp_path / 'whole.csv'}", *words)
    frame = read_table(table.read_bytes(), "it").frame
    settings = impute_table.Settings(epochs=5, samples=20, checkpoints=tmp_path / "runs")
    for progress in impute_table.training(impute_table.imputer_of(settings, frame), frame):
        if progress.epoch == 3:
            break
    resumed = run(
        table, f"--out={tmp_path / 'again.csv'}", f"--checkpoint={tmp_path / 'runs'}", *words
    )
    assert resumed.exit_code == 0
    assert "epoch 4.0/5" in resumed.output
    assert "epoch 2.0/5" not in resumed.output
    for part in ("", "-sd", "-01"):
        files = [tmp_path / f"{name}{part}.csv" for name in ("whole", "again")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_each_table_and_each_setting_has_its_own_checkpoint(tmp_path: Path) -> None:
    def files(frame: pd.DataFrame, **settings: object) -> str:
        return str(
            impute_table.imputer_of(
                impute_table.Settings(checkpoints=tmp_path, **settings), frame
            ).checkpoint.name
        )

    frame = incomplete_table()
    other = frame.copy()
    other.loc[0, "height"] = 1.0
    renamed = frame.rename(columns={"height": "length"})
    names = [
        files(frame),
        files(other),
        files(renamed),
        files(frame, epochs=7),
        files(frame, seed=1),
        files(frame, model="not-miwae", process="self-masking"),
        files(frame, model="not-miwae", process="linear"),
    ]
    assert len(set(names)) == len(names)
    assert files(frame.copy(), draws=3, samples=7) == names[0]


def test_logs_are_written(table: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    completes(table, f"--out={tmp_path / 'done.csv'}", f"--logdir={logs}", *QUICK)
    assert list(logs.glob("events*"))


# --- refusals


def fails(*words: object) -> str:
    """The message on stderr of a command that must fail: one sentence without a traceback."""
    result = run(*words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--process=linear",), "miwae learns no missing process"),
        (
            ("--model=not-miwae", "--process=clipping"),
            "no process 'clipping'; there are",
        ),
        (
            ("--model=not-miwae",),
            "needs a process, because the table cannot show why its cells are missing. Choose "
            "what you assume: self-masking (a cell goes missing because of its own value",
        ),
        (("--model=mfa",), "'smokes' has categories"),
        (("--model=mfa", "--checkpoint=x"), "neither checkpoints nor logs"),
        (("--draws=-1",), "draws ≥ 0"),
        (("--epochs=0",), "epochs ≥ 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    table: Path, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in fails(table, *words)
    assert [path.name for path in table.parent.iterdir()] == [table.name]


def test_files_that_are_not_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"%PDF-1.7")
    assert "is a PDF document" in fails(path)
    path.write_text("a,b\n1,\n2,\n3,\n")
    completes(path, *QUICK)  # one column remains
    path.write_text("a\nn1\n")
    assert "No column" in fails(path)
    result = run(tmp_path / "nowhere.csv")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_the_table_itself_is_not_overwritten(table: Path) -> None:
    before = table.read_bytes()
    assert "is the table itself" in fails(table, f"--out={table}")
    assert table.read_bytes() == before


def test_an_unwritable_path_is_reported_before_training(table: Path) -> None:
    out = table / "below" / "done.csv"
    result = run(table, f"--out={out}", *QUICK)
    assert result.exit_code == 1
    assert "below" in result.stderr
    assert "epoch" not in result.output
