"""Unknown files → typed tables: what is read and reported, without any other effect."""

from __future__ import annotations

import codecs
import io
import random
import zipfile
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgm_core.data.reading import Limits, Reading, UnreadableTable, read_table
from dgm_core.data.writing import table_bytes

NAN = float("nan")


def read(text: str | bytes, **settings: Limits) -> Reading:
    return read_table(text.encode() if isinstance(text, str) else text, "it.csv", **settings)


def refused(content: str | bytes, name: str = "it.csv", **settings: Limits) -> str:
    """The error message; it has one to three sentences and names the file."""
    with pytest.raises(UnreadableTable) as caught:
        read_table(content.encode() if isinstance(content, str) else content, name, **settings)
    message = str(caught.value)
    assert name[:3] in message
    assert message.endswith(".")
    assert len(message) < 400
    return message


def parquet(columns: object, **settings: object) -> bytes:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    stream = io.BytesIO()
    pq.write_table(table, stream, **settings)
    return stream.getvalue()


def column(reading: Reading, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in reading.frame[name]]


def remarks_at(reading: Reading, line: int | None = None, column: str | None = None) -> str:
    """All remarks about a line or column, as one text."""
    return " ".join(r.sentence for r in reading.remarks if (r.line, r.column) == (line, column))


# --- kinds of columns


def test_every_kind_of_column_is_read() -> None:
    reading = read(
        "height,smokes,blood,sex\n1.80,no,A,0\n 1.65 ,yes,B,1\n,no,0,1\n-.5e1,,AB,\n1.7,yes,A,0\n"
    )
    kinds = {report.name: report.kind for report in reading.columns}
    assert kinds == {
        "height": "numeric",
        "smokes": "binary",
        "blood": "categorical",
        "sex": "binary",
    }
    height, smokes, blood, sex = reading.columns
    assert (height.missing, height.distinct, height.low, height.high) == (1, 4, -5.0, 1.8)
    assert height.levels == ()
    assert (smokes.levels, smokes.missing, smokes.low, smokes.high) == (
        ("no", "yes"),
        1,
        None,
        None,
    )
    assert (blood.levels, blood.distinct) == (("0", "A", "AB", "B"), 4)
    assert sex.levels == ("0", "1")
    frame = reading.frame
    assert frame["height"].dtype == np.float64
    assert all(frame[name].dtype == "category" for name in ("smokes", "blood", "sex"))
    assert column(reading, "height") == [1.8, 1.65, None, -5.0, 1.7]
    assert column(reading, "sex") == [0, 1, 1, None, 0]
    assert frame.index.tolist() == [2, 3, 4, 5, 6]
    assert reading.remarks == ()


def test_numbers_are_read_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(500) * 10.0 ** rng.integers(-30, 30, 500)
    reading = read("x\n" + "\n".join(repr(float(value)) for value in values))
    np.testing.assert_array_equal(reading.frame["x"], values)


def test_two_numbers_are_binary_and_keep_their_values() -> None:
    reading = read("x,y\n2.5,-1\n4,1\n2.50,-1.0\n?,1\n")
    assert [report.kind for report in reading.columns] == ["binary", "binary"]
    assert [report.levels for report in reading.columns] == [("2.5", "4.0"), ("-1", "1")]
    assert reading.frame["x"].cat.categories.tolist() == [2.5, 4.0]
    assert column(reading, "y") == [-1, 1, -1, 1]


@pytest.mark.parametrize(
    "spelling",
    ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "-", "#N/A", " ", "missing"],
)
def test_every_spelling_of_a_missing_value_is_read(spelling: str) -> None:
    reading = read(f"x,c\n1.5,a\n{spelling},b\n3,{spelling}\n4,a\n")
    assert column(reading, "x") == [1.5, None, 3.0, 4.0]
    assert column(reading, "c") == ["a", "b", None, "a"]
    if spelling.strip():
        assert f'2 cells with "{spelling}"' in remarks_at(reading)
    else:
        assert not reading.remarks


def test_text_among_numbers_is_missing_and_reported() -> None:
    reading = read("a,x\n1,1\n2,2\n3,many\n4,4\n5,1 234\n")
    assert column(reading, "x") == [1, 2, None, 4, None]
    assert '"many" is not a number' in remarks_at(reading, 4, "x")
    assert '"1 234" is not a number' in remarks_at(reading, 6, "x")


