"""`dgm impute` from the command line: input, output, messages and errors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner, Result

from dgm_core.__main__ import app
from dgm_core.data.reading import read_table
from dgm_core.data.writing import write_table
from dgm_core.estimators import ChainedImputer, MFAImputer, impute_table
from dgm_core.missing.processes import PROCESSES
from dgm_core.options.impute import ASSUMPTIONS, MODELS
from dgm_core.scale.tables import in_memory

ROOT = Path(__file__).parents[2]
QUICK = ("--epochs=2", "--samples=20")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["impute", "--verbose", *map(str, words)])


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
    "model",
    [
        ["--model=miwae", *QUICK],
        ["--model=not-miwae", "--process=self-masking", *QUICK],
        ["--model=im-iwae", *QUICK],
        ["--model=pmm"],
        ["--model=cart"],
    ],
)
def test_a_table_is_completed(table: Path, tmp_path: Path, model: list[str], ending: str) -> None:
    out = tmp_path / "new" / f"done.{ending}"
    output = completes(table, *model, "--draws=3", f"--out={out}")
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
        for name in frame:  # observed cells are unchanged
            seen = expected[name].notna()
            was = expected.loc[seen, name].astype(object).tolist()
            now = filled.loc[seen, name].astype(object).tolist()
            assert now == was, name
    sd = read(out.with_stem("done-sd")).to_numpy()
    agreed = np.zeros_like(hidden)  # all 20 draws of chained equations may be the same level
    if model[0] in ("--model=pmm", "--model=cart"):
        agreed[:, 2:] = hidden[:, 2:]
    np.testing.assert_array_equal((sd > 0) | agreed, hidden)
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
        lines = (tmp_path / name).read_text().splitlines()
        first = [line.split(",")[0] for line in lines]
        assert first == ["line in the file", "2", "3", "4", "5", "6", "7"]
        assert lines[2] == "3,3,4,y,too long"


def test_the_interpretation_of_the_table_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{i},{i % 3 + 0.5},{'xyz'[i % 3]},n{i}" for i in range(60)]
    path.write_text("a,b,c,name\n" + "\n".join([*rows, "?,many,x,m", "7,8"]) + "\n")
    output = completes(path, *QUICK)
    assert "62 rows, 3 columns, 3 cells missing (1.6 %)" in output
    words = [line.split() for line in output.splitlines()]
    assert ["a", "numeric", "1", "missing", "0", "to", "59", "(integer,", "0:)"] in words
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
    reading = read_table(numbers.read_bytes(), "it")
    frame = reading.every_row
    imputer = MFAImputer(constraints="suggested", iterations=500, random_state=3)
    imputer.fit(reading.frame)
    list(imputer.replicate_steps(reading.frame, 2, 3))
    np.testing.assert_allclose(read(tmp_path / "done.csv"), imputer.transform(frame), rtol=1e-12)
    drawn = imputer.sample_imputations(frame, 2, 3)
    np.testing.assert_allclose(read(tmp_path / "done-02.csv"), drawn[1], rtol=1e-12)
    improper = imputer.sample_imputations(frame, 2, 3, proper=False)
    assert not np.allclose(read(tmp_path / "done-02.csv"), improper[1])


@pytest.mark.parametrize("model", ["pmm", "cart"])
def test_chained_equations_fill_in_as_their_estimator_does(
    table: Path, tmp_path: Path, model: str
) -> None:
    completes(table, f"--model={model}", "--draws=2", f"--out={tmp_path / 'done.csv'}", "--seed=3")
    reading = read_table(table.read_bytes(), "it")
    frame = reading.every_row
    imputer = ChainedImputer(model, random_state=3).fit(frame)
    drawn = imputer.sample_imputations(frame, 2, 3)
    hidden = frame["weight"].isna().to_numpy()
    tables = [read(tmp_path / f"done{part}.csv") for part in ("", "-sd", "-01", "-02")]
    weights = [each["weight"].to_numpy()[hidden] for each in tables]
    mean, sd = imputer.impute_with_sd(frame)
    np.testing.assert_allclose(weights[0], mean["weight"][hidden], rtol=1e-12)
    np.testing.assert_allclose(weights[1], np.asarray(sd)[hidden, 0], rtol=1e-2)
    for found, expected in zip(weights[2:], drawn, strict=True):
        np.testing.assert_allclose(found, expected["weight"][hidden], rtol=1e-12)
        assert set(found) <= set(frame["weight"].dropna())  # borrowed values
    assert not np.allclose(weights[2], weights[3])


def test_im_iwae_names_its_assumption_and_differs_from_miwae(table: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{name}.csv" for name in ("miwae", "im-iwae")]
    printed = [completes(table, f"--model={out.stem}", f"--out={out}", *QUICK) for out in outs]
    assert ["under your assumption" in each for each in printed] == [False, True]
    assert "never because of the value itself" in printed[1]
    assert outs[0].read_bytes() != outs[1].read_bytes()


def test_constraints_hold_in_every_completed_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, 200)
    frame = pd.DataFrame({"visits": rng.poisson(age / 30), "fee": np.exp(age / 40), "age": age})
    frame = frame.astype(float).mask(rng.random(frame.shape) < 0.3)
    frame.to_csv(tmp_path / "a.csv", index=False)
    words = ("--model=mfa", "--draws=3", "--constrain=fee=0.5:12", "--verbose")
    output = completes(tmp_path / "a.csv", f"--out={tmp_path / 'b.csv'}", *words)
    assert "(integer, 0:, log)" in output
    assert "(0.5:12)" in output
    for name in ("b.csv", "b-01.csv", "b-03.csv"):
        done = read(tmp_path / name)
        assert (done["visits"] >= 0).all()
        assert (done["visits"] % 1 == 0).all()
        assert done["fee"].between(0.5, 12).all()
    free = ("--model=mfa", "--draws=3", "--free", "--force")
    completes(tmp_path / "a.csv", f"--out={tmp_path / 'b.csv'}", *free)
    assert any((read(tmp_path / f"b-0{n}.csv")["visits"] < 0).any() for n in (1, 2, 3))


def test_mfa_fills_in_levels(table: Path, tmp_path: Path) -> None:
    completes(table, "--model=mfa", f"--out={tmp_path / 'done.csv'}")
    before, done = read(table), read(tmp_path / "done.csv")
    assert before["smokes"].isna().any()
    assert set(done["smokes"]) == set(before["smokes"].dropna())


@pytest.mark.parametrize("words", ["age", "age=whole", "name=count"])
def test_a_constraint_that_cannot_be_used_gets_a_sentence(table: Path, words: str) -> None:
    result = run(table, f"--constrain={words}", "--force")
    assert result.exit_code != 0
    assert "expected" in result.output


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
        (("--model=mfa", "--checkpoint=x"), "neither checkpoints nor logs"),
        (("--model=mfa", "--samples=9"), "--samples means nothing to mfa"),
        (("--model=im-iwae", "--process=linear"), "im-iwae learns no missing process"),
        (("--model=pmm", "--process=linear"), "pmm learns no missing process"),
        (("--model=pmm", "--logdir=x"), "neither checkpoints nor logs"),
        (("--model=pmm", "--epochs=9"), "--epochs means nothing to pmm"),
        (("--model=cart", "--samples=9"), "--samples means nothing to cart"),
        (("--model=cart", "--constrain=weight=positive"), "needs neither --constrain nor"),
        (("--model=pmm", "--free"), "needs neither --constrain nor"),
        (("--model=pmm", "--engine=local"), "cannot fill in a table by blocks"),
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
    assert "No column" in fails(path, "--force")
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


def test_an_existing_output_is_not_overwritten_without_force(table: Path) -> None:
    out = table.with_name("done.csv")
    for name in ("done-sd.csv", "done-02.csv"):
        other = table.with_name(name)
        other.write_text("mine")
        result = run(table, f"--out={out}", "--draws=2", *QUICK)
        assert result.exit_code == 1
        assert f"{name} exists already" in " ".join(result.stderr.split())
        assert "epoch" not in result.output
        assert other.read_text() == "mine"
        assert not out.exists()
        completes(table, f"--out={out}", "--draws=2", "--force", *QUICK)
        assert other.read_text() != "mine"
        for each in table.parent.glob("done*"):
            each.unlink()


def test_a_folder_is_neither_a_table_nor_a_completed_table(table: Path) -> None:
    result = run(table.parent)
    assert result.exit_code == 2
    assert "is a folder" in unboxed(result.output)
    assert "is a folder" in fails(table, f"--out={table.parent}")


def test_piped_output_is_quiet(table: Path) -> None:
    result = CliRunner().invoke(app, ["impute", str(table), *QUICK])
    assert result.exit_code == 0
    assert result.output == ""
    assert table.with_name("table-completed.csv").exists()


def test_what_the_owner_should_confirm_is_asked_on_stderr(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{-999 if i % 9 == 0 else i % 7}\n" for i in range(60)))
    result = CliRunner().invoke(app, ["impute", str(path), *QUICK])
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "-999 occurs in 7 cells" in result.stderr
    result = CliRunner().invoke(app, ["impute", str(path), "--force", "--missing=-999", *QUICK])
    assert (result.exit_code, result.output) == (0, "")
    completed = read(tmp_path / "t-completed.csv")["b"]
    assert completed.between(-1, 7).all()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["{folder}/nowhere.csv"], 2),
        (["{folder}"], 2),
        (["{folder}/empty.csv"], 1),
        (["{folder}/table.csv", "--out={folder}/taken.csv"], 1),
        (["{folder}/table.csv", "--out={folder}/table.csv/done.csv"], 1),
        (["{folder}/table.csv", "--model=not-miwae"], 1),
        (["{folder}/table.csv", "--model=pmm", "--epochs=3"], 1),
        (["{folder}/table.csv", "--model=pmm", "--engine=ray"], 1),
        (["{folder}/table.csv", "--model=cart", "--out={folder}/parts/"], 1),
    ],
)
def test_mistakes_in_paths_and_options_are_reported_without_torch(
    tmp_path: Path, words: list[str], status: int
) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,\n5,6\n")
    (tmp_path / "taken.csv").touch()
    (tmp_path / "empty.csv").touch()
    program = (
        "import sys, atexit; from dgm_core.__main__ import main; "
        "atexit.register(lambda: print('torch' in sys.modules)); main()"
    )
    arguments = ["impute", *(word.format(folder=tmp_path) for word in words)]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == status
    assert done.stdout == "False\n"
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def unboxed(output: str) -> str:
    """The words of an output, without the frame around them."""
    return " ".join(re.sub(r"[│╭╰─╮╯]", " ", output).split())


def test_the_help_says_what_each_model_and_process_assumes() -> None:
    result = CliRunner().invoke(app, ["impute", "--help"], env={"COLUMNS": "200"})
    shown = unboxed(result.output)
    for name, clause in (ASSUMPTIONS | MODELS).items():
        assert f"{name}: {clause}" in shown


def test_a_long_table_is_fitted_on_a_sample_and_filled_in_by_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers give the same file as one; the size of the pieces matters for rounding only."""
    path = tmp_path / "long.csv"
    frame = incomplete_table(300).assign(rare=[1.0, 2.0, 3.0] + [np.nan] * 297)
    write_table(frame, path, "csv")
    outs = []
    for piece, workers in ((64, 2), (64, 1), (300, 1)):
        monkeypatch.setattr(in_memory, "LONG", 100)
        monkeypatch.setattr(in_memory, "PIECE", piece)
        outs.append(tmp_path / f"{piece}-{workers}.csv")
        output = completes(
            path, f"--out={outs[-1]}", "--fit-rows=90", f"--workers={workers}", "--draws=1", *QUICK
        )
        assert re.search(r"trained on 9\d rows drawn at random", output)
    for suffix in ("", "-sd", "-01"):
        two, one, whole = (out.with_stem(f"{out.stem}{suffix}") for out in outs)
        assert two.read_bytes() == one.read_bytes()
        pd.testing.assert_frame_equal(read(one), read(whole), rtol=1e-3, atol=1e-3)
    assert not read(outs[0]).isna().any(axis=None)


def test_the_sample_has_a_value_in_every_column() -> None:
    frame = pd.DataFrame({"a": np.arange(500.0), "rare": [np.nan] * 499 + [1.0]})
    sample = impute_table.fit_sample(frame, 50, 0)
    assert len(sample) == 51
    assert sample.index.is_monotonic_increasing
    assert sample["rare"].notna().any()
    assert impute_table.fit_sample(frame, None, 0) is frame
    assert impute_table.default_fit_rows(30) == 50_000
    assert impute_table.default_fit_rows(1_000) == 5_000
