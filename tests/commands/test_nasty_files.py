"""`dgm impute` on unclean files: completed with nothing lost, or refused before training."""

from __future__ import annotations

import codecs
import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from dgm_core.__main__ import app

QUICK = ("--epochs=1", "--samples=10")
DRAWN = ("", "-01")
FILES = ("", "-sd", "-01")


class InProcess:
    """An engine without worker processes, which take seconds to start."""

    name, workers = "here", 1

    def map(
        self, make: Callable[[], Callable[[Any], Any]], pieces: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        yield from enumerate(map(make(), pieces))


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm_core.commands.impute.make_engine", lambda *_: InProcess())


def impute(path: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["impute", str(path), "--draws=1", *QUICK, *map(str, words)])


def completed(path: Path, *words: object) -> dict[str, bytes]:
    """The files that are written, by suffix."""
    out = path.with_stem(f"{path.stem}-completed")
    result = impute(path, *words, f"--out={out}", "--force")
    assert result.exit_code == 0, result.output
    return {each: out.with_stem(f"{out.stem}{each}").read_bytes() for each in FILES}


def numbers(rows: int = 40) -> np.ndarray:
    """Three dependent columns without missing values."""
    z = np.random.default_rng(0).standard_normal((rows, 1))
    return 50 + 10 * z + np.random.default_rng(1).standard_normal((rows, 3))


def lines_of(separator: str = ",", mark: str = ".") -> list[str]:
    """A header and 40 rows: a name, three numbers of one decimal, of which some are missing."""
    lines = [separator.join(["name", "a", "b", "größe"])]
    for i, row in enumerate(numbers()):
        cells = [f"{value:.1f}".replace(".", mark) for value in row]
        cells[i % 3] = cells[i % 3] if i % 4 else ""
        lines.append(separator.join([f"n{i:03}", *cells]))
    return lines


def differences(
    before: bytes, after: bytes, codec: str, separator: str
) -> list[tuple[int, int, str, str]]:
    """Line, column, old and new text of each cell that changed."""
    old, new = (each.decode(codec).split("\n") for each in (before, after))
    assert len(old) == len(new)
    found = []
    for line, (was, now) in enumerate(zip(old, new, strict=True), 1):
        cells = [text.split(separator) for text in (was, now)]
        assert len(cells[0]) == len(cells[1])
        for column, (a, b) in enumerate(zip(*cells, strict=True)):
            if a != b:
                found.append((line, column, a, b))
    return found


@pytest.mark.parametrize(
    ("separator", "mark", "end", "codec", "bom"),
    [
        (",", ".", "\n", "utf-8", b""),
        (";", ",", "\r\n", "utf-8", codecs.BOM_UTF8),
        ("^", ".", "\n", "utf-8", b""),
        ("\t", ".", "\r\n", "cp1252", b""),
        ("|", ".", "\n", "utf-16-le", codecs.BOM_UTF16_LE),
    ],
    ids=["commas", "semicolons, decimal commas and a mark", "carets", "Latin-1", "UTF-16"],
)
@pytest.mark.parametrize("blocks", [False, True])
def test_only_missing_cells_change(
    tmp_path: Path, separator: str, mark: str, end: str, codec: str, bom: bytes, *, blocks: bool
) -> None:
    path = tmp_path / "t.csv"
    content = bom + (end.join(lines_of(separator, mark)) + end).encode(codec)
    path.write_bytes(content)
    written = completed(path, *(["--engine=local"] if blocks else []))
    for suffix, after in written.items():
        assert after.startswith(bom)
        body = after[len(bom) :]
        changed = differences(content[len(bom) :], body, codec, separator)
        if suffix == "-sd":
            assert {column for _, column, _, _ in changed} == {1, 2, 3}
            zeros = [text for _, _, was, text in changed if was.strip()]
            assert {text.strip() for text in zeros} == {"0"}
            continue
        assert [(line, was.strip()) for line, _, was, _ in changed] == [
            (line, "") for line in range(2, 42, 4)
        ]
        for *_, text in changed:
            whole, _, decimals = text.strip().partition(mark)
            assert whole.lstrip("-").isdigit()
            assert len(decimals) <= 3


def test_a_column_alone_is_completed_with_its_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "\n".join("" if i % 5 == 2 else str(i) for i in range(30)) + "\n")
    for suffix in DRAWN:
        lines = completed(path)[suffix].decode().splitlines()
        assert lines[0] == "x"
        assert len(lines) == 31
        assert all(text.lstrip("-").isdigit() for text in lines[1:])
        assert [lines[i + 1] for i in range(30) if i % 5 != 2] == [
            str(i) for i in range(30) if i % 5 != 2
        ]


