"""Write a table as CSV or Parquet; a failed write leaves no partial file.

A spreadsheet treats a text cell of a CSV file that starts with = + - or @ as a formula. Such a
cell or column name, unless it is a number, is written with an apostrophe before it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dgm_core.data.reading.numerals import is_number
from dgm_core.files import written_whole

Format = Literal["csv", "parquet"]


def write_table(frame: pd.DataFrame, target: Path | str | IO[bytes], format: Format) -> None:
    """Write the columns of a table; missing values become empty cells, the index is left out.

    Args:
        frame: columns of numbers, bools, texts, and categoricals of these.
        target: a path, which is written completely or not at all, or a binary stream.
        format: "csv" (UTF-8, commas) or "parquet".

    Raises:
        ValueError: `format` is neither of these.
        OSError: the file cannot be written.

    Example:
        >>> stream = io.BytesIO()
        >>> write_table(pd.DataFrame({"x": [1.5, None], "note": ["=1+1", "-2"]}), stream, "csv")
        >>> print(stream.getvalue().decode())
        x,note
        1.5,'=1+1
        ,-2
        <BLANKLINE>
    """
    content = table_bytes(frame, format)
    if isinstance(target, (str, Path)):
        with written_whole(Path(target)) as part:
            part.write_bytes(content)
    else:
        target.write(content)


def table_bytes(frame: pd.DataFrame, format: Format, *, header: bool = True) -> bytes:
    """Content of the file that `write_table` writes; `header=False` omits the names of a CSV."""
    if format == "csv":
        # By position, because two names may become equal when they are made safe.
        safe = frame.copy(deep=False)
        safe.columns = [_harmless(str(name)) for name in frame.columns]
        for index in range(safe.shape[1]):
            cells = safe.iloc[:, index]
            kind = cells.cat.categories.dtype if cells.dtype == "category" else cells.dtype
            if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
                safe.isetitem(index, cells.astype(object).map(_harmless, na_action="ignore"))
        return safe.to_csv(index=False, header=header, lineterminator="\n").encode()
    if format == "parquet":
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), stream)
        return stream.getvalue()
    raise ValueError(f"expected the format 'csv' or 'parquet', got {format!r}")


def suffixes(draws: int) -> list[str]:
    """Suffixes of the names of the completed tables: means, standard deviations, draws."""
    digits = max(2, len(str(draws)))
    return ["", "sd", *(f"{i:0{digits}}" for i in range(1, draws + 1))]


def with_suffix(out: str, suffix: str) -> str:
    """`out` with "-suffix" before its file extension."""
    folder, slash, name = out.removesuffix("/").rpartition("/")
    stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
    last = "/" if out.endswith("/") else ""
    return f"{folder}{slash}{stem}{suffix and '-'}{suffix}{dot}{extension}{last}"


def _harmless(cell: Any) -> Any:
    """The cell in a form that a spreadsheet does not compute, with \\n for all line breaks."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return (
        f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) and not is_number(cell) else cell
    )
