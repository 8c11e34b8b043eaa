"""Several trainings of not-MIWAE from different starts on one problem."""

from __future__ import annotations

import pytest
import torch

from dgm_core.distributions.columns import Categorical, Numeric
from dgm_core.metrics import rmse_of_table
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.rng import generator, normal
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.studies.mnar import identify, side_by_side
from dgm_core.types import Masked

COLUMNS = (Numeric(),) * 3
PLAN = Amputation(columns=(0,), direction="low", strength=8.0)


def table() -> Masked:
    """Three columns that depend strongly on one factor."""
    x = 0.9 * normal((300, 1), generator(0)) + 0.45 * normal((300, 3), generator(1))
    return Masked(x, torch.ones_like(x, dtype=torch.bool))


def config(**changes: object) -> identify.Config:
    small = {
        "restarts": 3,
        "steps": 120,
        "draws": 5,
        "hidden": 16,
        "samples": 100,
        "frames": 5,
        "learning_rate": 1e-2,
    }
    return identify.Config("one factor", PLAN, **{**small, **changes})


@pytest.fixture(scope="module")
def items() -> list[identify.Frame | identify.Result]:
    return list(identify.run(config(), table(), COLUMNS))


def test_both_directions_occur_among_the_starts_of_every_column() -> None:
    for seed in range(5):
        models = identify.build(config(seed=seed), COLUMNS, [0, 2])
        starts = torch.stack([m.missing_process.process.weight.detach() for m in models])
        assert (starts[0] > 0).all()
        assert (starts[1] < 0).all()
        first = [next(model.decoder.parameters()) for model in models]
        assert all(torch.equal(each, first[0]) for each in first)
        curves = torch.stack([side_by_side.curves(m.missing_process, [0, 2]) for m in models])
        assert torch.equal(identify.directions(curves), starts[:, [0, 2]].sign().long())


def test_frames_follow_all_trainings(items: list) -> None:
    *frames, result = items
    assert [frame.step for frame in frames] == [30, 60, 90, 120, 130]
    assert frames[-1].done == 1
    for frame in frames:
        assert frame.bounds.shape == frame.rmse.shape == (3,)
        assert frame.curves.shape == (3, 1, len(side_by_side.GRID))
    assert (frames[-1].bounds > frames[0].bounds).all()
    torch.testing.assert_close(frames[-1].curves, result.curves)


def test_the_result_is_that_of_each_model_on_all_rows(items: list) -> None:
    result = items[-1]
    problem = ampute(table(), PLAN)
    for number, model in enumerate(result.models):
        with torch.no_grad():
            sample = weighted_completions(model, problem.masked, 100, generator(0))
        mean, _ = mean_and_variance(sample)
        rmse = rmse_of_table(mean, problem.original.x, problem.hidden)
        torch.testing.assert_close(result.rmse[number].mean, rmse.mean)
        torch.testing.assert_close(result.bounds[number], sample.bound.mean())
        with torch.no_grad():
            others = torch.stack(
                [
                    weighted_completions(model, problem.masked, 100, generator(seed)).bound.mean()
                    for seed in range(1, 31)
                ]
            )
        assert 0.6 < others.std() / result.bound_errors[number] < 1.6
    assert torch.equal(result.signs, identify.directions(result.curves))


def test_the_bound_prefers_the_true_direction(items: list) -> None:
    verdict = items[-1].verdict
    assert verdict.best == (-1,)
    assert verdict.right
    assert "low values of length go missing" in identify.sentence(verdict, ["length"])
    assert 1 <= verdict.low[0] <= 3 - verdict.high[0]


def test_the_same_config_gives_the_same_result(items: list) -> None:
    *_, again = identify.run(config(), table(), COLUMNS)
    assert torch.equal(again.bounds, items[-1].bounds)
    assert torch.equal(again.curves, items[-1].curves)


def test_no_finding_is_right_if_the_true_mechanism_is_of_another_kind() -> None:
    chance = Amputation("chance", (0,), base_rate=0.4)
    small = identify.Config("one factor", chance, restarts=2, steps=5, hidden=8, samples=10)
    *_, result = identify.run(small, table(), COLUMNS)
    assert result.verdict.right is None


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"restarts": 1}, "restarts"),
        ({"assumed": "whole row, linear"}, "direction unknown"),
        ({"steps": 0}, "steps"),
    ],
)
def test_a_wrong_config_is_an_error(wrong: dict, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        config(**wrong)


def test_a_table_with_categorical_columns_can_be_trained() -> None:
    x = normal((60, 1), generator(0))
    levels = torch.nn.functional.one_hot(torch.arange(60) % 3, 3).float()
    rows = torch.cat([x, levels], 1)
    observed = torch.ones_like(rows, dtype=torch.bool)
    observed[::4, 0] = False
    observed[1::5, 1:] = False
    categorical = identify.Config("toy", None, steps=4, batch_size=32, samples=20, restarts=2)
    *_, result = identify.run(categorical, Masked(rows, observed), (Numeric(), Categorical(3)))
    assert result.curves.shape == (2, 4, len(side_by_side.GRID))
    assert torch.isfinite(result.bounds).all()
