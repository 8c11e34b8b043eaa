"""Read CSV and similar text files as cells: common encodings and separators, ragged rows reported.

A record may span several lines of the file (a quoted cell with line breaks). Remarks give the line
on which it starts. If a quotation mark is never closed, only its line is left out.

`spans` finds the cells of a record in the text, for those who change a cell and nothing else.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

import numpy as np
import pyarrow as pa

from dgm_core.data.reading.decoding import NO_TABLE, decoded
from dgm_core.data.reading.numerals import is_missing, is_number
from dgm_core.data.reading.raw import Form, Limits, Raw, unique_names
from dgm_core.data.reading.remarks import Remarks, UnreadableTable, count_of

SEPARATORS = "\t;|^,"
"""In order of preference; a comma comes last because it may also be a decimal comma."""

_SAMPLE = 100  # records from which the separator is detected
_CHUNK = 2**18  # cells held as Python objects at a time
_MOST_REPAIRS = 20  # each repair may read the rest of the file again
_END = "\0end of file"
_LONG = 2**17  # characters of a cell with line breaks whose quotation marks are checked
csv.field_size_limit(2**31 - 1)  # a cell may be long: what is limited is the file


def read_delimited(content: bytes, file: str, limits: Limits, remarks: Remarks) -> Raw:
    """Cells of a text file, all as text.

    Raises:
        UnreadableTable: the file is not text, has no rows, or is too large.
    """
    text, codec, mark = decoded(content, file, remarks)
    if text[:1000].lstrip()[:1] in ("<", "{", "["):
        raise UnreadableTable(f"{file} is a web page or JSON, not a table. {NO_TABLE}")
    limits.check(file, max(text.count("\n"), text.count("\r")) - 1, 1)
    lines = list(io.StringIO(text, newline=""))
    start, separator = separator_of(text, lines)
    unread: list[int] = []
    records = _records(lines, start, separator, file, remarks, unread)
    decimal_comma = separator != ","
    first = next((record for record in records if record[1]), None)
    if first is None:
        raise UnreadableTable(f"{file} contains only blank lines. {NO_TABLE}")
    header = [" ".join(cell.split()) for cell in first[1]]
    limits.check(file, 0, len(header))
    named = [cell for cell in header if not is_missing(cell)]
    numbers = sum(is_number(cell, decimal_comma) for cell in named)
    if headless := 0 < numbers == len(named):
        remarks.add(
            "The first line contains only numbers, so it was read as data; "
            'the columns are called "column 1", "column 2" and so on.'
        )
        records = chain([first], records)
        header = [f"column {number}" for number in range(1, len(header) + 1)]
    else:
        header = [""] * _row_names(lines, start, separator, len(header)) + header
        if numbers:
            remarks.add(
                "Some column names in the first line are numbers. If that line is data, insert a "
                "line of column names above it."
            )
    cells, numbered = _columns(records, len(header), file, limits, remarks, unread)
    names, unnamed = unique_names(header, remarks)
    first_row = min([int(numbered[0]), *(line for line in unread if line > first[0])])
    form = Form(codec, mark, separator, first_row - 1, 0 if headless else first[0])
    positions = list(range(len(names)))
    found = tuple(sorted(unread))
    return Raw(names, unnamed, cells, numbered, decimal_comma, positions, form, found)


@cache
def _cell(separator: str, *, lenient: bool = True) -> re.Pattern[str]:
    """A cell, as the module `csv` delimits it: quoted, or without quotation marks.

    If it is not `lenient`, a quoted cell ends with its closing quotation mark.
    """
    mark = re.escape(separator)
    rest = rf'(?:[^"{mark}\r\n][^{mark}\r\n]*+)?+' if lenient else rf"(?=[{mark}\r\n]|$)"
    plain = rf"[^{mark}\r\n]*+" if lenient else rf'(?! *")[^{mark}\r\n]*+'
    return re.compile(rf' *+"(?:[^"]++|"")*+"{rest}|{plain}')


def spans(text: str, start: int, separator: str, *, lenient: bool = True) -> list[tuple[int, int]]:
    """Start and end of each cell of the record that begins at `start`; an empty list if strict
    reading fails.

    Args:
        text: of the file.
        start: of a record.
        separator: of cells.
        lenient: whether characters may follow a closing quotation mark.
    """
    cell, found = _cell(separator, lenient=lenient), []
    while match := cell.match(text, start):
        found.append(match.span())
        if not text.startswith(separator, match.end()):
            return found
        start = match.end() + len(separator)
    return []


def separator_of(text: str, lines: Sequence[str]) -> tuple[int, str]:
    """Number of lines before the header, and the separator of cells."""
    declared = re.match(r'"?sep=([,;|^\t])"?\s', text, re.IGNORECASE)  # Excel's own first line
    return (1, declared[1]) if declared else (0, _separator(lines))


def _sample(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The first records; an empty list if they cannot be parsed."""
    reader = csv.reader(lines[:_SAMPLE], delimiter=separator, skipinitialspace=True)
    try:
        return [record for record in reader if record]
    except csv.Error:
        return []