def test_numbers_among_text_are_levels() -> None:
    reading = read("a,x\n1,low\n2,low\n3,7\n4,high\n")
    assert reading.columns[1].levels == ("7", "high", "low")
    assert not reading.remarks


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "-1e101", "∞"])
def test_non_finite_values_are_missing_and_reported(cell: str) -> None:
    reading = read(f"a,x\n1,1\n2,{cell}\n3,3\n4,4\n")
    assert column(reading, "x") == [1, None, 3, 4]
    assert f'"{cell}" is infinite or too large' in remarks_at(reading, 3, "x")
    assert np.isfinite(reading.frame["a"]).all()


def test_uninformative_columns_are_left_out() -> None:
    rows = [f"{i},{i % 7},,5,n{i},k{i % 60}" for i in range(300)]
    reading = read("a,b,empty,same,name,many\n" + "\n".join(rows))
    assert list(reading.frame) == ["a", "b"]
    for name, reason in {
        "empty": "no value in any row",
        "same": "is 5 wherever it is not missing",
        "name": "a different text in nearly every row",
        "many": "60 different texts",
    }.items():
        assert reason in remarks_at(reading, None, name)


def test_at_most_fifty_levels_are_allowed() -> None:
    def levels(count: int) -> list[str]:
        cells = [f"{i % count},c{i % count}" for i in range(4 * count)]
        return list(read("a,c\n" + "\n".join(cells)).frame)

    assert levels(50) == ["a", "c"]
    assert levels(51) == ["a"]


def test_formulas_stay_text_and_are_reported() -> None:
    formula = "=cmd()|' /C calc'!A0"
    reading = read(f"a,t\n1,{formula}\n2,@x\n3,-1\n4,+1e3\n5,b\n6,b\n7,@x\n")
    assert formula in reading.columns[1].levels
    assert column(reading, "t")[0] == formula
    reported = {r.line for r in reading.remarks if "formula" in r.sentence}
    assert reported == {2, 3, 8}  # not the numbers


def test_a_formula_among_numbers_is_missing() -> None:
    reading = read("a,x\n1,1\n2,=1+1\n3,3\n4,4\n")
    assert column(reading, "x") == [1, None, 3, 4]
    assert "not a number" in remarks_at(reading, 3, "x")


def test_rows_without_a_value_are_left_out() -> None:
    reading = read("a,b\n1,2\nNA,inf\n3,4\n,\n5,6\n")
    assert reading.frame.index.tolist() == [2, 4, 6]
    assert "no usable value" in remarks_at(reading, 3)
    assert "no usable value" in remarks_at(reading, 5)


def test_a_complete_table_needs_no_remark() -> None:
    reading = read("a,b\n1,2\n3,4\n5,6\n")
    assert sum(report.missing for report in reading.columns) == 0
    assert reading.remarks == ()


# --- encodings and separators

LETTERS = "größe;blüte\n1,5;früh\n2,5;spät\n3,5;früh\n"


@pytest.mark.parametrize(
    "encoded",
    [
        LETTERS.encode(),
        LETTERS.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + LETTERS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + LETTERS.encode("utf-16-be"),
        LETTERS.encode("utf-16-le"),
        LETTERS.encode("utf-16-be"),
        LETTERS.encode("latin-1"),
    ],
    ids=["utf-8", "with a mark", "utf-16", "big-endian", "no mark", "big, no mark", "latin-1"],
)
def test_every_encoding_is_read(encoded: bytes) -> None:
    reading = read(encoded)
    assert list(reading.frame) == ["größe", "blüte"]
    assert column(reading, "größe") == [1.5, 2.5, 3.5]
    assert reading.columns[1].levels == ("früh", "spät")
    assert ("Latin-1" in remarks_at(reading)) == (encoded == LETTERS.encode("latin-1"))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_and_line_end_is_read(separator: str, end: str) -> None:
    rows = [["a", "b", "c"], ["1", "x", "2.5"], ["2", "y, or; so", "3.5"], ["3", "x", "4"]]
    quoted = [[f'"{cell}"' if " " in cell else cell for cell in row] for row in rows]
    reading = read(end.join(separator.join(row) for row in quoted))
    assert column(reading, "b") == ["x", "y, or; so", "x"]
    assert column(reading, "c") == [2.5, 3.5, 4.0]
    assert reading.frame.index.tolist() == [2, 3, 4]


