"""A file of tables that is written row by row."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dgm_core.studies.toml_rows import put_row, rounded


def test_a_row_replaces_the_one_with_its_key_and_the_others_stay(tmp_path: Path) -> None:
    path, key = tmp_path / "new" / "tables.toml", ("method", "hole")
    first = {"method": "MFA", "hole": [14, 14], "sse": 1.0}
    others = [first | {"hole": [10, 15]}, first | {"method": "DMFA"}]
    for row in (first, *others):
        put_row(path, "holes", row, key)
    put_row(path, "samplers", {"method": "LAIR"}, ("method",))
    assert put_row(path, "holes", first | {"sse": 2.0}, key) == [first | {"sse": 2.0}, *others]
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {
        "holes": [first | {"sse": 2.0}, *others],
        "samplers": [{"method": "LAIR"}],
    }


def test_numbers_are_rounded_and_tuples_become_lists() -> None:
    row = {"hole": (14, 14), "images": 3, "sse": 1.23456789, "method": "MFA"}
    assert rounded(row) == {"hole": [14, 14], "images": 3, "sse": 1.2346, "method": "MFA"}
