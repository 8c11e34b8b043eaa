"""Uploaded tables: their limits, how they are read, and what the visitor is told about it.

A stranger's file is read in a child process, with limits of memory and time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import streamlit as st

from dgm_core.child_process import Pool
from dgm_core.data.reading import ColumnReport, Limits, Reading, UnreadableTable
from dgm_core.data.reading.limited import read_limited
from ui.script_run import in_child

MAX_MEGABYTES = 5
MAX_ROWS, MAX_COLUMNS = 20_000, 100
"""Limits of an uploaded table."""
MAX_CODED_COLUMNS, MAX_CODED_CELLS = 300, 4_000_000
"""Limits after coding, in which a column of L > 2 levels becomes L columns."""
MAX_CHARACTERS = 1_000
"""Limit of the text of a level."""
KINDS_OF_FILE = ["csv", "tsv", "txt", "parquet"]
SIZE = (
    f"At most {MAX_ROWS:,} rows and {MAX_COLUMNS} columns. For larger tables use `dgm impute`. "
    "The table stays in this session and is deleted when the tab closes."
)
FORM = (
    "The file needs a header and one row per line; leave missing cells empty. Columns may hold "
    "numbers, two values or a few levels."
)

_POOL = Pool(2)
"""Children that read uploads."""


def digest_of(content: bytes) -> str:
    """A name for the content of a file."""
    return hashlib.sha256(content).hexdigest()[:16]


def read(content: bytes, name: str) -> Reading:
    """The table of a file, decoded in a child process.

    Raises:
        UnreadableTable: it cannot be read, or it is too large.
    """
    limits = Limits(MAX_MEGABYTES * 2**20, MAX_ROWS)
    reading = read_limited(content, name, partial(in_child, _POOL), limits=limits)
    check_size(reading.columns, len(reading.frame))
    return reading


def check_size(columns: Sequence[ColumnReport], rows: int) -> None:
    """Check the size of an uploaded table, also that after coding, before it is coded.

    Raises:
        UnreadableTable: it is too large for this page.
    """
    larger = "For larger tables use `dgm impute`."
    if len(columns) > MAX_COLUMNS:
        raise UnreadableTable(
            f"This table has {len(columns):,} columns; this page accepts at most {MAX_COLUMNS}. "
            f"{larger}"
        )
    longest = max((len(level) for each in columns for level in each.levels), default=0)
    if longest > MAX_CHARACTERS:
        raise UnreadableTable(
            f"This table has a text of {longest:,} characters; this page accepts at most "
            f"{MAX_CHARACTERS:,}. Leave out columns of free text."
        )
    coded = sum(len(each.levels) if each.kind == "categorical" else 1 for each in columns)
    found = f"This table has {coded:,} columns after coding"
    why = (
        "A column of three or more different texts is coded as one column for each. Leave out "
        f"columns of many different texts. {larger}"
    )
    if coded > MAX_CODED_COLUMNS:
        raise UnreadableTable(f"{found}; this page accepts at most {MAX_CODED_COLUMNS:,}. {why}")
    if rows * coded > MAX_CODED_CELLS:
        raise UnreadableTable(
            f"{found} and {rows:,} rows, {rows * coded:,} cells in all; this page accepts at most "
            f"{MAX_CODED_CELLS:,}. {why}"
        )


def remarks(reading: Reading) -> None:
    """What was changed or left out when the file was read, in a closed section."""
    if reading.remarks:
        count = len(reading.remarks)
        notes = "1 note" if count == 1 else f"{count} notes"
        with st.expander(f"{notes} on the import", icon=":material/info:"):
            for each in reading.remarks:
                where = "" if each.line is None else f"Line {each.line:,}: "
                column = "" if each.column is None else f" (column “{each.column}”)"
                st.text(f"{where}{each.sentence}{column}")