def test_decimal_commas_are_read() -> None:
    reading = read("a;b;c\n1,5;1,25;7\n-2,5;0,5e1;8\n;,75;9\n")
    assert column(reading, "a") == [1.5, -2.5, None] or reading.columns[0].kind == "binary"
    assert column(reading, "b") == [1.25, 5.0, 0.75]
    assert column(reading, "c") == [7, 8, 9]
    assert 'in "a", "b"' in remarks_at(reading)


def test_points_among_decimal_commas_are_not_numbers() -> None:
    """1.234 may be a thousand or 1.234: the reader does not guess."""
    reading = read("a;b\n1,5;1\n2,5;2\n1.234;3\n3,5;4\n")
    assert column(reading, "a") == [1.5, 2.5, None, 3.5]
    assert '"1.234" is not a number' in remarks_at(reading, 4, "a")


def test_a_decimal_comma_needs_another_separator() -> None:
    reading = read('a,b\n"1,5",1\n"2,5",2\n"2,5",3\n"1,5",4\n')
    assert reading.columns[0].levels == ("1,5", "2,5")


def test_the_separator_line_of_excel_is_used() -> None:
    assert column(read("sep=|\na|b\n1|2\n3|4\n5|6\n"), "b") == [2, 4, 6]


# --- lines


def test_lines_are_those_of_the_file() -> None:
    reading = read('a,b\n1,"x\ny"\n\n2,"z"\n1,2,3\n3,"x\r\ny"\n4,z\n')
    assert reading.frame.index.tolist() == [2, 5, 7, 9]
    assert "3 cells for 2 columns, so it was left out" in remarks_at(reading, 6)
    assert column(reading, "a") == [1, 2, 3, 4]


def test_short_rows_are_filled_with_missing_values() -> None:
    reading = read("a,b,c\n1,2,3\n4\n5,6\n7,8,9\n")
    assert column(reading, "c") == [3, None, None, 9]
    assert column(reading, "a") == [1, 4, 5, 7]
    assert "1 cell for 3 columns" in remarks_at(reading, 3)
    assert "2 cells for 3 columns" in remarks_at(reading, 4)


def test_empty_cells_beyond_the_last_column_are_ignored() -> None:
    reading = read("a,b\n1,2,\n3,4,,\n5,6\n")
    assert column(reading, "b") == [2, 4, 6]
    assert not reading.remarks


def test_an_open_quotation_mark_loses_one_line() -> None:
    reading = read('a,b\n1,x\n2,"y\n3,x\n4,y\n')
    assert column(reading, "a") == [1, 3, 4]
    assert "never closed" in remarks_at(reading, 3)


def test_open_quotation_marks_do_not_take_quadratic_time() -> None:
    """Each of these lines leaves a quotation mark open, from whichever line reading begins."""
    rows = 'x",y,"z\n' * 50_000
    with pytest.raises(UnreadableTable):
        read("a,b,c\n" + rows)
    reading = read("a,b,c\n1,2,3\n4,5,6\n7,8,9\n" + rows)
    assert "the rest was left out" in " ".join(r.sentence for r in reading.remarks)
    assert len(reading.frame) == 3


@pytest.mark.parametrize("cell", ["y" * 200_000, '"' + "y,\n" * 60_000 + '"'])
def test_a_long_cell_is_read(cell: str) -> None:
    reading = read(f"a,b\n1,x\n2,{cell}\n3,x\n4,z\n")
    assert column(reading, "a") == [1, 2, 3, 4]
    assert reading.unread == ()


def test_a_pair_of_open_quotation_marks_far_apart_loses_two_lines() -> None:
    rows = [f"{i},{'yx'[i % 2]}" for i in range(50_000)]
    rows[10], rows[40_000] = '10,"y', '40000,"z'
    reading = read("a,b\n" + "\n".join(rows) + "\n")
    assert reading.unread == (12, 40_002)
    assert len(reading.frame) == 49_998


# --- names


def test_names_are_made_unique() -> None:
    reading = read("a,a,,a (2),\n1,2,3,4,5\n2,3,4,5,7\n4,4,5,6,8\n")
    assert list(reading.frame) == ["a", "a (3)", "column 3", "a (2)", "column 5"]
    assert 'is also called "a"' in remarks_at(reading, None, "a (3)")
    assert "no name" in remarks_at(reading, None, "column 3")


