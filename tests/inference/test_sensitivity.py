"""Sensitivity analyses against closed forms and against brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from dgm_core.estimators import ChainedImputer, MFAImputer
from dgm_core.inference import (
    along_shifts,
    along_strengths,
    column_mean,
    draws_of,
    linear_regression,
    pool,
    pool_models,
    tipping_points,
)
from dgm_core.inference.draws import completed
from dgm_core.inference.sensitivity import Tilted, shifted


def table_of(rows: int = 200, rate: float = 0.4, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    table = pd.DataFrame({"y": 1 + z + random.normal(size=rows), "x": z, "g": 0.5 * z})
    table["g"] += random.normal(size=rows)
    table.loc[random.random(rows) < rate, "y"] = np.nan
    return table


def tables_of(table: pd.DataFrame, m: int = 5) -> list[pd.DataFrame]:
    return list(MFAImputer(1, 1).fit(table).sample_imputations(table, m))


def test_a_shift_moves_the_mean_by_the_missing_fraction() -> None:
    table = table_of()
    draws, missing = tables_of(table), table["y"].isna().mean()
    points = along_shifts(draws, table, "y", [-2.0, 0.0, 1.5], column_mean("y"))
    middle = points[1].pooled.estimate[0]
    for point in points:
        assert point.pooled.estimate[0] == pytest.approx(middle + missing * point.value)
    # Observed cells are not shifted.
    seen = table["y"].notna()
    assert (shifted(draws, table, {"y": 9.0})[0].loc[seen, "y"] == table.loc[seen, "y"]).all()


def test_a_column_that_cannot_be_shifted_gets_a_sentence() -> None:
    table = pd.DataFrame({"a": ["x", None], "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match="numeric column"):
        shifted([table], table, {"a": 1.0})
    with pytest.raises(ValueError, match="one of the columns"):
        shifted([table], table, {"c": 1.0})


def test_the_tipping_point_is_where_the_interval_meets_zero() -> None:
    table = table_of()
    draws = tables_of(table)
    points = along_shifts(draws, table, "y", np.linspace(-6, 0, 13), column_mean("y"))
    (first, last) = tipping_points(points)
    for place in (first, last):
        low, high = along_shifts(draws, table, "y", [place], column_mean("y"))[0].pooled.interval()
        assert min(abs(low[0]), abs(high[0])) < 0.02
    assert first < -points[-1].pooled.estimate[0] / table["y"].isna().mean() < last
    assert tipping_points(points, value=100.0) == []


def masked_by_itself(
    rows: int, strength: float, seed: int = 0
) -> tuple[pd.DataFrame, float, np.random.Generator]:
    """y given x is normal; y goes missing with log-odds −0.5 + strength · y. And the mean of y."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    y = 0.6 * x + 0.8 * random.normal(size=rows)
    missing = random.random(rows) < expit(strength * y - 0.5)
    return pd.DataFrame({"y": np.where(missing, np.nan, y), "x": x}), y.mean(), random


def observed_law(table: pd.DataFrame, strength: float, k: int, random: Any) -> dict[str, Any]:
    """Exact draws of p(y | observed, x) for the missing cells, (1, k, cells), by rejection."""
    x = table.loc[table["y"].isna(), "x"].to_numpy()
    drawn = np.full((k, len(x)), np.nan)
    while (left := np.isnan(drawn)).any():
        proposal = 0.6 * x + 0.8 * random.normal(size=drawn.shape)
        accepted = random.random(drawn.shape) < expit(0.5 - strength * proposal)
        drawn[left & accepted] = proposal[left & accepted]
    return {"y": drawn[None]}


def means_of(draws: Any, table: pd.DataFrame, strengths: Sequence[float]) -> list[float]:
    """The mean of y under each strength, in the one completed table."""
    tilted = Tilted(draws, table, {"y": 1})
    found = []
    for strength in strengths:
        (completed,) = tilted.at(strength)[1]
        found.append(float(completed["y"].mean()))
    return found


def test_the_mechanism_that_removed_the_values_is_undone() -> None:
    """By Bayes' rule, whatever the conditional distribution of the observed values is."""
    strength = 1.2
    table, truth, random = masked_by_itself(10_000, strength)
    draws = observed_law(table, strength, 200, random)
    hidden, unit = table["y"].isna(), table["y"].std(ddof=0)
    at_random, tilted = means_of(draws, table, [0.0, strength * unit])
    # The completed table has one draw of each missing value, and so has the truth.
    error = 0.8 * math.sqrt(2 * hidden.sum()) / len(table)
    assert abs(tilted - truth) < 4 * error
    assert abs(at_random - truth) > 20 * error
    # The probability of being missing, in place of its odds, corrects too little.
    values = draws["y"][0]
    probability = expit(strength * values - 0.5)
    mean = (probability * values).sum(0) / probability.sum(0)
    corrected = np.where(hidden, 0.0, table["y"]).sum() + mean.sum()
    assert abs(corrected / len(table) - truth) > 10 * error


