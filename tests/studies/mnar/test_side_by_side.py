"""MIWAE and not-MIWAE side by side: scores, frames, and a case in which MIWAE is biased."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.distributions.columns import Binary, Categorical, Column, Numeric
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.rng import generator, normal, uniform
from dgm_core.studies.mnar import side_by_side
from dgm_core.types import Masked

D = 6
NUMERIC: tuple[Column, ...] = (Numeric(),) * D
PLAN = Amputation(columns=(0, 1, 2))
CONFIG = side_by_side.Config(
    "factors",
    PLAN,
    side_by_side.KNOWN,
    steps=400,
    batch_size=64,
    learning_rate=3e-3,
    hidden=32,
    samples=200,
    frames=8,
)


@pytest.fixture(scope="module")
def table() -> Masked:
    """600 rows of two factors and noise, standardised."""
    z = normal((600, 2), generator(0))
    x = z @ normal((2, D), generator(1)) + 0.4 * normal((600, D), generator(2))
    return Masked((x - x.mean(0)) / x.std(0), torch.ones(600, D, dtype=torch.bool))


@pytest.fixture(scope="module")
def items(table: Masked) -> list:
    return list(side_by_side.run(CONFIG, table, NUMERIC))


def test_not_miwae_is_unbiased_where_miwae_is_biased(items: list) -> None:
    answers = items[-1].answers
    ours, theirs = answers["not-MIWAE"].rmse, answers["MIWAE"].rmse
    assert ours.mean + 4 * (ours.standard_error + theirs.standard_error) < theirs.mean
    baselines = {
        item.name: item.rmse.mean for item in items if isinstance(item, side_by_side.Baseline)
    }
    assert baselines.keys() == TABLE_BASELINES.keys()
    assert theirs.mean < baselines["mean"]


def test_miwae_alone_is_trained_if_nothing_is_assumed(table: Masked) -> None:
    config = side_by_side.Config("factors", PLAN, steps=2, samples=20, frames=1, baselines=())
    *frames, result = side_by_side.run(config, table, NUMERIC)
    assert frames[-1].shots.keys() == result.models.keys() == result.answers.keys() == {"MIWAE"}
    with pytest.raises(ValueError, match="expected assumed among"):
        side_by_side.not_miwae(config, NUMERIC, [0])


def test_frames_come_in_order_and_end_at_the_last_step(items: list) -> None:
    frames = [item for item in items if isinstance(item, side_by_side.Frame)]
    assert [frame.step for frame in frames] == sorted({frame.step for frame in frames})
    assert CONFIG.frames <= len(frames) <= 2 * CONFIG.frames
    assert frames[-1].done == 1.0
    assert isinstance(items[-1], side_by_side.Result)
    assert frames[-1].shots["not-MIWAE"].bound > frames[0].shots["not-MIWAE"].bound


def test_the_learned_curve_rises_towards_the_true_one(items: list) -> None:
    first, *_, last = (item for item in items if isinstance(item, side_by_side.Frame))
    true = ampute_curves()

    def distance(frame: side_by_side.Frame) -> float:
        return (frame.shots["not-MIWAE"].learned - true).abs().mean().item()

    assert distance(last) < distance(first)
    assert last.shots["MIWAE"].learned is None


def ampute_curves() -> torch.Tensor:
    return side_by_side.curves(PLAN.process(D), list(PLAN.columns))


def test_observed_entries_are_unchanged_bit_for_bit(items: list, table: Masked) -> None:
    observed = ampute(table, PLAN).masked.observed
    for answer in items[-1].answers.values():
        assert torch.equal(answer.mean[observed], table.x[observed])
        assert torch.equal(answer.draws[0][observed], table.x[observed])
        assert not answer.sd[observed].any()
        assert (answer.sd[~observed] > 0).all()


def test_the_same_config_gives_the_same_result(table: Masked) -> None:
    config = replace(CONFIG, steps=20, frames=2)
    first, second = (list(side_by_side.run(config, table, NUMERIC))[-1] for _ in range(2))
    for name in side_by_side.MODELS:
        assert torch.equal(first.answers[name].mean, second.answers[name].mean)


def test_missing_cells_of_the_table_are_imputed_without_a_score(table: Masked) -> None:
    incomplete = Masked(table.x, uniform((600, D), generator(4)) < 0.8)
    config = replace(CONFIG, plan=None, steps=20, frames=2)
    *_, result = side_by_side.run(config, incomplete, NUMERIC)
    answer = result.answers["not-MIWAE"]
    assert math.isnan(answer.rmse.mean)
    assert torch.isfinite(answer.mean).all()


@pytest.mark.parametrize("decoder", side_by_side.DECODERS)
@pytest.mark.parametrize("assumed", side_by_side.ASSUMPTIONS)
def test_mixed_columns_and_every_assumption_work(decoder: str, assumed: str) -> None:
    source = generator(0)
    numbers = normal((80, 2), source)
    level = torch.nn.functional.one_hot(torch.arange(80) % 3, 3).float()
    x = torch.cat([numbers, (numbers[:, :1] > 0).float(), level], 1)
    table = Masked(x, torch.ones_like(x, dtype=torch.bool))
    config = replace(
        CONFIG,
        plan=Amputation(columns=(0,)),
        assumed=assumed,
        decoder=decoder,
        steps=6,
        frames=2,
        samples=20,
    )
    *_, result = side_by_side.run(config, table, (Numeric(), Numeric(), Binary(), Categorical(3)))
    assert torch.isfinite(result.answers["not-MIWAE"].rmse.mean)


def test_nothing_missing_and_all_missing_are_errors(table: Masked) -> None:
    nothing = replace(CONFIG, plan=Amputation(columns=(0,), threshold=2.0, strength=50.0))
    low = Masked(table.x.clamp_max(1.0), table.observed)
    with pytest.raises(ValueError, match="No value is missing"):
        list(side_by_side.run(nothing, low, NUMERIC))
    high = Masked(table.x + 9, table.observed)
    with pytest.raises(ValueError, match="no value left"):
        list(side_by_side.run(CONFIG, high, NUMERIC))


@pytest.mark.parametrize(
    "wrong", [{"assumed": "x"}, {"decoder": "x"}, {"steps": 0}, {"direction": "up"}]
)
def test_a_wrong_config_is_an_error(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(CONFIG, **wrong)
