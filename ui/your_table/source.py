"""Where the table comes from: the sample, a file, or pasted text."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.data.reading import Reading, UnreadableTable, read_table
from dgm_core.studies.your_table import sample
from ui import figures, table_upload
from ui.frame import kept
from ui.links import Setting
from ui.uploads import read_once
from ui.your_table import charts

SAMPLE, UPLOAD, PASTE = SOURCES = ("Sample table", "Upload", "Paste")
SOURCE = Setting("your table from", SAMPLE, options=SOURCES, link="from")
MOST_PASTED = 200_000
"""Characters of pasted text, at most."""


class Given(NamedTuple):
    """A table as it was given, and what was read from it."""

    name: str
    content: bytes
    reading: Reading
    digest: str


@st.cache_resource(show_spinner=False)
def st_sample() -> Given:
    """The sample table."""
    content = sample.sample_csv()
    reading = read_table(content, sample.NAME)
    return Given(sample.NAME, content, reading, table_upload.digest_of(content))


def choose() -> Given | None:
    """Show the controls and, beside them, what is missing; None while there is no table."""
    left, right = st.columns([5, 7], gap="large")
    with left:
        given = _choose()
    if given is not None:
        with right:
            _picture(given)
    return given


def _choose() -> Given | None:
    source = SOURCE.widget(
        st.segmented_control, "Table from", required=True, label_visibility="collapsed"
    )
    given = {SAMPLE: st_sample, UPLOAD: _upload, PASTE: _paste}[source]()
    if given is None:
        return None
    if source == SAMPLE:
        st.caption(sample.STORY)
    cells = given.reading.every_row
    missing = int(cells.isna().to_numpy().sum())
    st.caption(
        f"Read: {len(cells):,} rows × {len(given.reading.names)} columns; {missing:,} cells are "
        "missing in the columns below."
    )
    table_upload.remarks(given.reading)
    return given


@st.cache_data(show_spinner=False, max_entries=100)
def st_bands(digest: str, _reading: Reading) -> np.ndarray:
    """What is missing in the table with this digest, see `charts.bands`."""
    return charts.bands(_reading.every_row.isna().to_numpy())


def _picture(given: Given) -> None:
    """Which cells of the table are missing."""
    names, rows = [str(name) for name in given.reading.frame], len(given.reading.lines)
    if not (names and rows):
        return
    figure = charts.missing(st_bands(given.digest, given.reading), names, rows)
    figures.show("chart missing", figure, "Missing cells, in colour; rows are sorted")


def _upload() -> Given | None:
    file = st.file_uploader(
        "CSV or Parquet",
        table_upload.KINDS_OF_FILE,
        key="your table upload",
        max_upload_size=table_upload.MAX_MEGABYTES,
        help=table_upload.SIZE,
    )
    content = None if file is None else file.getvalue()
    return _read("your table uploaded", content, "" if file is None else file.name)


def _paste() -> Given | None:
    text = st.text_area(
        "Paste a table, for example from a spreadsheet",
        height=150,
        max_chars=MOST_PASTED,
        placeholder="age,income\n61,2900\n47,\n58,3500",
        key=kept("pasted table", ""),
        help="The first line has the names of the columns. The text stays in this session.",
    )
    return _read("your table pasted", text.encode() if text.strip() else None, "pasted.csv")


def _read(key: str, content: bytes | None, name: str) -> Given | None:
    """The table of a file or a text; the last one that could be read stays."""
    digest, read = None, None
    if content is not None:
        digest = table_upload.digest_of(content)
        read = partial(_given, content, name, digest)
    upload = read_once(key, digest, read, (UnreadableTable, ValueError))
    if upload.content is None and upload.problem is None:
        st.caption(table_upload.FORM)
    return upload.content


def _given(content: bytes, name: str, digest: str) -> Given:
    return Given(name, content, table_upload.read(content, name), digest)
