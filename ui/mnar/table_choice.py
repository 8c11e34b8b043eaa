"""The choice of a table: one by name, or an upload."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dgm_core.child_process import Pool
from dgm_core.data import TABLES, available_tables, load_table
from dgm_core.data.reading import ColumnReport, Limits, Reading, UnreadableTable
from dgm_core.data.reading.limited import read_limited
from dgm_core.distributions.columns import Column, Numeric
from dgm_core.estimators.coding import TableCoding
from dgm_core.types import Masked
from ui.frame import kept
from ui.links import Setting, one_of
from ui.mnar.units import STANDARD, Units, units_of
from ui.percent import percent
from ui.script_run import in_child
from ui.uploads import read_once

MAX_MEGABYTES = 5
MAX_ROWS, MAX_COLUMNS = 20_000, 100
"""Limits of an uploaded table."""
MAX_CODED_COLUMNS, MAX_CODED_CELLS = 300, 4_000_000
"""Limits after coding, in which a column of L > 2 levels becomes L columns."""
MAX_CHARACTERS = 1_000
"""Limit of the text of a level."""
NO_TARGET = "(none)"
TABLE = Setting(
    "table",
    "breast",
    options={name: about.title for name, about in TABLES.items()},
    read=lambda text: one_of(*available())(text),
)


_POOL = Pool(2)
"""Children that read uploads."""


class Table(NamedTuple):
    """A table and its rows coded as numbers."""

    name: str  # of a data set, or the digest of an upload
    title: str
    frame: pd.DataFrame  # without the target
    target: pd.Series | None
    coding: TableCoding
    known: Masked  # (N, D), standardised with the statistics of the observed cells

    @property
    def columns(self) -> tuple[Column, ...]:
        """Kinds of the columns."""
        return self.coding.columns

    @property
    def numeric(self) -> dict[str, int]:
        """Name of a numeric column → its entry in a row."""
        return {
            str(each.name): self.coding.entries_of(each.name).start
            for each in self.coding.coded
            if isinstance(each.kind, Numeric)
        }

    @property
    def entries(self) -> list[str]:
        """A name for each entry of a row."""
        names = []
        for each in self.coding.coded:
            if each.kind.width == 1:
                names.append(str(each.name))
            else:
                names += [f"{each.name} = {level}" for level in each.levels]
        return names

    def units(self, entry: int) -> Units:
        """Units in which an entry is shown: an uploaded table has its own."""
        names = {number: name for name, number in self.numeric.items()}
        if not self.uploaded or entry not in names:
            return STANDARD
        location, scale = float(self.coding.location[entry]), float(self.coding.scale[entry])
        return units_of(self.frame[names[entry]].to_numpy(float), location, scale)

    @property
    def uploaded(self) -> bool:
        """Is it an upload?"""
        return self.name not in TABLES

    @property
    def has_missing_cells(self) -> bool:
        """Is a cell missing before any is removed?"""
        return not bool(self.known.observed.all())


class UploadedTable(NamedTuple):
    """What was read from a file."""

    reading: Reading
    table: Table  # without a target
    digest: str

    def with_target(self, target: str) -> Table:
        """The table for a choice of the column to predict; its values are not imputed."""
        whole, chosen = self.table, self.table.coding.entries_of(target)
        kept_columns = [
            d for d in range(whole.coding.width) if not chosen.start <= d < chosen.stop
        ]
        coded = tuple(each for each in whole.coding.coded if each.name != target)
        return whole._replace(
            name=f"{self.digest}.{target}",
            frame=whole.frame.drop(columns=target),
            target=whole.frame[target],
            coding=TableCoding(coded),
            known=Masked(whole.known.x[:, kept_columns], whole.known.observed[:, kept_columns]),
        )


def table_of(name: str, title: str, frame: pd.DataFrame, target: str | None) -> Table:
    """A `Table` from a data frame and the name of its target."""
    label = None if target is None else frame[target]
    features = frame if target is None else frame.drop(columns=target)
    coding = TableCoding.learn(features)
    return Table(name, title, features, label, coding, coding.encode(features))


@st.cache_resource(show_spinner="Loading the table …", max_entries=12)
def st_table(name: str) -> Table:
    """`load_table`, coded; shared by all visitors."""
    about = TABLES[name]
    return table_of(name, about.title, load_table(name, download_missing=False), about.target)


def available() -> list[str]:
    """Names of the tables that are available on this machine."""
    return list(available_tables())


def choose_table() -> Table | None:
    """Show the controls; None while there is no table."""
    source = st.segmented_control(
        "Table from",
        ["Tables", "Upload"],
        required=True,
        key=kept("table source", "Tables"),
        label_visibility="collapsed",
    )
    return _upload() if source == "Upload" else _pick()


def _pick() -> Table:
    names = available()
    if TABLE.value not in names:  # a table that is no longer available
        TABLE.reset()
    absent = [about.title for name, about in TABLES.items() if name not in names]
    name = TABLE.widget(
        st.selectbox,
        "Table",
        options=names,
        help=f"`dgm data fetch` downloads: {', '.join(absent)}." if absent else None,
    )
    table = st_table(name)
    rows, columns = table.frame.shape
    st.caption(f"{rows:,} rows × {columns} columns. {TABLES[name].source}")
    return table


def _upload() -> Table | None:
    content = st.file_uploader(
        "CSV or Parquet",
        ["csv", "tsv", "txt", "parquet"],
        key="table upload",
        max_upload_size=MAX_MEGABYTES,
        help=f"At most {MAX_ROWS:,} rows and {MAX_COLUMNS} columns. For larger tables use "
        "`dgm impute`. The table stays in this session and is deleted when the "
        "tab closes.",
    )
    source, read = None, None
    if content is not None:
        digest = hashlib.sha256(content.getvalue()).hexdigest()[:16]
        source, read = digest, partial(_read, content.getvalue(), content.name, digest)
    upload = read_once("table read", source, read, (UnreadableTable, ValueError))
    if upload.content is None:
        if upload.problem is None:
            st.caption(
                "The file needs a header and one row per line; leave missing cells empty. Columns "
                "may hold numbers, two values or a few levels."
            )
        return None
    _report(upload.content.reading)
    return _with_target(upload.content)


def _read(content: bytes, name: str, digest: str) -> UploadedTable:
    """The table of a file, decoded in a child process and coded here, once.

    Raises:
        UnreadableTable, ValueError: it cannot be read, or it is too large.
    """
    limits = Limits(MAX_MEGABYTES * 2**20, MAX_ROWS)
    reading = read_limited(content, name, partial(in_child, _POOL), limits=limits)
    check_size(reading.columns, len(reading.frame))
    table = table_of(f"{digest}.{NO_TARGET}", name, reading.frame, None)
    return UploadedTable(reading, table, digest)


def _with_target(upload: UploadedTable) -> Table:
    """The uploaded table; no value of the column to predict is removed or imputed."""
    frame = upload.table.frame
    target = st.selectbox(
        "Column to predict",
        [NO_TARGET, *(list(frame.columns) if frame.shape[1] > 1 else [])],
        key=kept(f"target.{upload.digest}", NO_TARGET),
        help="This column is not imputed. The view Predict learns to predict it.",
    )
    if target == NO_TARGET:
        return upload.table
    cached = st.session_state.get("table uploaded")
    if cached is None or cached.name != f"{upload.digest}.{target}":
        cached = st.session_state["table uploaded"] = upload.with_target(target)
    return cached


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


def _report(reading: Reading) -> None:
    frame = reading.frame
    missing = sum(each.missing for each in reading.columns)
    fraction = missing / max(frame.size, 1)
    st.caption(
        f"Read: {len(frame):,} rows × {frame.shape[1]} columns, "
        f"{missing:,} cells missing ({percent(fraction, 1)})."
    )
    with st.expander("Columns as read", icon=":material/table_chart:"):
        st.dataframe(
            pd.DataFrame(
                {
                    "column": [each.name for each in reading.columns],
                    "kind": [each.kind for each in reading.columns],
                    "missing": [each.missing for each in reading.columns],
                    "values": [_range(each) for each in reading.columns],
                }
            ),
            hide_index=True,
            height=min(38 + 35 * len(reading.columns), 260),
        )
        st.dataframe(frame.head(20), height=210)
    if reading.remarks:
        count = len(reading.remarks)
        notes = "1 note" if count == 1 else f"{count} notes"
        with st.expander(f"{notes} on the import", icon=":material/info:"):
            for each in reading.remarks:
                where = "" if each.line is None else f"Line {each.line:,}: "
                column = "" if each.column is None else f" (column “{each.column}”)"
                st.text(f"{where}{each.sentence}{column}")


def _range(report: object) -> str:
    if report.kind == "numeric":
        return f"{report.low:.4g} … {report.high:.4g}"
    return ", ".join(map(str, report.levels[:6])) + (" …" if len(report.levels) > 6 else "")


def amputed(table: Table, observed: np.ndarray) -> pd.DataFrame:
    """The table with NaN in the numeric cells that are not observed."""
    frame = table.frame.copy()
    for name, entry in table.numeric.items():
        values = frame[name].astype(float)
        frame[name] = values.where(observed[:, entry])
    return frame
