"""The choice of a table: one by name, or an upload."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dgm_core.data import TABLES, available_tables, load_table
from dgm_core.data.reading import Reading, UnreadableTable
from dgm_core.distributions.columns import Column, Numeric
from dgm_core.estimators.coding import TableCoding
from dgm_core.types import Masked
from ui import navigation, table_upload
from ui.frame import kept
from ui.links import Setting, one_of
from ui.mnar.units import STANDARD, Units, units_of
from ui.percent import percent
from ui.uploads import read_once

NO_TARGET = "(none)"
TABLE = Setting(
    "table",
    "breast",
    options={name: about.title for name, about in TABLES.items()},
    read=lambda text: one_of(*available())(text),
)


class File(NamedTuple):
    """An upload, and what was read from it."""

    content: bytes
    reading: Reading


class Table(NamedTuple):
    """A table and its rows coded as numbers."""

    name: str  # of a data set, or the digest of an upload
    title: str
    frame: pd.DataFrame  # without the target
    target: pd.Series | None
    coding: TableCoding
    known: Masked  # (N, D), standardised with the statistics of the observed cells
    file: File | None = None  # of an upload

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
    table = _upload() if source == "Upload" else _pick()
    address = navigation.address("Your_table", {})
    st.markdown(f"To complete a table of your own, use the page [Your table]({address}).")
    return table


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
        table_upload.KINDS_OF_FILE,
        key="table upload",
        max_upload_size=table_upload.MAX_MEGABYTES,
        help=table_upload.SIZE,
    )
    source, read = None, None
    if content is not None:
        digest = table_upload.digest_of(content.getvalue())
        source, read = digest, partial(_read, content.getvalue(), content.name, digest)
    upload = read_once("table read", source, read, (UnreadableTable, ValueError))
    if upload.content is None:
        if upload.problem is None:
            st.caption(table_upload.FORM)
        return None
    _report(upload.content.reading)
    return _with_target(upload.content)


def _read(content: bytes, name: str, digest: str) -> UploadedTable:
    """The table of a file, decoded in a child process and coded here, once.

    Raises:
        UnreadableTable, ValueError: it cannot be read, or it is too large.
    """
    reading = table_upload.read(content, name)
    table = table_of(f"{digest}.{NO_TARGET}", name, reading.frame, None)
    return UploadedTable(reading, table._replace(file=File(content, reading)), digest)


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
    table_upload.remarks(reading)


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