def test_a_first_line_of_numbers_is_data() -> None:
    reading = read("5.1,3.5,\n4.9,3.0,1\n4.7,,2\n4.6,3.1,3\n")
    assert list(reading.frame) == ["column 1", "column 2", "column 3"]
    assert reading.frame.index.tolist() == [1, 2, 3, 4]
    assert column(reading, "column 1") == [5.1, 4.9, 4.7, 4.6]
    assert "read as data" in remarks_at(reading)


def test_some_numbers_in_the_first_line_are_reported() -> None:
    reading = read("5.1,setosa\n4.9,setosa\n4.7,virginica\n4.6,setosa\n")
    assert list(reading.frame) == ["5.1", "setosa"]
    assert "insert a line of column names above it" in remarks_at(reading)


def test_unnamed_row_numbers_are_left_out() -> None:
    reading = read(",x\n0,1.5\n1,2.5\n2,1.0\n")
    assert list(reading.frame) == ["x"]
    assert "counts the rows" in remarks_at(reading, None, "column 1")


def test_row_names_as_r_writes_them() -> None:
    reading = read("x y\n".replace(" ", "\t") + "r1\t1.5\t2\nr2\t2.5\t3\nr3\t3.5\t7\n")
    assert column(reading, "x") == [1.5, 2.5, 3.5]
    assert column(reading, "y") == [2, 3, 7]


# --- numbers that need a second look


def test_thousands_separators_are_read_where_no_decimal_comma_is_possible() -> None:
    reading = read('a,x\n1,"1,234.5"\n2,"2,000"\n3,7\n4,"-1,234,567"\n')
    assert column(reading, "x") == [1234.5, 2000, 7, -1234567]
    assert "thousands separator" in remarks_at(reading, None, "x")
    points = read("a;x\n1;1,234.5\n2;2,000\n3;7.25\n4;8.5\n")
    assert column(points, "x") == [1234.5, 2000, 7.25, 8.5]
    commas = read("a;x\n1;1.234,5\n2;2.000\n3;7,25\n4;8,5\n")
    assert column(commas, "x") == [1234.5, 2000, 7.25, 8.5]


def test_numbers_that_may_be_decimal_are_not_thousands() -> None:
    ambiguous = read("a;x\n1;1,234\n2;7.25\n3;8.5\n4;9.5\n")
    assert column(ambiguous, "x") == [None, 7.25, 8.5, 9.5]
    assert '"1,234" is not a number' in remarks_at(ambiguous, 2, "x")


def test_codes_with_leading_zeros_stay_text() -> None:
    zips = ["01234", "98765", "00501", "12345"] * 3
    reading = read("a,zip\n" + "".join(f"{i},{code}\n" for i, code in enumerate(zips)))
    assert reading.columns[1].levels == ("00501", "01234", "12345", "98765")
    assert "start with 0" in remarks_at(reading, None, "zip")
    stray = read("a,x\n" + "".join(f"{i},{i * 7}\n" for i in range(30)) + "30,007\n")
    assert stray.columns[1].kind == "numeric"
    assert column(stray, "x")[-1] == 7


@pytest.mark.parametrize("value", ["-999", "-99.0", "9999", "-9"])
def test_a_suspicious_number_is_asked_about_and_can_be_declared_missing(value: str) -> None:
    text = f"a,x\n1,3\n2,{value}\n3,5\n4,{value}\n5,4.5\n"
    reading = read(text)
    (asked,) = [remark for remark in reading.remarks if remark.asks]
    assert (asked.column, asked.line) == ("x", None)
    assert f"{float(value):g} occurs in 2 cells" in asked.sentence
    assert column(reading, "x")[1] == float(value)
    whole = f"{float(value):g}"
    declared = read_table(text.encode(), "it.csv", missing=[whole])
    assert column(declared, "x") == [3, None, 5, None, 4.5]
    assert not any(remark.asks for remark in declared.remarks)
    stored = parquet(
        {"x": [3.0, float(value), 5.0, 4.5], "s": ["u", whole, "v", "w"]} | {"t": list("qrqq")}
    )
    both = read_table(stored, "it", missing=[whole])
    assert column(both, "x") == [3, None, 5, 4.5]
    assert column(both, "s") == ["u", None, "v", "w"]


