"""The tables of the README: sums over the hole, F1 pooled over images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dgm_core import data, zoo
from dgm_core.rng import generator
from dgm_core.studies import tables
from dgm_core.studies.materials import material


def test_pooled_f1_and_its_error_agree_with_a_bootstrap() -> None:
    counts = torch.randint(1, 60, (400, 2), generator=generator(0))
    f1, error = tables.pooled_f1(counts)
    tp, wrong = counts.sum(0).tolist()
    assert f1 == pytest.approx(2 * tp / (2 * tp + wrong))
    chosen = torch.randint(400, (3000, 400), generator=generator(1))
    totals = counts[chosen].sum(1).double()
    again = 2 * totals[:, 0] / (2 * totals[:, 0] + totals[:, 1])
    assert error == pytest.approx(again.std().item(), rel=0.1)


@pytest.mark.slow
def test_rows_are_means_of_sums_over_the_hole() -> None:
    if not data.is_available("mnist"):
        pytest.skip("mnist is not on this machine")
    rows = tables.holes(tables.Config(images=20), torch.device("cpu"))
    row = next(item for item in rows if isinstance(item, tables.HoleRow))
    assert (row.data, row.hole, row.method, row.images) == ("mnist", (14, 14), "DMFA", 20)
    per_pixel = row.sse / 196
    assert 0.01 < per_pixel < 0.2
    assert row.psnr > 5
    assert "published: SSE 12.96, NLL -244.81" in tables.sentence(row)


def test_published_rows_are_of_holes_that_are_measured() -> None:
    for dataset, hole, method in tables.PUBLISHED:
        assert hole in tables.HOLES[dataset]
        assert (dataset, method) in tables.MODELS


def test_baselines_have_something_to_stand_on_without_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DGM_DATA", str(tmp_path))
    found = material("mnist", "training images", lambda name: zoo.load("digits-dlvm"))
    assert found.thing.shape == (2000, 1, 28, 28)
    assert set(found.thing.unique().tolist()) == {0.0, 1.0}
    assert "DLVM drew" in found.note