def test_a_cell_of_five_megabytes_is_copied(tmp_path: Path) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    lines[5] = '"' + "long, text\n" * 500_000 + '"' + lines[5][4:]
    path.write_text("\n".join(lines) + "\n")
    after = completed(path)[""]
    rows = list(csv.reader(io.StringIO(after.decode(), newline="")))
    assert [len(row) for row in rows] == [4] * 41
    assert rows[5][0] == "long, text\n" * 500_000
    assert all(all(row) for row in rows)


def test_thousands_separators_are_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    values = [f'"{1000 + 500 * row[0]:,.1f}"' for row in numbers()]
    values[3] = ""
    rows = [f"{value},{row[1]:.2f}" for value, row in zip(values, numbers(), strict=True)]
    path.write_text("pay,b\n" + "\n".join(rows) + "\n")
    result = impute(path, f"--out={tmp_path / 'o.csv'}")
    assert "thousands separator" in " ".join(result.stderr.split())
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert lines[1] == rows[0]
    pay = next(csv.reader([lines[4]]))[0]
    assert 5_000 < float(pay.replace(",", "")) < 60_000
    assert pay.count(",") == 1
    assert lines[4].startswith(f'"{pay}",')


def test_question_marks_are_missing_and_formulas_stay(tmp_path: Path) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    lines = [
        lines[0] + ",=f",
        *(line + f",{'=1+1' if i % 2 else 'no'}" for i, line in enumerate(lines[1:])),
    ]
    lines[2] = lines[2].rsplit(",", 1)[0] + ",?"
    path.write_text("\n".join(lines))
    rows = completed(path)[""].decode().split("\n")
    assert rows[0] == lines[0]
    assert rows[2].rsplit(",", 1)[1] in {"=1+1", "no"}
    assert rows[4] == lines[4]


def test_postal_codes_stay_as_they_are(tmp_path: Path) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    codes = ["01234", "98765", "00501", ""]
    lines = [f"{code},{line}" for code, line in zip(["zip", *codes * 10], lines, strict=True)]
    path.write_text("\n".join(lines))
    rows = [line.split(",")[0] for line in completed(path)[""].decode().split("\n")]
    assert [code for i, code in enumerate(rows[1:]) if i % 4 < 3] == codes[:3] * 10
    assert set(rows[4::4]) <= set(codes[:3])


def test_columns_of_one_name_are_all_completed(tmp_path: Path) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    lines[0] = "a,a,a,a"
    path.write_text("\n".join(lines))
    after = completed(path)[""].decode().split("\n")
    assert after[0] == "a,a,a,a"
    assert all(all(line.split(",")) for line in after)


def test_dates_and_constants_stay_also_where_they_are_missing(tmp_path: Path) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    lines = [
        f"2024-{i % 12 + 1:02}-{i % 28 + 1:02},{'' if i % 3 else 'same'},{line}"
        if i
        else f"day,same,{line}"
        for i, line in enumerate(lines)
    ]
    lines[7] = "," + lines[7].split(",", 1)[1]
    path.write_text("\n".join(lines))
    for after in completed(path).values():
        rows = after.decode().split("\n")
        assert [row.split(",")[:2] for row in rows] == [line.split(",")[:2] for line in lines]


@pytest.mark.parametrize("blocks", [False, True])
def test_ragged_and_empty_rows_stay_in_their_place(tmp_path: Path, *, blocks: bool) -> None:
    path, lines = tmp_path / "t.csv", lines_of()
    lines[3:3] = ["x,1,2,3,4,5", "short,51.5", ",,,"]
    path.write_text("\n".join(lines) + "\n")
    words = ["--engine=local"] if blocks else []
    result = impute(path, f"--out={tmp_path / 'o.csv'}", "--verbose", *words)
    assert result.exit_code == 0, result.output
    assert "copied unchanged" in result.stdout
    rows = (tmp_path / "o.csv").read_text().splitlines()
    assert rows[3] == "x,1,2,3,4,5"
    assert rows[4].startswith("short,51.5,")
    assert all(rows[4].split(","))
    assert rows[5].split(",")[0] == ""
    assert all(rows[5].split(",")[1:])
    assert [row.split(",")[0] for row in rows] == [line.split(",")[0] for line in lines]


