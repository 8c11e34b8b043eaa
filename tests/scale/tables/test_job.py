"""Tables in blocks: the same result as in one piece, for any blocks, order and storage."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from typer.testing import CliRunner

from dgm_core.__main__ import app
from dgm_core.data.reading import UnreadableTable, read_table
from dgm_core.estimators import impute_table
from dgm_core.options.impute import Model
from dgm_core.scale.tables import Done, Job
from dgm_core.scale.tables.blocks import UNREAD, as_parquet, blocks_of, cells_of, head_of
from dgm_core.scale.tables.columns import read, sample
from dgm_core.scale.tables.fill_block import Filler, part_of
from dgm_core.scale.tables.job import OtherJob

QUICK = impute_table.Settings(samples=20, epochs=2, draws=2)


class InProcess:
    """An engine for tests: a loop, optionally backwards."""

    name, workers = "here", 1

    def __init__(self, *, backwards: bool = False, most: int | None = None) -> None:
        self.backwards, self.most, self.done = backwards, most, 0

    def map(
        self, make: Callable[[], Callable[[Any], Any]], pieces: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        tool = make()
        order = range(len(pieces))
        for i in list(reversed(order) if self.backwards else order)[: self.most]:
            self.done += 1
            yield i, tool(pieces[i])


def frame_of(rows: int, seed: int = 0) -> pd.DataFrame:
    """Two numeric columns, a categorical one, all dependent, with missing cells."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rows)
    frame = pd.DataFrame({"a": a, "b": 10 + 3 * a + rng.normal(size=rows)})
    frame["kind"] = np.where(a > 0.5, "high", np.where(a < -0.5, "low", "middle"))
    hidden = rng.random(frame.shape) < 0.2
    return frame.mask(hidden)


def parquet(frame: pd.DataFrame, path: Path, group: int = 200) -> str:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=group)
    return str(path)


def run(job: Job, engine: InProcess) -> Done:
    job.prepare()
    for _ in job.training():
        pass
    for _ in job.filling(engine):
        pass
    return job.finish()


def files(done: Done) -> list[bytes]:
    return [Path(path).read_bytes() for path in done.paths]


def test_the_result_equals_that_of_the_table_in_one_piece(tmp_path: Path) -> None:
    frame = frame_of(900)
    job = Job(parquet(frame, tmp_path / "t.parquet"), str(tmp_path / "out.parquet"), QUICK)
    done = run(job, InProcess())
    assert done.tally.rows == 900
    assert done.tally.filled == frame.isna().to_numpy().sum()
    reading = impute_table.imputer_of(QUICK, job.reading.frame)
    for _ in impute_table.training(reading, job.reading.frame):
        pass
    whole = impute_table.fill(reading, job.reading.frame, QUICK)
    got, sd, *draws = (pd.read_parquet(path) for path in done.paths)
    known = job.reading.frame.index - 1  # rows without any value are not part of the sample
    assert len(known) < 900
    np.testing.assert_allclose(got.loc[known, ["a", "b"]], whole.completed[["a", "b"]], rtol=1e-5)
    assert (
        got["kind"].to_numpy()[known] == whole.completed["kind"].astype(object).to_numpy()
    ).all()
    np.testing.assert_allclose(sd.loc[known], whole.sd, rtol=1e-4, atol=1e-6)
    assert len(draws) == 2
    for each in (got, *draws):
        seen = frame.notna().to_numpy()
        assert (each.to_numpy()[seen] == frame.to_numpy()[seen]).all()
        assert not each.isna().any(axis=None)
    assert not draws[0].equals(draws[1])
    assert not (tmp_path / "out.parquet.parts").exists()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_order_and_restarts_do_not_change_the_result(tmp_path: Path, ending: str) -> None:
    url = parquet(frame_of(900), tmp_path / "t.parquet")

    def job(name: str) -> Job:
        return Job(url, str(tmp_path / f"{name}.{ending}"), QUICK, ending, fit_rows=300)

    expected = files(run(job("forward"), InProcess()))
    assert files(run(job("backward"), InProcess(backwards=True))) == expected
    cut = job("cut")
    cut.prepare()
    for _ in cut.training():
        pass
    for _ in cut.filling(InProcess(most=3)):
        pass
    rest = InProcess()
    again = job("cut")
    assert files(run(again, rest)) == expected
    assert rest.done == 2  # of five blocks