def test_ordinary_extremes_are_not_suspicious() -> None:
    for values in ([-99, -50, 0, 40, 90], [0, 50, 99], [9, 12, 40]):
        reading = read("a,x\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
        assert not any(remark.asks for remark in reading.remarks), values


# --- what writing back needs


def test_lines_of_all_rows_and_of_unread_rows_are_known() -> None:
    reading = read('a,b\n1,2\n,\n1,2,3\n\n3,4\n5,"x\n6,7\n')
    assert reading.frame.index.tolist() == [2, 6, 8]
    assert reading.lines.tolist() == [2, 3, 6, 8]
    assert reading.unread == (4, 7)
    assert reading.every_row.index.tolist() == [2, 3, 6, 8]
    assert reading.every_row.loc[3].isna().all()


def test_a_blank_line_between_the_rows_of_one_column_is_a_missing_value() -> None:
    reading = read("x\n1\n\n3\n4\n\n\n")
    assert reading.lines.tolist() == [2, 3, 4, 5]
    assert column(reading, "x") == [1, 3, 4]


# --- long lists of remarks


def test_long_lists_are_cut_and_counted() -> None:
    rows = ["1,x"] * 30 + ["2,3,4"] * 60 + ["5"] * 70 + [f"{i},bad" for i in range(80)]
    rows += [f"{i},{i}" for i in range(500)]
    reading = read("a,b\n" + "\n".join(rows))
    for text, total in (
        ("3 cells for 2 columns", 60),
        ("1 cell for 2 columns", 70),
        ("not a number", 110),
    ):
        listed = [r for r in reading.remarks if text in r.sentence]
        assert len(listed) == 50
        at = reading.remarks.index(listed[-1])
        more = reading.remarks[at + 1]
        assert more.sentence == f"And {total - 50} more like this."
        assert (more.affected, more.line, more.column) == (total - 50, None, listed[0].column)
    lines = [r.line for r in reading.remarks if "not a number" in r.sentence]
    assert lines == sorted(lines)
    assert lines[0] == 2


def test_remarks_on_the_file_come_first() -> None:
    reading = read("a,b\n1,x\n2,?\n3\n4,5\n5,6\n7,7\n")
    of_column = [remark.column is not None for remark in reading.remarks]
    assert of_column == sorted(of_column)


# --- files that cannot become a table


def zip_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n \r\n\t\n", "is empty"),
        (codecs.BOM_UTF16_LE + "\n\n".encode("utf-16-le"), "blank lines"),
        (b"a,b,c\n", "no row"),
        (b"a,b,c", "no row"),
        (b"a,b\nNA,?\n,\n", "no value in any row"),
        (b"a,b\n1,x\n1,x\n", "wherever it is not missing"),
        (b"a,b\n1,2\n", "wherever it is not missing"),
        (b"name\nAnn\nBob\nCid\nDan\nEve\n", "names and identifiers"),
        (b"My table\n\na,b\n1,2\n3,4\n", "above the column names"),
        (b'"a,b\n1,2\n3,4\n', "never closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "picture"),
        (b"%PDF-1.7\n1 0 obj\n", "PDF"),
        (zip_archive(), "zip"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'[{"a": 1}, {"a": 2}]', "JSON"),
        (bytes(range(256)) * 4, "not a text file"),
        (b"PAR1", "damaged"),
        (b"PAR1" + bytes(100) + b"PAR1", "damaged"),
        (parquet({"a": [1.0, 2.0, 3.0]})[:-20], "damaged"),
        (parquet({"a": pa.array([], pa.float64())}), "no row"),
        (parquet({"a": [[1], [2]]}), "numbers or text"),
        (parquet({"a": pa.nulls(5)}), "no value in any row"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_a_message(content: bytes, words: str) -> None:
    assert words in refused(content)


def test_too_large_is_refused_with_the_limit() -> None:
    limits = Limits(bytes=1000, rows=20, columns=5, cells=60)
    assert "at most 0.0 MB" in refused("a\n" + "1\n" * 600, limits=limits)
    assert "has 21 rows, but at most 20" in refused("a\n" + "1\n" * 21, limits=limits)
    assert "has 6 columns, but at most 5" in refused("a,b,c,d,e,f\n1,2,3,4,5,6\n", limits=limits)
    wide = refused("a,b,c,d\n" + "1,2,3,4\n" * 16, limits=limits)
    assert "has 64 cells, but at most 60" in wide
    assert len(read("a\n" + "1\n2\n" * 10, limits=limits).frame) == 20


def test_too_large_parquet_is_refused_before_it_is_unpacked() -> None:
    tall = parquet({"a": pa.nulls(2_000_000)})
    assert len(tall) < 10_000
    assert "2,000,000 rows" in refused(tall)
    assert "1,001 columns" in refused(parquet({f"c{i}": [1.0, 2.0] for i in range(1001)}))
    zeros = parquet({"a": np.zeros(900_000)}, use_dictionary=False, compression="zstd")
    assert len(zeros) < 100_000
    assert "unpacks to more than" in refused(zeros, limits=Limits(bytes=100_000))
    assert "wherever it is not missing" in refused(zeros)


def test_ten_thousand_columns_are_read() -> None:
    header = ",".join(f"c{i}" for i in range(10_000))
    text = f"{header}\n" + "\n".join(",".join([f"{i}"] * 10_000) for i in range(4))
    assert "10,000 columns, but at most 1,000" in refused(text)


def test_the_largest_number_of_columns_is_accepted() -> None:
    rows = [",".join(f"{what}{i}" for i in range(1_000)) for what in ("c", "1.", "2.", "3.")]
    assert read("\n".join(rows)).frame.shape == (3, 1_000)


@pytest.mark.slow
def test_a_million_rows_are_read() -> None:
    rng = np.random.default_rng(0)
    x, c = rng.standard_normal(1_000_000), rng.integers(0, 3, 1_000_000)
    text = "x,c\n" + "\n".join(f"{a!r},{'uvw'[b]}" for a, b in zip(x.tolist(), c, strict=True))
    reading = read(text)
    np.testing.assert_array_equal(reading.frame["x"], x)
    np.testing.assert_array_equal(reading.frame["c"].cat.codes, c)
    assert reading.frame.index[-1] == 1_000_001


def test_names_of_files_cannot_break_a_message() -> None:
    message = refused(b"", "a b\nc" + "d" * 500)
    assert '"a b cddd' in message


# --- Parquet


def test_every_type_of_parquet_is_read() -> None:
    reading = read_table(
        parquet(
            {
                "f": [1.5, None, NAN, 4.0, 2.0],
                "h": pa.array([1.5, None, 2.5, 4.0, 2.0]).cast(pa.float16()),
                "i": pa.array([1, 2, None, 4, 5], pa.int16()),
                "u": pa.array([2**63, 1, 2, 3, 4], pa.uint64()),
                "d": pa.array([1, 2, None, 4, 5]).cast(pa.decimal128(21, 2)),
                "b": [True, False, None, True, False],
                "t": ["x", "y ", None, "NA", "x"],
                "l": pa.array(["x", "y", "z", "x", "x"], pa.large_string()),
                "k": pa.array(["x", "y", None, "x", "y"]).dictionary_encode(),
                "n": pa.array([7, 8, 7, None, 8]).dictionary_encode(),
                "numbers as text": ["1", "2", "x", "4.5", "?"],
                "day": pa.array([1, 2, 3, 4, 5], pa.date32()),
                "list": [[1], [2], None, [], [3]],
                "struct": [{"a": 1}] * 5,
                "bytes": [b"x"] * 5,
            }
        ),
        "it.parquet",
    )
    kinds = {report.name: report.kind for report in reading.columns}
    assert kinds == {
        "f": "numeric",
        "h": "numeric",
        "i": "numeric",
        "u": "numeric",
        "d": "numeric",
        "b": "binary",
        "t": "binary",
        "l": "categorical",
        "k": "binary",
        "n": "binary",
        "numbers as text": "numeric",
    }
    assert column(reading, "f") == [1.5, None, None, 4, 2]
    assert column(reading, "u") == [2.0**63, 1, 2, 3, 4]
    assert column(reading, "d") == [1, 2, None, 4, 5]
    assert column(reading, "b") == [True, False, None, True, False]
    assert column(reading, "t") == ["x", "y", None, None, "x"]
    assert column(reading, "n") == [7, 8, 7, None, 8]
    assert column(reading, "numbers as text") == [1, 2, None, 4.5, None]
    assert '"x" is not a number' in remarks_at(reading, 3, "numbers as text")
    assert reading.frame.index.tolist() == [1, 2, 3, 4, 5]
    for name in ("day", "list", "struct", "bytes"):
        assert "neither numbers nor text" in remarks_at(reading, None, name)


def test_infinity_in_parquet_is_reported_by_row() -> None:
    content = parquet({"x": [1.0, np.inf, 3.0, -1e300, 5.0], "y": [1.0, 2, 3, 4, 5]})
    reading = read_table(content, "it")
    assert column(reading, "x") == [1, None, 3, None, 5]
    assert "infinite" in remarks_at(reading, 2, "x")
    assert '"-1e+300"' in remarks_at(reading, 4, "x")


def test_parquet_of_pandas_with_row_labels_is_read() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5]}, index=[0, 1, 5])
    stream = io.BytesIO()
    frame.to_parquet(stream)
    reading = read_table(stream.getvalue(), "it")
    assert list(reading.frame) == ["x"]