@pytest.mark.slow
def test_intervals_cover_under_the_right_strength_and_not_at_random() -> None:
    covered = []
    for seed in range(60):
        table, _, _ = masked_by_itself(200, 1.0, seed)
        draws = draws_of(ChainedImputer("norm", rounds=1).fit(table), table, 5, 60, seed)
        strengths = [0.0, table["y"].std(ddof=0)]
        points = along_strengths(draws, table, {"y": 1}, strengths, column_mean("y"))
        covered.append(
            [low[0] <= 0 <= high[0] for low, high in (p.pooled.interval() for p in points)]
        )
    at_random, tilted = np.mean(covered, 0)
    assert tilted > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 60)
    assert at_random < 0.5


def test_a_normal_distribution_moves_by_its_closed_form() -> None:
    """N(μ, σ²) · exp(strength x / sd) ∝ N(μ + strength σ² / sd, σ²)."""
    table = table_of(rows=300)
    imputer = MFAImputer(1, 1).fit(table)
    list(imputer.replicate_steps(table, 6, 1))
    draws = draws_of(imputer, table, 6, 400)
    hidden, seen = table["y"].isna().to_numpy(), table["y"].dropna().to_numpy()
    rows = imputer._coded(table[hidden])
    points = list(along_strengths(draws, table, {"y": 1}, [0.0, 0.7, -0.7], column_mean("y")))
    for point in points:
        expected, variance = [], []
        for model in imputer.replicates_:
            conditional = model.conditional(rows)
            mean = conditional.mean[:, 0] * imputer.scale_[0] + imputer.location_[0]
            variance = conditional.variance[:, 0].numpy() * imputer.scale_[0] ** 2
            moved = mean.numpy() + point.value * variance / seen.std()
            expected.append((seen.sum() + moved.sum()) / len(table))
        error = np.sqrt(variance.sum() / 6) / len(table)
        assert abs(point.pooled.estimate[0] - np.mean(expected)) < 4 * error, point.value
    assert points[1].pooled.estimate[0] - points[0].pooled.estimate[0] > 8 * error
    assert points[0].ess == pytest.approx(400)
    # 1 / E[w²] of a normal distribution: exp(−strength² σ² / sd²) of the draws count.
    shrunk = math.exp(-0.49 * variance.mean() / seen.var())
    assert points[1].ess / 400 == pytest.approx(shrunk, rel=0.1)


def test_strength_0_gives_the_first_draws_and_values_rise_with_the_strength() -> None:
    table = table_of(rows=80)
    table.loc[::7, "g"] = np.nan
    imputer = ChainedImputer("norm").fit(table)
    draws = draws_of(imputer, table, 3, 30)
    tilted = Tilted(draws, table, {"y": 1})
    for number, each in enumerate(tilted.at(0.0)[1]):
        expected = completed(table, {name: v[number, 0] for name, v in draws.items()})
        pd.testing.assert_frame_equal(each, expected)
    before = None
    for strength in (-3.0, -1.0, 0.0, 0.5, 2.0):
        values = np.stack([each["y"].to_numpy() for each in tilted.at(strength)[1]])
        assert before is None or (values >= before).all()
        before = values
    # Only rows without y have weights: others keep their first draw of g.
    (first, *_) = tilted.at(2.0)[1]
    other = table["g"].isna() & table["y"].notna()
    g = table["g"].isna().to_numpy()
    assert other.any()
    np.testing.assert_array_equal(first.loc[other, "g"], draws["g"][0, 0][other[g].to_numpy()])


def test_draws_with_equal_values_have_no_preferred_side() -> None:
    """PMM draws few different values. Half of them are 1, and at strength s the fraction σ(s)."""
    table = pd.DataFrame({"a": [*np.random.default_rng(0).normal(size=400), *[np.nan] * 4_000]})
    draws = {"a": np.random.default_rng(1).integers(2, size=(1, 100, 4_000)).astype(float)}
    tilted, unit = Tilted(draws, table, {"a": 1}), float(table["a"].std(ddof=0))
    for strength in (-1.5, -0.1, 0.0, 0.1, 1.5):
        (found,) = tilted.at(strength)[1]
        expected = expit(strength / unit)
        assert abs(found["a"][400:].mean() - expected) < 4 * 0.5 / math.sqrt(4_000), strength


