"""Uploaded tables: the limits after coding, and the choice of a target."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from dgm_core.child_process import OutOfMemory
from dgm_core.data.reading import UnreadableTable, read_table
from ui import table_upload
from ui.mnar import table_choice
from ui.mnar.table_choice import UploadedTable, table_of
from ui.table_upload import check_size

CONTENT = b"age,city,smokes\n30,Oslo,no\n?,Bergen,yes\n50,Rome,no\n61,Oslo,yes\n43,,no"


@pytest.mark.parametrize("target", ["age", "city", "smokes"])
def test_a_table_without_its_target_is_as_if_coded_without_it(target: str) -> None:
    reading = read_table(CONTENT, "it.csv")
    whole = table_of("digest.(none)", "it.csv", reading.frame, None)
    got = UploadedTable(reading, whole, "digest").with_target(target)
    expected = table_of(f"digest.{target}", "it.csv", reading.frame, target)
    assert got.name == expected.name
    assert got.coding == expected.coding
    assert torch.equal(got.known.observed, expected.known.observed)
    assert torch.equal(got.known.x[got.known.observed], expected.known.x[got.known.observed])
    pd.testing.assert_frame_equal(got.frame, expected.frame)
    pd.testing.assert_series_equal(got.target, expected.target)


def test_the_size_after_coding_is_that_of_the_coded_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = read_table(CONTENT, "it.csv")
    width = table_of("it", "it", reading.frame, None).coding.width
    assert width == 1 + 3 + 1
    monkeypatch.setattr(table_upload, "MAX_CODED_COLUMNS", width)
    monkeypatch.setattr(table_upload, "MAX_CODED_CELLS", 5 * width)
    check_size(reading.columns, 5)
    with pytest.raises(UnreadableTable, match=r"5 columns after coding and 6 rows, 30 cells"):
        check_size(reading.columns, 6)
    monkeypatch.setattr(table_upload, "MAX_CODED_COLUMNS", width - 1)
    with pytest.raises(UnreadableTable, match=r"has 5 columns after coding; .* at most 4\."):
        check_size(reading.columns, 5)


def test_an_allowed_upload_at_every_limit_is_small_when_coded() -> None:
    """x as float32 and the mask as bytes: 5 bytes a cell."""
    assert 5 * table_upload.MAX_CODED_CELLS <= 20 * 2**20
    assert table_upload.MAX_ROWS * table_upload.MAX_COLUMNS <= table_upload.MAX_CODED_CELLS


def test_a_file_beyond_the_limits_of_the_child_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise OutOfMemory("the call reached its memory limit")

    monkeypatch.setattr(table_upload, "in_child", too_large)
    with pytest.raises(UnreadableTable, match="more than 300 MB of memory"):
        table_choice._read(CONTENT, "it.csv", "digest")


def test_the_child_reads_the_same_table() -> None:
    expected = read_table(CONTENT, "it.csv")
    got = table_choice._read(CONTENT, "it.csv", "digest")
    pd.testing.assert_frame_equal(got.reading.frame, expected.frame)
    assert got.reading.columns == expected.columns
    assert got.reading.remarks == expected.remarks
    assert got.table.known.x[got.table.known.observed].isfinite().all()