def test_parquet_with_names_twice_is_read() -> None:
    table = pa.Table.from_arrays([pa.array([1.0, 2, 3]), pa.array([3.0, 4, 5])], names=["a", "a"])
    assert list(read_table(parquet(table), "it").frame) == ["a", "a (2)"]


def test_a_long_text_repeated_stays_one_text() -> None:
    """Expanded row by row, this would be two gigabytes."""
    texts = pa.DictionaryArray.from_arrays(
        np.arange(200_000, dtype=np.int32) % 2, ["x" * 10_000, "y" * 10_000]
    )
    content = parquet({"t": texts, "a": np.arange(200_000.0)})
    reading = read_table(content, "it")
    assert [report.distinct for report in reading.columns] == [2, 200_000]


# --- arbitrary bytes


def example() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [1.5, np.nan, 3, 4, 5, 6.25, 7] * 6,
            "b": pd.Categorical.from_codes([0, 1, -1, 0, 1, 0, 1] * 6, [0, 1]),
            "c": pd.Categorical(["a", "b", "é", "a", "=1", None, "b"] * 6),
            "q": pd.Categorical(["x\ny", 'u,"v"', None] * 14),
        }
    )


def broken(content: bytes, rng: random.Random) -> bytes:
    """A damaged version of a file."""
    mutable = bytearray(content)
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(500))
    if kind == 1:
        return content[: rng.randrange(len(content))]
    if kind == 2:
        for _ in range(rng.randrange(1, 8)):
            mutable[rng.randrange(len(mutable))] ^= 1 << rng.randrange(8)
    if kind == 3:
        start = rng.randrange(len(mutable))
        mutable[start : start + rng.randrange(60)] = rng.randbytes(rng.randrange(60))
    if kind == 4:
        marks = "\",;|\t\n\r1.5ea =-?x'"
        return "".join(rng.choice(marks) for _ in range(rng.randrange(300))).encode()
    return bytes(mutable)