def test_values_of_one_row_are_chosen_together() -> None:
    """Two missing values that are equal in every draw stay equal, whichever is doubted."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"a": random.normal(size=60), "c": list("xyz") * 20})
    table["b"] = table["a"]
    table.loc[:29, ["a", "b"]] = np.nan
    table.loc[:29, "c"] = None
    table["c"] = table["c"].astype("category")
    values = random.normal(size=(2, 50, 30))
    draws = {"a": values, "b": values, "c": (values > 0).astype(int)}
    for signs in ({"a": 1}, {"b": -1}, {"a": 1, "b": 1}):
        for each in Tilted(draws, table, signs).at(1.5)[1]:
            assert (each["a"] == each["b"]).all()
            assert ((each["c"][:30] == "y") == (each["a"][:30] > 0)).all()
            sign = next(iter(signs.values()))
            assert sign * each["a"][:30].mean() > 0.5


def test_draws_of_blocks_of_rows_are_those_of_their_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of(rows=90)
    table.loc[::4, "g"] = np.nan
    imputer = MFAImputer(1, 1).fit(table)
    list(imputer.replicate_steps(table, 2, 1))
    whole = draws_of(imputer, table, 2, 300)
    monkeypatch.setattr("dgm_core.inference.draws.VALUES_AT_ONCE", 7 * 300 * 3)
    parts = draws_of(imputer, table, 2, 300)
    for name in ("y", "g"):
        assert parts[name].shape == (2, 300, table[name].isna().sum())
        means, error = whole[name].mean(1), whole[name].std(1) * math.sqrt(2 / 300)
        assert (abs(parts[name].mean(1) - means) < 5 * error).all()
    with pytest.raises(ValueError, match="expected 3 models"):
        draws_of(imputer, table, 3, 10)


def test_a_column_that_cannot_be_doubted_gets_a_sentence() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]})
    draws = {"a": np.zeros((2, 3, 1)), "b": np.zeros((2, 3, 1), int)}
    for signs, words in (({"b": 1}, "numeric"), ({"c": 1}, "numeric"), ({"a": 2}, "sign")):
        with pytest.raises(ValueError, match=words):
            Tilted(draws, table, signs)


def test_strong_mechanisms_are_refitted_and_say_so() -> None:
    table = table_of(rows=120)
    imputer = MFAImputer(1, 1).fit(table)
    list(imputer.replicate_steps(table, 2, 1))
    asked: list[float] = []

    def refit(strength: float) -> list[pd.DataFrame]:
        asked.append(strength)
        return [table.fillna(99.0)] * 2

    arguments = (draws_of(imputer, table, 2, 12), table, {"y": 1}, [0.1, 40.0], column_mean("y"))
    weak, strong = along_strengths(*arguments, refit=refit)
    assert not weak.refitted
    assert strong.refitted
    assert strong.weak > 0.1
    assert strong.reliable
    assert asked == [40.0]
    assert strong.pooled.estimate[0] > 20
    (unaided,) = along_strengths(*arguments[:3], [40.0], arguments[4])
    assert not unaided.refitted
    assert not unaided.reliable
    assert unaided.weak > 0.1


def test_a_regression_is_that_of_least_squares() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"a": random.normal(size=50), "b": list("xyz") * 16 + ["x", "y"]})
    table["y"] = 2 * table["a"] + (table["b"] == "z") + random.normal(size=50)
    fit = linear_regression("y", ["a", "b"])(table)
    assert fit.names == ("intercept", "a", "b = y", "b = z")
    design = np.column_stack(
        [np.ones(50), table["a"], table["b"] == "y", table["b"] == "z"]
    ).astype(float)
    expected, rest, *_ = np.linalg.lstsq(design, table["y"], rcond=None)
    np.testing.assert_allclose(fit.params, expected)
    np.testing.assert_allclose(fit.covariance, rest[0] / 46 * np.linalg.inv(design.T @ design))
    assert pool_models([fit, fit]).table().loc["a", "fmi"] == pytest.approx(0, abs=0.05)
    mean = column_mean("a")(table)
    assert mean.covariance[0, 0] == pytest.approx(table["a"].var() / 50)
    assert pool([mean.params[0]] * 2, [mean.covariance[0, 0]] * 2).within > 0


def test_analyses_that_cannot_be_done_get_a_sentence() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 4.0, 6.0, 8.0], "c": list("wxyz")})
    with pytest.raises(ValueError, match="others determine"):
        linear_regression("a", ["b", "b"])(table)
    with pytest.raises(ValueError, match="others determine"):
        linear_regression("a", ["c"])(table)
    with pytest.raises(ValueError, match="numbers in column"):
        column_mean("c")(table)
    with pytest.raises(ValueError, match="one of the columns"):
        linear_regression("a", ["d"])(table)