def parts_of(done: Done) -> dict[str, bytes]:
    """All files of all folders, by name."""
    every = [path for folder in done.paths for path in Path(folder).iterdir()]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in every}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_of_parts_is_the_table_and_is_marked_when_complete(
    tmp_path: Path, ending: str
) -> None:
    url = parquet(frame_of(900), tmp_path / "t.parquet")

    def job(name: str, slash: str = "/") -> Job:
        return Job(url, str(tmp_path / name / "done.v1") + slash, QUICK, ending, fit_rows=300)

    joined = run(job("file", f".{ending}"), InProcess())
    expected = parts_of(done := run(job("forward"), InProcess()))
    assert [Path(path).name for path in done.paths] == [
        "done.v1",
        "done-sd.v1",
        "done-01.v1",
        "done-02.v1",
    ]
    names = [*(f"part-{number:08}.{ending}" for number in range(5)), "_SUCCESS"]
    assert {*expected} == {f"{Path(path).name}/{name}" for path in done.paths for name in names}
    for whole, folder in zip(joined.paths, done.paths, strict=True):
        each = [Path(folder) / name for name in names[:-1]]
        if ending == "parquet":
            assert pq.read_table(folder) == pq.read_table(whole)  # ignores _SUCCESS
        else:
            assert pd.concat(map(pd.read_csv, each), ignore_index=True).equals(pd.read_csv(whole))
    assert not (tmp_path / "forward" / "done.v1.parts").exists()

    cut = job("cut")
    cut.prepare()
    for _ in cut.training():
        pass
    for _ in cut.filling(InProcess(backwards=True, most=3)):
        pass
    means = tmp_path / "cut" / "done.v1"
    assert sorted(path.name for path in means.iterdir()) == names[2:5]
    rest = InProcess(backwards=True)
    again = run(job("cut"), rest)
    assert rest.done == 2
    assert parts_of(again) == expected


def test_an_existing_folder_is_not_changed(tmp_path: Path) -> None:
    url = parquet(frame_of(300), tmp_path / "t.parquet")
    (tmp_path / "o-sd").mkdir()
    Job(url, f"{tmp_path}/o/", QUICK).prepare()  # empty
    with pytest.raises(OtherJob):
        Job(url, f"{tmp_path}/o", QUICK).prepare()  # one file, not a folder
    (tmp_path / "p-01").mkdir()
    (tmp_path / "p-01" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="p-01/ exists already"):
        Job(url, f"{tmp_path}/p/", QUICK).prepare()
    assert not (tmp_path / "p.parts").exists()


def test_an_interrupted_training_resumes(tmp_path: Path) -> None:
    url = parquet(frame_of(600), tmp_path / "t.parquet")
    settings = impute_table.Settings(samples=20, epochs=4)
    expected = files(run(Job(url, str(tmp_path / "one.parquet"), settings), InProcess()))
    cut = Job(url, str(tmp_path / "two.parquet"), settings)
    cut.prepare()
    steps = cut.training()
    next(now for now in steps if now.epoch == 2 and now.step == 0)
    next(steps)
    steps.close()
    again = Job(url, str(tmp_path / "two.parquet"), settings)
    again.prepare()
    resumed = [now.epoch for now in again.training()]
    assert resumed[0] >= 2
    for _ in again.filling(InProcess()):
        pass
    assert files(again.finish()) == expected


@pytest.mark.parametrize("model", ["miwae", "mfa"])
def test_the_draws_of_a_row_depend_only_on_its_number(tmp_path: Path, model: Model) -> None:
    frame = frame_of(400)[["a", "b"]]
    settings = impute_table.Settings(
        model, samples=None if model == "mfa" else 20, epochs=2, draws=1
    )
    imputer = impute_table.imputer_of(settings, frame)
    for _ in impute_table.training(imputer, frame):
        pass
    found = []
    for group in (400, 150):  # one block, or three
        url = parquet(frame, tmp_path / f"{group}.parquet", group)
        blocks = blocks_of(url)
        _, columns = sample(url, blocks, 400, 0, decimal_comma=False)
        parts = str(tmp_path / f"parts-{group}")
        filler = Filler(imputer, url, columns, settings, parts, "parquet")
        for block in blocks:
            filler(block)
        drawn = [pd.read_parquet(part_of(parts, b.number, "01", "parquet")) for b in blocks]
        found.append(pd.concat(drawn).to_numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5)
    other = impute_table.fill(imputer, frame, settings)  # one stream for the whole table
    hidden = frame.isna().to_numpy()
    assert not np.allclose(found[0][hidden], other.draws[0].to_numpy()[hidden], atol=1e-3)