WRITTEN: dict[str, Callable[[], bytes]] = {
    "csv": lambda: table_bytes(example(), "csv"),
    "utf-16": lambda: table_bytes(example(), "csv").decode().encode("utf-16"),
    "latin-1": lambda: table_bytes(example(), "csv").decode().encode("latin-1"),
    "parquet": lambda: table_bytes(example(), "parquet"),
    "plain parquet": lambda: parquet(
        {"a": list(range(40)), "s": [{"x": 1}] * 40, "t": ["u", "v"] * 20, "l": [[1, 2]] * 40},
        compression="none",
        use_dictionary=False,
    ),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_any_bytes_are_read_or_refused(written: str) -> None:
    content, rng = WRITTEN[written](), random.Random(written)
    were_read = 0
    for _ in range(150):
        try:
            reading = read_table(broken(content, rng), "it")
        except UnreadableTable:
            continue
        were_read += 1
        assert len(reading.frame)
        assert list(reading.frame) == [report.name for report in reading.columns]
        for report, (_, values) in zip(reading.columns, reading.frame.items(), strict=True):
            assert report.missing == values.isna().sum()
            assert report.distinct == values.nunique() >= 2
            if report.kind == "numeric":
                assert np.isfinite(values.dropna()).all()
    assert 0 < were_read < 150
