"""As the floor falls, likelihoods rise on training points, fall on others and stay below Ĝ."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import pytest
import torch

from dgm_core.studies.likelihood import unbounded_likelihood
from dgm_core.studies.likelihood.unbounded_likelihood import Config, Frame, Result, Row

MOONS = Config(
    floors=(1e-1, 1e-3, 1e-5), points=24, tested=40, iterations=400, every=160, hidden=32
)
DIGITS = Config(
    "digits", (1e-1, 1e-3, 1e-5), points=40, tested=40, iterations=150, hidden=32, latents=4
)


@lru_cache(maxsize=2)
def finished(config: Config) -> tuple[list[Frame], Result]:
    *items, result = unbounded_likelihood.run(config)
    return [item for item in items if isinstance(item, Frame)], result


@pytest.mark.parametrize("config", [MOONS, DIGITS], ids=lambda config: config.data)
def test_training_likelihood_rises_and_the_rest_collapses(config: Config) -> None:
    _, result = finished(config)
    train = [row.train for row in result.rows]
    test = [row.test for row in result.rows]
    assert all(b > a + 0.5 for a, b in pairwise(train))
    assert test[-1] < max(test) - 2
    assert train[-1] - test[-1] > 5 * (train[0] - test[0])


@pytest.mark.parametrize("config", [MOONS, DIGITS], ids=lambda config: config.data)
def test_no_model_exceeds_the_best_mixture_and_the_gap_widens(config: Config) -> None:
    _, result = finished(config)
    for row in result.rows:
        assert row.train + 3 * row.train_error < row.reached <= row.upper
        low, high = row.parsimony_gap
        assert 0 < low <= high
        assert 1 <= row.components <= config.points
    low = [row.parsimony_gap[0] for row in result.rows]
    assert low[-1] > low[0]
    # In the end −(D/2) log ξ per point, and one atom per point.
    last, before = result.rows[-1], result.rows[-2]
    steps = (last.reached - before.reached) / math.log(before.floor / last.floor)
    assert math.isclose(steps, result.x.shape[1] / 2, rel_tol=0.03)
    assert last.components == config.points
    assert last.mixture_test < -100 * abs(last.test) or last.mixture_test < last.test


def test_a_slope_counts_collapsed_directions() -> None:
    rows = tuple(
        Row("moons", floor, 2, -math.log(floor), 0, 0, 0, 0, 0, 1, 0) for floor in (1e-3, 1e-1)
    )
    assert math.isclose(unbounded_likelihood.slope(rows)[0], 2.0)
    _, result = finished(MOONS)
    assert all(0.2 < each < 2.0 for each in unbounded_likelihood.slope(result.rows))


def test_frames_show_the_floors_falling_and_the_curves() -> None:
    frames, result = finished(MOONS)
    assert [round(frame.done, 3) for frame in frames] == [0.4, 0.8, 1.0]
    assert frames[0].floors[2] > frames[1].floors[2]
    assert math.isclose(frames[-1].floors[2], 1e-5, rel_tol=1e-5)
    curves = result.curves
    assert curves.mean.shape == curves.sd.shape == (3, 300, 2)
    for r, floor in enumerate(MOONS.floors):
        assert curves.sd[r].min() >= floor**0.5 * (1 - 1e-5)
        distribution = result.models[r].decode(torch.special.ndtri(curves.u)[:, None])
        torch.testing.assert_close(distribution.mean, curves.mean[r], rtol=1e-4, atol=1e-5)
    assert finished(DIGITS)[1].curves is None


def test_a_run_is_reproducible() -> None:
    config = Config(floors=(1e-2,), points=10, tested=5, iterations=5, hidden=8)
    rows = [list(unbounded_likelihood.run(config))[-1].rows for _ in "ab"]
    assert rows[0] == rows[1]
    entry = rows[0][0].entry()
    assert entry["floor"] == 1e-2
    assert entry["gap_at_least"] <= entry["gap_at_most"]
    assert "floor   1e-02" in rows[0][0].sentence()


@pytest.mark.parametrize(
    "bad", [{"data": "circles"}, {"floors": ()}, {"floors": (0.0,)}, {"points": 1}, {"hidden": 2}]
)
def test_settings_out_of_range_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        Config(**bad)