def test_blocks_contain_each_row_of_the_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgm_core.scale.tables.blocks.BLOCK", 64)
    frame = pd.DataFrame({"a": np.arange(500.0)})
    url = parquet(frame, tmp_path / "t.parquet", 150)
    blocks = blocks_of(url)
    assert [block.rows for block in blocks] == [64, 64, 22] * 3 + [50]
    rows = np.concatenate([cells_of(url, block)["a"].to_numpy() for block in blocks])
    assert (rows == np.arange(500)).all()
    assert [block.start for block in blocks] == np.cumsum([0, *[b.rows for b in blocks]])[
        :-1
    ].tolist()


def test_a_sample_is_drawn_over_the_whole_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(5000.0)})
    url = parquet(frame, tmp_path / "t.parquet", 100)
    reading, _ = sample(url, blocks_of(url), 600, 1, decimal_comma=False)
    drawn = reading.frame["a"]
    assert len(drawn) == 600
    assert drawn.is_unique
    assert (drawn.to_numpy() + 1 == drawn.index).all()
    # 32 of 50 groups; the mean of all is 2,499.5, with a standard error of about 250 · .6.
    assert abs(drawn.mean() - 2499.5) < 4 * 5000 / np.sqrt(12 * 32)


# --- cells ------------------------------------------------------------------------------------


def test_csv_is_read_as_parquet_is(tmp_path: Path) -> None:
    frame = frame_of(700)
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",", na_rep="?")
    from_csv = run(
        Job(str(tmp_path / "t.csv"), str(tmp_path / "c.csv"), QUICK, "csv"), InProcess()
    )
    url = parquet(frame, tmp_path / "t.parquet", 1000)
    from_parquet = run(Job(url, str(tmp_path / "p.csv"), QUICK, "csv"), InProcess())
    for suffix, ours, theirs in zip(("", "sd"), from_csv.paths, from_parquet.paths, strict=False):
        values, expected = pd.read_csv(ours, sep=";", decimal=","), pd.read_csv(theirs)
        pd.testing.assert_frame_equal(values, expected, rtol=1e-5 if suffix else 1e-14)
    assert from_csv.unread == 0


def test_commas_are_interpreted_per_column_as_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgm_core.scale.tables.blocks.BLOCK", 128)
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    comma = [f"{value:.3f}".replace(".", ",") for value in a]
    point = [f"{value:.3f}" for value in 10 + 3 * a]
    for row in range(0, 400, 7):
        comma[row] = ""
    for row in (390, 391, 392):  # in the last block; the comma is ambiguous
        comma[row] = "1.234"
    point[395] = "1,234"
    lines = ["comma;point", *(";".join(pair) for pair in zip(comma, point, strict=True))]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    settings = impute_table.Settings(samples=20, epochs=2)
    job = Job(str(path), str(tmp_path / "out.parquet"), settings)
    got = pd.read_parquet(run(job, InProcess()).paths[0]).to_numpy()

    frame = read_table(path.read_bytes(), "t.csv").frame
    assert frame.isna().to_numpy()[[390, 391, 392, 395]].tolist() == [[True, False]] * 3 + [
        [False, True]
    ]
    imputer = impute_table.imputer_of(settings, frame)
    for _ in impute_table.training(imputer, frame):
        pass
    whole = impute_table.fill(imputer, frame, settings).completed.to_numpy()
    seen = frame.notna().to_numpy()
    assert (got[seen] == frame.to_numpy()[seen]).all()
    # The columns have three decimals, so completed cells have five.
    np.testing.assert_allclose(got, np.round(whole, 5), rtol=1e-5, atol=1.1e-5)
    np.testing.assert_array_equal(got, np.round(got, 5))


def test_a_column_of_commas_has_no_points_in_later_blocks_either(tmp_path: Path) -> None:
    known = pa.table({"x": ["1,5", "2,5", "3,5"], "y": ["1.5", "2.5", "3.5"]})
    pq.write_table(known, tmp_path / "known.parquet")
    url = str(tmp_path / "known.parquet")
    _, columns = sample(url, blocks_of(url), 9, 0, decimal_comma=True)
    assert [column.style.decimal_comma for column in columns] == [True, False]
    later = pa.table({"x": ["4,5", "1.234", "7"], "y": ["4.5", "1,234", "7"]})
    x, y = (read(column, later).values for column in columns)
    np.testing.assert_array_equal(x, [4.5, np.nan, 7.0])
    np.testing.assert_array_equal(y, [4.5, np.nan, 7.0])


