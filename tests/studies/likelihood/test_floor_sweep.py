"""Saved results of a run with decreasing floors, and the two shipped runs."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from dgm_core.checkout import ASSETS
from dgm_core.data.plane import Mixture
from dgm_core.studies.likelihood import floor_sweep, unbounded_likelihood
from dgm_core.studies.likelihood.floor_sweep import climb_of, ellipses, load, save, sweep_of
from dgm_core.studies.likelihood.unbounded_likelihood import Config

SMALL = {"floors": (1e-1, 1e-2), "points": 12, "tested": 9, "iterations": 10, "hidden": 8}
DRAWN = ((0.0, 0.0), (1.0, 0.5))


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_a_saved_run_has_everything_that_is_shown(data: str, tmp_path: Path) -> None:
    *_, result = unbounded_likelihood.run(Config(data, **SMALL, latents=3))
    found = sweep_of(result)
    save(found, tmp_path / "run.npz")
    read = load(tmp_path / "run.npz")
    assert read.config == found.config
    assert read.rows == found.rows
    torch.testing.assert_close(read.x, found.x)
    if data == "moons":
        torch.testing.assert_close(read.curves.mean, found.curves.mean, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(read.mixtures[1].means.float(), found.mixtures[1].means.float())
        assert read.pictures is None
    else:
        assert read.curves is None
        assert torch.equal(read.pictures.nearest, found.pictures.nearest)
        off = (read.pictures.drawn - found.pictures.drawn.clamp(0, 1)).abs().max()
        assert off <= 0.5 / 255 + 1e-6
        first = found.pictures.drawn[0, 0]
        assert found.pictures.nearest[0, 0] == (found.x - first).norm(dim=1).argmin()


def test_points_lie_near_the_drawn_positions() -> None:
    config = Config("drawn", drawn=DRAWN, points=60, tested=30)
    x, others = unbounded_likelihood.points(config)
    assert x.shape == (60, 2)
    assert others.shape == (30, 2)
    assert isinstance(config.distribution, Mixture)
    assert torch.cdist(x, torch.tensor(DRAWN)).min(1).values.max() < 5 * unbounded_likelihood.BLUR
    with pytest.raises(ValueError, match="drawn"):
        Config("drawn")


def test_em_never_lowers_the_likelihood_and_stays_below_the_best_mixture() -> None:
    sweep = load(ASSETS / "unbounded-moons.npz")
    for row in sweep.rows[::3]:
        values = list(climb_of(sweep.x, row.floor, 40))
        assert len(values) == 41
        assert all(b >= a - 1e-9 for a, b in pairwise(values))
        assert values[-1] <= row.upper + 1e-6


def test_an_ellipse_is_as_wide_as_the_standard_deviations() -> None:
    mean, sd = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.1]])
    found = ellipses(mean, sd, width=2, corners=8)
    assert found.shape == (1, 9, 2)
    scaled = (found - mean[:, None]) / sd[:, None]
    torch.testing.assert_close(scaled.norm(dim=-1), torch.full((1, 9), 2.0))
    torch.testing.assert_close(found[:, 0], found[:, -1])


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_the_shipped_likelihood_grows_on_training_points_and_collapses_on_others(
    data: str,
) -> None:
    sweep = load(ASSETS / f"unbounded-{data}.npz")
    assert sweep.config == floor_sweep.shipped(data)
    rows, last = sweep.rows, sweep.rows[-1]
    assert all(b.train > a.train - 5 for a, b in pairwise(rows))
    assert all(row.train < row.reached <= row.upper for row in rows)
    assert last.test < min(0.0, max(row.test for row in rows)) - 15
    gaps = [row.parsimony_gap[0] for row in rows]
    assert gaps[-1] == max(gaps)
    # With an atom on each point, ℓ(Ĝ) / n is −log n − (D/2) log 2πξ.
    expected = -math.log(len(sweep.x)) - len(sweep.x[0]) / 2 * math.log(2 * math.pi * last.floor)
    assert last.upper == pytest.approx(expected, rel=1e-4)
    assert last.components == len(sweep.x)
    assert (ASSETS / f"unbounded-{data}.npz").stat().st_size < 100_000
