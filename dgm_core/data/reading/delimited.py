"""CSV and its kin → cells, by line: any usual encoding and separator, ragged rows reported.

A record may span several lines of the file (a quoted cell with line breaks); it is called by the
line on which it begins. A quotation mark that is never closed costs its own line only.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from dgm_core.data.reading.decoding import NO_TABLE, decoded
from dgm_core.data.reading.numerals import is_missing, is_number
from dgm_core.data.reading.raw import Limits, Raw, unique_names
from dgm_core.data.reading.remarks import Remarks, UnreadableTable, count_of

SEPARATORS = "\t;|,"
"""In the order in which they are believed: a comma may also stand within numbers."""

_SAMPLE = 100  # records to tell the separator from
_CHUNK = 2**18  # cells that are Python objects at one time
_MOST_REPAIRS = 20  # each may read the rest of the file once more
_END = "\0end of file"


def read_delimited(content: bytes, file: str, limits: Limits, remarks: Remarks) -> Raw:
    """The cells of a text file, all as text.

    Raises:
        UnreadableTable: it is no text, has no row, or is too large.
    """
    text = decoded(content, file, remarks)
    if text[:1000].lstrip()[:1] in ("<", "{", "["):
        raise UnreadableTable(f"{file} is a web page or JSON, not a table. {NO_TABLE}")
    limits.check(file, max(text.count("\n"), text.count("\r")) - 1, 1)
    lines = list(io.StringIO(text, newline=""))
    start, separator = separator_of(text, lines)
    records = _records(lines, start, separator, file, remarks)
    decimal_comma = separator != ","
    first = next(records, None)
    if first is None:
        raise UnreadableTable(f"{file} holds nothing but blank lines. {NO_TABLE}")
    header = [" ".join(cell.split()) for cell in first[1]]
    limits.check(file, 0, len(header))
    named = [cell for cell in header if not is_missing(cell)]
    numbers = sum(is_number(cell, decimal_comma) for cell in named)
    if numbers and numbers == len(named):
        remarks.add(
            "The first line holds numbers only, so it is taken for data; "
            'the columns are called "column 1", "column 2" and so on.'
        )
        records = chain([first], records)
        header = [f"column {place + 1}" for place in range(len(header))]
    else:
        header = [""] * _row_names(lines, start, separator, len(header)) + header
        if numbers:
            remarks.add(
                "Some names in the first line are numbers. If that line is data, put a line of "
                "names above it."
            )
    cells, numbered = _columns(records, len(header), file, limits, remarks)
    names, unnamed = unique_names(header, remarks)
    return Raw(names, unnamed, cells, numbered, decimal_comma)


def separator_of(text: str, lines: Sequence[str]) -> tuple[int, str]:
    """How many lines come before the header, and what separates cells."""
    told = re.match(r'"?sep=([,;|\t])"?\s', text, re.IGNORECASE)  # Excel's own first line
    return (1, told[1]) if told else (0, _separator(lines))


def _sample(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The first records, none if they cannot be parsed."""
    reader = csv.reader(lines[:_SAMPLE], delimiter=separator, skipinitialspace=True)
    try:
        return [record for record in reader if record]
    except csv.Error:
        return []


def _separator(lines: Sequence[str]) -> str:
    """The one by which the header and most rows fall into equally many cells, at least two."""

    def trust(separator: str) -> tuple[bool, float]:
        first, *widths = [len(record) for record in _sample(lines, separator)] or [0]
        (usual, times), *_ = Counter(widths).most_common(1) or [(first, 0)]
        agreeing = (times + (first == usual)) / (len(widths) + 1)
        return first > 1, agreeing if usual > 1 else 0.0

    best = max(SEPARATORS, key=trust)
    return best if trust(best) > (False, 0.0) else ","


def _row_names(lines: Sequence[str], start: int, separator: str, names: int) -> bool:
    """Do all rows begin with a name that the header leaves out, as R writes them?"""
    rows = _sample(lines[start : start + _SAMPLE], separator)[1:]
    return names > 1 and bool(rows) and all(len(row) == names + 1 and row[-1] for row in rows)


def _records(
    lines: Sequence[str], start: int, separator: str, file: str, remarks: Remarks
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each record that is not blank."""
    header_is_read = False
    for _ in range(_MOST_REPAIRS):
        within = chain(map(lines.__getitem__, range(start, len(lines))), [_END])
        reader = csv.reader(within, delimiter=separator, skipinitialspace=True)
        begun = start
        try:
            for cells in reader:
                if cells == [_END]:
                    return
                if cells and cells[-1].endswith(_END):
                    break  # a quotation mark was open to the end
                if cells:
                    header_is_read = True
                    yield begun + 1, cells
                begun = start + reader.line_num
        except csv.Error:
            pass  # a quotation mark was open for 131,072 characters
        start = begun + 1
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
    remarks.add("Too many quotation marks are never closed; the rest was left out.", start + 1)


def _columns(
    records: Iterator[tuple[int, list[str]]],
    width: int,
    file: str,
    limits: Limits,
    remarks: Remarks,
) -> tuple[list[pa.ChunkedArray], np.ndarray]:
    """(D,) columns of text and the line of each row; rows that do not fit are reported."""
    chunks: list[list[pa.Array]] = [[] for _ in range(width)]
    rows: list[list[str]] = []
    numbered: list[int] = []

    def pack() -> None:
        for chunk, cells in zip(chunks, zip(*rows, strict=True), strict=False):
            chunk.append(pa.array(cells, pa.string()))
        rows.clear()

    too_long = 0
    for line, cells in records:
        excess = len(cells) - width
        if excess > 0 and any(cells[width:]):
            too_long += 1
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
                "the rest counts as missing.",
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
            "Delete what stands above the names of the columns and try again."
        )
    if not numbered:
        raise UnreadableTable(f"{file} has a line of names, but no row. Choose a file with data.")
    return [pa.chunked_array(chunk, pa.string()) for chunk in chunks], np.array(numbered)
