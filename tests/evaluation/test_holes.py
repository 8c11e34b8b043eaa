"""The table of holes: sums over the hole, beside the published values."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from dgm_core import data, zoo
from dgm_core.evaluation import holes


@pytest.mark.slow
def test_rows_are_means_of_sums_over_the_hole() -> None:
    if not data.is_available("mnist"):
        pytest.skip("mnist is not on this machine")
    rows = holes.run(holes.Config(images=20), torch.device("cpu"))
    row = next(item for item in rows if isinstance(item, holes.Row))
    assert (row.data, row.hole, row.method, row.images) == ("mnist", (14, 14), "DMFA", 20)
    per_pixel = row.sse / 196
    assert 0.01 < per_pixel < 0.2
    assert row.psnr > 5
    assert "published: SSE 12.96, NLL -244.81" in row.sentence()


def test_published_rows_are_of_holes_that_are_measured() -> None:
    for dataset, hole, method in holes.PUBLISHED:
        assert hole in holes.HOLES[dataset]
        assert (dataset, method) in holes.MODELS


def test_a_card_gets_the_rows_of_its_own_model(tmp_path: Path) -> None:
    shutil.copy(zoo.FOLDER / "mnist-mfa.toml", tmp_path)
    rows = [
        {"data": dataset, "method": method, "sse": float(number)}
        for number, (dataset, method) in enumerate(holes.MODELS)
    ]
    holes.annotate_card(rows[1], rows + [rows[1] | {"sse": 9.0}], tmp_path)
    card = zoo.card("mnist-mfa", tmp_path)
    assert [row["sse"] for row in card["measured"]["holes"]] == [1.0, 9.0]
    assert card["sha256"] == zoo.card("mnist-mfa")["sha256"]
