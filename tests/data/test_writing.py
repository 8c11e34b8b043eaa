"""Tables → files: values survive the round trip, and no spreadsheet evaluates them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dgm_core.data.reading import read_table
from dgm_core.data.writing import Format, table_bytes, write_table

FORMATS: tuple[Format, ...] = ("csv", "parquet")


def mixed() -> pd.DataFrame:
    """A table with every kind of column, missing values, unusual names and unusual cells."""
    rng = np.random.default_rng(0)
    codes = rng.integers(-1, 3, 60)
    return pd.DataFrame(
        {
            "x": np.where(codes < 0, np.nan, rng.standard_normal(60) * 1e-7),
            "whole": np.arange(60.0) - 30,
            "zero or one": pd.Categorical.from_codes(codes.clip(-1, 1), [0, 1]),
            "half": pd.Categorical.from_codes(codes.clip(-1, 1), [0.5, 2.0]),
            'a "quoted", name': pd.Categorical.from_codes(codes, ["b", 'd, "e"', "two\nlines"]),
            "größe": pd.Categorical.from_codes(codes[::-1], ["-1", "ä", "β"]),
        }
    )


@pytest.mark.parametrize("format", FORMATS)
def test_a_written_table_is_read_back(format: Format) -> None:
    frame = mixed()
    reading = read_table(table_bytes(frame, format), f"it.{format}")
    again = reading.frame.reset_index(drop=True)
    pd.testing.assert_frame_equal(again, frame, check_exact=True, check_categorical=False)
    for name in frame:
        if frame[name].dtype == "category":
            assert again[name].cat.categories.tolist() == frame[name].cat.categories.tolist()


def test_bools_are_read_back_from_parquet() -> None:
    flags = pd.Categorical.from_codes([0, 1, -1, 1], [False, True])
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "flag": flags})
    again = read_table(table_bytes(frame, "parquet"), "it").frame
    assert again["flag"].cat.categories.tolist() == [False, True]
    assert again["flag"].cat.codes.tolist() == [0, 1, -1, 1]


FORMULAS = ("=1+1", "+A1", "-A1", "@SUM(A1)", "=cmd()|' /C calc'!A0", "\t=1")
HARMLESS = ("-1", "+1.5e3", "a=b", "1-2", "'=1", "")


def test_formulas_are_written_with_an_apostrophe() -> None:
    cells = [*FORMULAS, *HARMLESS]
    frame = pd.DataFrame(
        {
            "text": cells,
            "=level": pd.Categorical(cells),
            "@number": np.arange(-6.0, 6.0),
            "code": pd.Categorical.from_codes([0, 1] * 6, [-1, 1]),
        }
    )
    header, *rows = csv.reader(io.StringIO(table_bytes(frame, "csv").decode()))
    assert header == ["text", "'=level", "'@number", "code"]
    expected = [f"'{cell}" for cell in FORMULAS] + [*HARMLESS]
    assert [row[0] for row in rows] == expected
    assert [row[1] for row in rows] == expected
    assert [float(row[2]) for row in rows] == list(range(-6, 6))
    assert [row[3] for row in rows] == ["-1", "1"] * 6


def test_levels_that_differ_by_an_apostrophe_stay_apart_in_number() -> None:
    frame = pd.DataFrame({"t": pd.Categorical(["=x", "'=x", "b"]), "=x": [1.0, 2, 3], "'=x": 4.0})
    rows = list(csv.reader(io.StringIO(table_bytes(frame, "csv").decode())))
    assert rows[0] == ["t", "'=x", "'=x"]
    assert len(rows) == 4


def test_parquet_keeps_formulas_as_they_are() -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "t": pd.Categorical(["=1+1", "b", "b", None])})
    again = read_table(table_bytes(frame, "parquet"), "it").frame
    assert again["t"].cat.categories.tolist() == ["=1+1", "b"]


def test_a_carriage_return_does_not_break_a_row() -> None:
    frame = pd.DataFrame({"t": pd.Categorical(["a\rb", "c\r\nd", "a\rb"]), "x": [1.0, 2.0, 3.0]})
    again = read_table(table_bytes(frame, "csv"), "it").frame
    assert again["t"].tolist() == ["a\nb", "c\nd", "a\nb"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_single_column_with_missing_values_keeps_its_rows(format: Format) -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan, 2.0, 3.0]})
    content = table_bytes(frame, format)
    reading = read_table(content, "it")
    assert reading.frame["x"].tolist() == [1, 2, 3]  # a row without a value is left out …
    assert len(reading.remarks) == 1  # … and reported


@pytest.mark.parametrize("format", FORMATS)
def test_tables_are_written_to_paths_and_streams(tmp_path: Path, format: Format) -> None:
    frame, stream = mixed(), io.BytesIO()
    write_table(frame, tmp_path / "new" / "table", format)
    write_table(frame, stream, format)
    assert (tmp_path / "new" / "table").read_bytes() == stream.getvalue()


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(ValueError, match="'csv' or 'parquet'"):
        write_table(mixed(), target, "xlsx")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_table_itself_is_not_changed() -> None:
    frame = pd.DataFrame({"=a": pd.Categorical(["=x", "y"])})
    table_bytes(frame, "csv")
    assert frame.columns.tolist() == ["=a"]
    assert frame["=a"].tolist() == ["=x", "y"]