def parquet_table() -> pa.Table:
    """Every kind of column, modelled or not, with missing cells."""
    rng = np.random.default_rng(0)
    hidden = rng.random((40, 6)) < 0.2
    a, b, c = numbers().T
    return pa.table(
        {
            "id": pa.array([None, *range(2**60, 2**60 + 39)], pa.int64()),
            "whole": pa.array(np.round(a), pa.int16(), mask=hidden[:, 0]),
            "single": pa.array(b.astype(np.float32), pa.float32(), mask=hidden[:, 1]),
            "price": pa.array(np.round(c, 2), pa.float64(), mask=hidden[:, 2]).cast(
                pa.decimal128(9, 2), safe=False
            ),
            "yes": pa.array(a > 50, mask=hidden[:, 3]),
            "size": pa.array(np.where(b > 50, "L", "M"), mask=hidden[:, 4]).dictionary_encode(),
            "as text": pa.array([f"{x:.1f}" for x in c], mask=hidden[:, 5]),
            "day": pa.array([None, *range(39)], pa.date32()),
            "nested": [[i, None] if i % 2 else None for i in range(40)],
            "struct": [{"x": i, "y": "z"} for i in range(40)],
        }
    )


@pytest.mark.parametrize("blocks", [False, True])
def test_every_type_of_parquet_comes_out_as_it_was(tmp_path: Path, *, blocks: bool) -> None:
    path, table = tmp_path / "t.parquet", parquet_table()
    pq.write_table(table, path)
    written = completed(path, *(["--engine=local"] if blocks else []))
    for suffix in DRAWN:
        after = pq.read_table(io.BytesIO(written[suffix]))
        assert after.schema == table.schema
        for name in table.column_names:
            was, now = table[name].to_pylist(), after[name].to_pylist()
            if name in ("id", "day", "nested", "struct"):
                assert now == was
            else:
                assert None not in now
                assert [a for a, b in zip(now, was, strict=True) if b is not None] == [
                    b for b in was if b is not None
                ], name
    sd = pq.read_table(io.BytesIO(written["-sd"]))
    assert sd.column_names == table.column_names
    assert sd["nested"].to_pylist() == table["nested"].to_pylist()
    for name in ("whole", "single", "price", "yes", "size", "as text"):
        missing = table[name].is_null().to_numpy()
        assert ((sd[name].to_numpy() > 0) == missing).all()


def test_a_table_can_change_its_format(tmp_path: Path) -> None:
    path, table = tmp_path / "t.parquet", parquet_table()
    pq.write_table(table, path)
    impute(path, f"--out={tmp_path / 'o.csv'}")
    rows = list(csv.reader((tmp_path / "o.csv").read_text().splitlines()))
    assert rows[0] == table.column_names
    assert [row[0] for row in rows[1:3]] == ["", str(2**60)]
    assert rows[2][8] == "[1, null]"
    text = tmp_path / "t.csv"
    text.write_text(
        "\n".join(["id," + lines_of()[0], *(f"0{i},{x}" for i, x in enumerate(lines_of()[1:]))])
    )
    impute(text, f"--out={tmp_path / 'o.parquet'}")
    back = pq.read_table(tmp_path / "o.parquet")
    assert back.column_names == ["id", "name", "a", "b", "größe"]
    assert back["id"].to_pylist() == [f"0{i}" for i in range(40)]
    assert back["name"].to_pylist()[:2] == ["n000", "n001"]
    assert back.schema.field("a").type == pa.float64()
    assert back["a"].null_count == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a,b,c\n", "but no rows"),
        (b"a,b\n,NA\n?,\n", "has no value in any row"),
        (b"name\nAnn\nBob\nCid\nDan\nEve\n", "names and identifiers"),
        (b"PK\x03\x04....", "Excel workbook"),
    ],
    ids=["empty", "a header only", "all missing", "names only", "Excel"],
)
def test_what_cannot_be_completed_is_refused_at_once(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    start = time.monotonic()
    result = impute(path)
    assert time.monotonic() - start < 2
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]
