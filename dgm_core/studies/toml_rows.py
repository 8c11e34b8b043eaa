"""Rows of numbers in TOML: rounded, and written to a file one by one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from dgm_core.files import written_whole


def rounded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Floats rounded to four decimals, tuples as lists."""
    return {key: _rounded(value) for key, value in fields.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return round(value, 4) if isinstance(value, float) else value


def put_row(
    path: Path, table: str, row: Mapping[str, Any], key: Sequence[str]
) -> list[dict[str, Any]]:
    """Write a row into a table of a file; it replaces the row with the same key, if there is one.

    Args:
        path: a TOML file; created if it does not exist. Its other tables and rows stay.
        table: name of an array of tables.
        row: as returned by `rounded`.
        key: names of the fields that identify a row.

    Returns:
        All rows of the table.
    """
    found = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    rows = found.setdefault(table, [])
    same = [all(each[name] == row[name] for name in key) for each in rows]
    at = same.index(True) if True in same else len(rows)
    rows[at : at + 1] = [dict(row)]
    with written_whole(path) as whole:
        whole.write_text(tomli_w.dumps(found), encoding="utf-8")
    return rows