def test_rows_that_do_not_fit_stay_in_their_place(tmp_path: Path) -> None:
    lines = ["a,b", "1,2,3", *(f"{i},{i % 7}" for i in range(50)), "1,2,3", "4", "", *["5,?"] * 50]
    lines += ['6,"x', 'y"', '1,2,"3"', "8,9,", "7"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    head = head_of(str(path))
    assert (head.form.skip, head.form.header, head.form.separator) == (1, 1, ",")
    assert (head.names, head.before, head.header, head.line_end) == (["a", "b"], "", "a,b\n", "\n")
    target = str(tmp_path / "t.parquet")
    assert as_parquet(str(path), head, target) == 3
    cells = [tuple(row.values()) for row in pq.read_table(target).to_pylist()]
    expected = [(f"{i}", f"{i % 7}", None) for i in range(50)]
    expected = [(None, None, "1,2,3"), *expected, (None, None, "1,2,3"), ("4", "", None)]
    expected += [("5", "?", None)] * 50
    expected += [("6", "x\ny", None), (None, None, '1,2,"3"'), ("8", "9", None), ("7", "", None)]
    assert cells == expected


def test_a_first_line_of_numbers_is_data(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2\n3,4\n")
    head = head_of(str(path))
    assert (head.form.skip, head.form.header, head.names) == (0, 0, ["column 1", "column 2"])
    assert as_parquet(str(path), head, str(tmp_path / "t.parquet")) == 0
    assert pq.read_table(tmp_path / "t.parquet").drop_columns(UNREAD).to_pylist() == [
        {"column 1": "1", "column 2": "2"},
        {"column 1": "3", "column 2": "4"},
    ]


def test_values_absent_from_the_sample_are_kept_and_non_numbers_are_missing(
    tmp_path: Path,
) -> None:
    texts = pd.DataFrame(
        {
            "x": ["1", "2", "3", "4"] * 50,
            "level": ["u", "v", "w", "u"] * 50,
            "two": [0.0, 1.0, 1.0, 0.0] * 50,
        }
    )
    known = parquet(texts, tmp_path / "known.parquet")
    _, columns = sample(known, blocks_of(known), 1000, 0, decimal_comma=False)
    new = pd.DataFrame(
        {
            "x": ["5", "oops", "inf", None],
            "level": ["u", "new", "NA", None],
            "two": [1.0, 0.5, None, 0.0],
        }
    )
    url = parquet(new, tmp_path / "new.parquet")
    (block,) = blocks_of(url)
    table = cells_of(url, block)
    x, level, two = (read(column, table) for column in columns)
    np.testing.assert_array_equal(x.values, [5.0, np.nan, np.nan, np.nan])
    assert level.unknown.tolist() == [False, True, False, False]
    assert level.unknown_values.tolist() == ["new"]
    assert pd.isna(level.values).tolist() == [False, True, True, True]
    assert two.unknown.tolist() == [False, True, False, False]
    settings = impute_table.Settings(samples=10, epochs=1)
    learned = sample(known, blocks_of(known), 99, 0, decimal_comma=False)[0].frame
    imputer = impute_table.imputer_of(settings, learned)
    for _ in impute_table.training(imputer, learned):
        pass
    parts = str(tmp_path / "parts")
    tally = Filler(imputer, url, columns, settings, parts, "parquet")(block)
    assert tally == (4, 6, 2)
    got = pd.read_parquet(part_of(parts, 0, "", "parquet"))
    assert got["level"].tolist()[:2] == ["u", "new"]
    assert got["two"].tolist()[:2] == [1.0, 0.5]
    sd = pd.read_parquet(part_of(parts, 0, "sd", "parquet"))
    assert (sd.iloc[1][["level", "two"]] == 0).all()
    assert (sd.iloc[2:]["level"] > 0).all()


# --- storage and failures ---------------------------------------------------------------------


def test_every_storage_of_fsspec_works(tmp_path: Path) -> None:
    frame = frame_of(500)
    local = run(
        Job(parquet(frame, tmp_path / "t.parquet"), str(tmp_path / "o.parquet"), QUICK),
        InProcess(),
    )
    there = fsspec.filesystem("memory")
    there.pipe_file("/tables/t.parquet", (tmp_path / "t.parquet").read_bytes())
    job = Job("memory://tables/t.parquet", "memory://tables/o.parquet", QUICK)
    done = run(job, InProcess())
    assert [there.cat_file(path) for path in done.paths] == files(local)
    assert not there.exists("/tables/o.parquet.parts")


def test_the_folder_of_another_job_is_not_resumed(tmp_path: Path) -> None:
    url = parquet(frame_of(300), tmp_path / "t.parquet")
    Job(url, str(tmp_path / "o.parquet"), QUICK).prepare()
    Job(url, str(tmp_path / "o.parquet"), QUICK).prepare()
    with pytest.raises(OtherJob, match="other settings"):
        Job(url, str(tmp_path / "o.parquet"), impute_table.Settings(samples=21)).prepare()
    parquet(frame_of(301), tmp_path / "t.parquet")
    with pytest.raises(OtherJob, match="another table"):
        Job(url, str(tmp_path / "o.parquet"), QUICK).prepare()


def test_a_job_killed_while_cleaning_up_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = parquet(frame_of(300), tmp_path / "t.parquet")

    def dies(self: Any, path: Any, *_: Any, **__: Any) -> None:
        removed.append(path)
        raise KeyboardInterrupt

    removed: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "rm", dies)
        with pytest.raises(KeyboardInterrupt):
            run(Job(url, str(tmp_path / "o.parquet"), QUICK), InProcess())
    assert {Path(path).name for path in removed[0]} >= {"model.pt", "00000000.json"}
    assert "job" not in {Path(path).name for path in removed[0]}
    with pytest.raises(OtherJob):
        Job(url, str(tmp_path / "o.parquet"), impute_table.Settings(samples=21)).prepare()


def test_a_damaged_file_and_a_whole_table_give_an_error_message(tmp_path: Path) -> None:
    url = parquet(frame_of(300), tmp_path / "t.parquet")
    content = Path(url).read_bytes()
    Path(url).write_bytes(content[:-100])
    with pytest.raises(UnreadableTable, match="damaged or cut short"):
        Job(url, str(tmp_path / "o.parquet"), QUICK).prepare()
    whole = parquet(frame_of(300).fillna({"a": 0, "b": 1, "kind": "low"}), tmp_path / "w.parquet")
    job = Job(whole, str(tmp_path / "w-out.parquet"), QUICK)
    job.prepare()
    with pytest.raises(ValueError, match="no value is missing in a sample of 300 rows"):
        next(job.training())


def test_the_command_makes_a_folder_of_parts(tmp_path: Path) -> None:
    table = parquet(frame_of(300), tmp_path / "t.parquet")
    arguments = ["impute", "--verbose", table, "--epochs", "1"]
    arguments += ["--samples", "10", "--workers", "1", "--checkpoint", str(tmp_path / "kept")]
    result = CliRunner().invoke(app, [*arguments, "--out", f"{tmp_path}/o/"])
    assert result.exit_code == 0, result.output
    assert "--checkpoint is not used: OUT.parts has the checkpoint of this run." in result.output
    assert not (tmp_path / "kept").exists()
    assert f"wrote {tmp_path}/o/, {tmp_path}/o-sd/" in result.output.replace("\n", " ")
    assert pd.read_parquet(tmp_path / "o").shape == (300, 3)
    again = CliRunner().invoke(app, [*arguments, "--out", f"{tmp_path}/o/"])
    assert again.exit_code == 1
    assert "exists already" in again.stderr


def test_the_command_reports_its_work_and_writes_to_a_url(tmp_path: Path) -> None:
    frame = frame_of(300)
    frame.to_csv(tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open("a") as file:
        file.write("1,2\n1,2,low,3\n")
    arguments = ["impute", str(tmp_path / "t.csv"), "--epochs", "1", "--samples", "10"]
    arguments += ["--verbose"]
    arguments += ["--workers", "1", "--with-lines", "--out", f"file://{tmp_path}/o.csv"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "300 rows" in result.output
    assert "copied unchanged: 1 row with too many cells" in result.output
    assert "--checkpoint" not in result.output
    *lines, last = (tmp_path / "o.csv").read_text().splitlines()
    assert last == "302,1,2,low,3"
    got = pd.read_csv(io.StringIO("\n".join(lines)))
    assert got.columns.tolist() == ["row in the table", "a", "b", "kind"]
    assert got["row in the table"].tolist() == list(range(1, 302))
    assert not got.isna().any(axis=None)


def test_a_job_does_not_overwrite_a_completed_table(tmp_path: Path) -> None:
    url = parquet(frame_of(300), tmp_path / "t.parquet")
    (tmp_path / "o-sd.parquet").write_text("mine")
    with pytest.raises(FileExistsError, match=r"o-sd\.parquet exists already"):
        Job(url, str(tmp_path / "o.parquet"), QUICK).prepare()
    assert (tmp_path / "o-sd.parquet").read_text() == "mine"
    run(Job(url, str(tmp_path / "o.parquet"), QUICK, force=True), InProcess())
    assert len(pd.read_parquet(tmp_path / "o-sd.parquet")) == 300