def _separator(lines: Sequence[str]) -> str:
    """The separator that splits the header and most rows into equally many cells, at least two."""

    def score(separator: str) -> tuple[bool, float]:
        first, *widths = [len(record) for record in _sample(lines, separator)] or [0]
        (usual, times), *_ = Counter(widths).most_common(1) or [(first, 0)]
        agreeing = (times + (first == usual)) / (len(widths) + 1)
        return first > 1, agreeing if usual > 1 else 0.0

    best = max(SEPARATORS, key=score)
    return best if score(best) > (False, 0.0) else ","


def _row_names(lines: Sequence[str], start: int, separator: str, names: int) -> bool:
    """Whether all rows start with a row name that has no column name, as R writes them."""
    rows = _sample(lines[start : start + _SAMPLE], separator)[1:]
    return names > 1 and bool(rows) and all(len(row) == names + 1 and row[-1] for row in rows)


def _records(
    lines: Sequence[str],
    start: int,
    separator: str,
    file: str,
    remarks: Remarks,
    unread: list[int],
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each record; a blank line has none. Adds lines to `unread`."""
    header_is_read = False
    for _ in range(_MOST_REPAIRS):
        within = chain(map(lines.__getitem__, range(start, len(lines))), [_END])
        reader = csv.reader(within, delimiter=separator, skipinitialspace=True)
        record_start = start
        try:
            for cells in reader:
                if cells == [_END]:
                    return
                if cells and cells[-1].endswith(_END):
                    break  # a quotation mark was open until the end of the file
                end = start + reader.line_num
                if end > record_start + 1 and max(map(len, cells)) > _LONG:
                    record = "".join(lines[record_start:end])
                    if not spans(record, 0, separator, lenient=False):
                        break  # it was closed by one that opens another cell
                header_is_read = header_is_read or bool(cells)
                yield record_start + 1, cells
                record_start = end
        except csv.Error:
            pass
        start = record_start + 1
        if not header_is_read:
            raise UnreadableTable(
                f"In line {start} of {file} a quotation mark is never closed. "
                "Correct it and try again."
            )
        remarks.add(
            "The line has a quotation mark that is never closed, so it was left out.",
            start,
            problem="open quote",
        )
        unread.append(start)
    remarks.add("Too many quotation marks are never closed; the rest was left out.", start + 1)


def _columns(
    records: Iterator[tuple[int, list[str]]],
    width: int,
    file: str,
    limits: Limits,
    remarks: Remarks,
    unread: list[int],
) -> tuple[list[pa.ChunkedArray], np.ndarray]:
    """The D columns as text, and the line of each row (N,); rows of wrong length are reported.

    A blank line is no row, but between the rows of a single column it is a missing value.
    """
    chunks: list[list[pa.Array]] = [[] for _ in range(width)]
    rows: list[list[str]] = []
    numbered: list[int] = []

    def pack() -> None:
        for chunk, cells in zip(chunks, zip(*rows, strict=True), strict=False):
            chunk.append(pa.array(cells, pa.string()))
        rows.clear()

    too_long, blank = 0, []
    for line, cells in records:
        if not cells or (len(cells) == 1 < width and not cells[0].strip()):
            blank += [line] if width == 1 else []
            continue
        rows += [[""]] * len(blank)
        numbered += blank
        blank.clear()
        excess = len(cells) - width
        if excess > 0 and any(cells[width:]):
            too_long += 1
            unread.append(line)
            remarks.add(
                f"The row has {count_of(len(cells), 'cell')} for {count_of(width, 'column')}, "
                "so it was left out.",
                line,
                problem="long row",
            )
            continue
        if excess < 0:
            remarks.add(
                f"The row has {count_of(len(cells), 'cell')} for {count_of(width, 'column')}; "
                "the last ones count as missing.",
                line,
                problem="short row",
            )
        rows.append(cells[:width] + [""] * -excess)
        numbered.append(line)
        if len(rows) * width >= _CHUNK:
            pack()
            limits.check(file, len(numbered), width)
    pack()
    limits.check(file, len(numbered), width)
    if too_long > len(numbered):
        raise UnreadableTable(
            f"Most rows of {file} have more cells than its first line. "
            "Delete the lines above the column names and try again."
        )
    if not numbered:
        raise UnreadableTable(
            f"{file} has a line of column names but no rows. Choose a file with data."
        )
    return [pa.chunked_array(chunk, pa.string()) for chunk in chunks], np.array(numbered)
