"""Chained equations against closed forms, and the uncertainty of their parameters."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student_t

from dgm_core.estimators import ChainedImputer
from dgm_core.estimators.chain import nearest
from dgm_core.estimators.chained import METHODS
from tests.estimators.tables import ampute, error, means, two_factors


def two_columns(
    rows: int, seed: int, rate: float = 0.4, noise: float = 1.0
) -> tuple[NDArray, NDArray]:
    """x ~ N(3, 2²) and y = 5 + 1.5 x + N(0, noise²), and the same with y missing by chance."""
    rng = np.random.default_rng(seed)
    x = 3 + 2 * rng.normal(size=rows)
    table = np.stack([x, 5 + 1.5 * x + noise * rng.normal(size=rows)], 1)
    hidden = rng.random(rows) < rate
    hidden[:3] = False
    return table, np.where(hidden[:, None] & [False, True], np.nan, table)


def mixed(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Numbers, whole numbers, booleans, strings and categories that depend on each other."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "height": 170 + 10 * z + rng.normal(size=rows),
            "count": np.floor(np.exp(1 + 0.5 * z)),
            "works": z + rng.normal(size=rows) > 0,
            "city": np.array(["Bergen", "Oslo", "Tromsø"])[np.digitize(z, [-0.5, 0.5])],
            "size": pd.Categorical(np.where(z > 0, "L", "S"), ["S", "M", "L"]),
        },
        index=rng.permutation(rows),
    )


# --- draws -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "most"), [("norm", 1.03), ("pmm", 1.03), ("cart", 1.15)])
def test_draws_have_the_conditional_mean_and_variance(method: str, most: float) -> None:
    rows, n = 4000, 5
    table, incomplete = two_columns(rows, seed=0)
    drawn = ChainedImputer(method, rounds=1).fit(incomplete).sample_imputations(incomplete, n)
    hidden = np.isnan(incomplete[:, 1])
    x = table[hidden, 0]
    residual = drawn[:, hidden, 1] - (5 + 1.5 * x)
    # The regression from the observed rows has an error of its own, shared by all draws.
    noise = math.sqrt(1 / (~hidden).sum() + 1 / residual.size)
    assert abs(residual.mean()) < 4 * noise
    slope = (residual.mean(0) * (x - x.mean())).mean() / x.var()
    assert abs(slope) < (4 * noise / x.std() if method != "cart" else 0.05)
    assert 0.95 < residual.var() < most


def test_norm_has_the_closed_form_of_the_posterior() -> None:
    """Mean of y over all rows: its variance over draws, proper and improper."""
    n, rows = 2000, 24
    _, incomplete = two_columns(rows, seed=3, rate=0.5)
    hidden = np.isnan(incomplete[:, 1])
    x, y = incomplete[~hidden].T
    design = np.stack([np.ones_like(x), x], 1)
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    misfit, degrees = np.square(y - design @ beta).sum(), len(y) - 2
    at_hidden = np.array([1.0, incomplete[hidden, 0].mean()])
    mean = (y.sum() + hidden.sum() * at_hidden @ beta) / rows
    by_values = hidden.sum() / rows**2
    by_parameters = (hidden.mean()) ** 2 * at_hidden @ inverse @ at_hidden
    expected = {
        True: misfit / (degrees - 2) * (by_values + by_parameters),
        False: misfit / degrees * by_values,
    }
    assert expected[True] > 1.5 * expected[False]
    imputer = ChainedImputer("norm", rounds=1).fit(incomplete)
    for proper, variance in expected.items():
        drawn = imputer.sample_imputations(incomplete, n, proper=proper)[:, :, 1].mean(1)
        assert abs(drawn.mean() - mean) < 4 * math.sqrt(variance / n), proper
        # The posterior is a t distribution, so its variance varies more than that of a normal.
        assert abs(drawn.var(ddof=1) / variance - 1) < 5 * math.sqrt(3 / n), proper


def coverage(
    method: str, rows: int, rate: float, noise: float, *, proper: bool = True, tables: int = 200
) -> tuple[float, float]:
    """Coverage of 95 % intervals of the mean of y by Rubin's rules; mean T / variance of Q̄."""
    m = 10
    inside, pooled, totals = [], [], []
    for seed in range(tables):
        _, incomplete = two_columns(rows, seed, rate, noise)
        imputer = ChainedImputer(method, rounds=1).fit(incomplete)
        y = imputer.sample_imputations(incomplete, m, seed, proper=proper)[:, :, 1]
        estimate, within = y.mean(), (y.var(1, ddof=1) / rows).mean()
        between = y.mean(1).var(ddof=1)
        total = within + (1 + 1 / m) * between
        fraction = (1 + 1 / m) * between / total
        complete = rows - 1
        seen = (complete + 1) / (complete + 3) * complete * (1 - fraction)
        df = 1 / (fraction**2 / (m - 1) + 1 / seen)
        half = student_t.ppf(0.975, df) * math.sqrt(total)
        inside.append(abs(estimate - 9.5) < half)
        pooled.append(estimate)
        totals.append(total)
    return float(np.mean(inside)), float(np.mean(totals) / np.var(pooled, ddof=1))


@pytest.mark.parametrize(("method", "rows"), [("norm", 40), ("pmm", 120)])
def test_proper_intervals_cover(method: str, rows: int) -> None:
    covered, ratio = coverage(method, rows, rate=0.5, noise=1)
    error_of_coverage = math.sqrt(0.95 * 0.05 / 200)
    assert covered > 0.95 - 3 * error_of_coverage
    assert 0.75 < ratio < 1.35


@pytest.mark.slow
def test_improper_intervals_are_too_narrow() -> None:
    settings = {"method": "norm", "rows": 40, "rate": 0.6, "noise": 6.0}
    proper_covered, proper_ratio = coverage(**settings)
    covered, ratio = coverage(**settings, proper=False)
    error_of_coverage = math.sqrt(0.95 * 0.05 / 200)
    assert proper_covered > 0.95 - 3 * error_of_coverage > covered
    assert 0.75 < proper_ratio < 1.35
    assert ratio < 0.75


@pytest.mark.parametrize(("method", "levels"), [("pmm", 0), ("cart", 0), ("norm", 2), ("cart", 2)])
def test_proper_draws_vary_more_than_improper_ones(method: str, levels: int) -> None:
    _, incomplete = two_columns(60, seed=0, rate=0.6, noise=3.0)
    if levels:
        high = (incomplete[:, 1] > 9.5) * 1.0
        incomplete[:, 1] = np.where(np.isnan(incomplete[:, 1]), np.nan, high)
    imputer = ChainedImputer(method, rounds=1, categorical=[1] if levels else [])
    imputer.fit(incomplete)
    proper, improper = (
        imputer.sample_imputations(incomplete, 400, proper=proper)[:, :, 1].mean(1).var()
        for proper in (True, False)
    )
    # For equal variances, the ratio has a standard error of 0.1.
    assert proper / improper > 1 + 5 * math.sqrt(4 / 400)


@pytest.mark.parametrize("method", ["pmm", "cart"])
def test_donors_are_observed_values(method: str) -> None:
    table = np.round(two_factors(300))
    table[:, 0] = np.random.default_rng(0).integers(0, 4, 300) / 3  # not exact in float32
    incomplete = ampute(table)
    drawn = ChainedImputer(method, rounds=3).fit(incomplete).sample_imputations(incomplete, 3)
    for j in range(table.shape[1]):
        assert np.isin(drawn[:, :, j], incomplete[:, j]).all(), j


def test_a_donor_is_one_of_the_nearest() -> None:
    rng = np.random.default_rng(0)
    predictions, targets, count = rng.normal(size=50), rng.normal(size=30), 5
    chosen = np.stack([nearest(predictions, targets, count, rng) for _ in range(2000)])
    for each, target in zip(chosen.T, targets, strict=True):
        closest = np.argsort(abs(predictions - target))[:count]
        frequency = np.bincount(each, minlength=50)[closest] / 2000
        assert set(each) == set(closest)
        assert abs(frequency - 1 / count).max() < 5 * math.sqrt(0.2 * 0.8 / 2000)


def test_equally_near_donors_are_chosen_by_chance() -> None:
    rng = np.random.default_rng(0)
    predictions = np.repeat([0.0, 1.0], 50)
    for target in (0.0, 1.0, -3.0, 4.0):
        chosen = np.concatenate(
            [nearest(predictions, np.array([target]), 5, rng) for _ in range(3000)]
        )
        assert set(chosen) == {*(range(50) if target < 0.5 else range(50, 100))}, target


def test_trees_find_a_bend_that_lines_miss() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 1000)
    table = np.stack([x, x**2 + 0.1 * rng.normal(size=1000)], 1)
    incomplete = table.copy()
    incomplete[:400, 1] = np.nan
    errors = {
        method: error(
            ChainedImputer(method, rounds=1).fit_transform(incomplete), table, incomplete
        )
        for method in METHODS
    }
    assert errors["cart"] < 0.2
    assert errors["cart"] < 0.25 * min(errors["pmm"], errors["norm"])


@pytest.mark.parametrize("method", METHODS)
def test_several_incomplete_columns_are_better_than_their_means(method: str) -> None:
    x = two_factors(600)
    incomplete = ampute(x)
    filled = ChainedImputer(method).fit_transform(incomplete)
    most = 0.75 if method == "cart" else 0.6
    assert error(filled, x, incomplete) < most * error(means(incomplete), x, incomplete)


# --- levels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_of_levels_are_those_of_the_data(method: str) -> None:
    rng = np.random.default_rng(0)
    rows = 3000
    z = rng.normal(size=rows)
    p = np.stack([np.exp(2 * z), np.ones(rows), np.exp(-z)], 1)
    p /= p.sum(1, keepdims=True)
    code = (rng.random((rows, 1)) > p.cumsum(1)).sum(1)
    table = pd.DataFrame({"z": z, "level": np.array(["a", "b", "c"])[code]})
    hidden = rng.random(rows) < 0.3
    incomplete = table.mask(hidden[:, None] & [False, True])
    imputer = ChainedImputer(method, rounds=1, draws=50).fit(incomplete)
    found = imputer.impute_proba(incomplete)
    assert list(found) == ["level"]
    assert np.abs(found["level"].sum(1) - 1).max() < 1e-12
    assert np.array_equal(found["level"][~hidden], np.eye(3)[code[~hidden]])
    excess = np.square(found["level"] - p)[hidden].sum(1).mean()
    # 50 draws add (1 − Σ p²) / 50 to the squared error.
    sampling = (1 - np.square(p).sum(1)).mean() / 50
    assert excess < sampling + (0.01 if method != "cart" else 0.1)
    filled = imputer.transform(incomplete)["level"].to_numpy()
    assert np.array_equal(filled, np.array(["a", "b", "c"])[found["level"].argmax(1)])


def test_two_levels_have_two_probabilities_and_a_single_level_one() -> None:
    table = mixed(100)[["height", "works"]].assign(same="yes")
    incomplete = table.mask(np.random.default_rng(0).random(table.shape) < 0.2)
    found = ChainedImputer(rounds=2, draws=3).fit(incomplete).impute_proba(incomplete)
    seen = incomplete["works"].notna()
    assert np.array_equal(found["works"][seen, 1], incomplete["works"][seen].astype(float))
    assert found["works"].shape == (100, 2)
    assert (found["same"] == 1).all()


# --- contracts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_mixed_table_keeps_its_form(method: str) -> None:
    table = mixed()
    incomplete = table.mask(np.random.default_rng(1).random(table.shape) < 0.2)
    incomplete["works"] = incomplete["works"].astype("boolean")
    imputer = ChainedImputer(method, rounds=2, draws=3).fit(incomplete)
    drawn = imputer.sample_imputations(incomplete, 2)
    filled, sd = imputer.impute_with_sd(incomplete)
    seen = incomplete.notna()
    for each in (*drawn, filled):
        assert each.index.equals(table.index)
        assert (each.dtypes == incomplete.dtypes).all()
        assert each.notna().all(axis=None)
        for name in table:
            known = seen[name]
            assert each[name][known].equals(incomplete[name][known]), name
    assert (sd.to_numpy()[seen] == 0).all()
    assert (sd.to_numpy()[~seen] >= 0).all()
    if method != "norm":
        for name in table:
            assert set(drawn[0][name]) <= set(incomplete[name].dropna()), name


def test_the_mean_and_sd_are_those_of_the_draws() -> None:
    incomplete = ampute(two_factors(60))
    imputer = ChainedImputer(rounds=2, draws=7, random_state=4).fit(incomplete)
    drawn = imputer.sample_imputations(incomplete, 7, random_state=4)
    filled, sd = imputer.impute_with_sd(incomplete)
    assert filled == pytest.approx(drawn.mean(0), rel=1e-12)
    assert sd == pytest.approx(drawn.std(0), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_draws_follow_their_seed(method: str) -> None:
    incomplete = ampute(two_factors(80))
    imputer = ChainedImputer(method, rounds=2).fit(incomplete)
    first = imputer.sample_imputations(incomplete, 3, random_state=1)
    assert np.array_equal(imputer.sample_imputations(incomplete, 2, random_state=1), first[:2])
    assert not np.array_equal(imputer.sample_imputations(incomplete, 3, random_state=2), first)
    hidden = np.isnan(incomplete)
    assert (first[0][hidden] != first[1][hidden]).any()
    assert (first[:, ~hidden] == incomplete[~hidden]).all()
    assert first.shape == (3, *incomplete.shape)


def test_new_rows_are_completed_and_teach_nothing() -> None:
    table, incomplete = two_columns(3000, seed=0)
    imputer = ChainedImputer("norm", rounds=2).fit(incomplete)
    new = np.array([[10.0, np.nan], [np.nan, 5.0], [3.0, 1e6]])
    drawn = imputer.sample_imputations(new, 200)
    assert np.array_equal(drawn[:, 2], np.tile(new[2], (200, 1)))
    assert drawn[:, 0, 1].mean() == pytest.approx(20, abs=5 / math.sqrt(200))
    # x given y: 3 + 1.5 · 4 / 10 · (y − 9.5), variance 4 / 10
    assert drawn[:, 1, 0].mean() == pytest.approx(0.3, abs=5 * math.sqrt(0.4 / 200))
    assert np.array_equal(imputer.transform(table), table)


def test_a_predictor_that_never_varies_where_a_column_is_known_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat([0.0, 1.0], 50)
    table = np.stack([group, rng.normal(size=100), rng.normal(size=100)], 1)
    incomplete = table.copy()
    incomplete[group == 1, 2] = np.nan  # known in one group only
    drawn = ChainedImputer("norm").fit(incomplete).sample_imputations(incomplete, 20)
    assert np.abs(drawn).max() < 20


def test_dependent_and_constant_columns_and_a_single_column_are_completed() -> None:
    x = two_factors(50)
    table = np.concatenate([x, x[:, :1], np.full((50, 1), 7.0)], 1)
    incomplete = ampute(table, 0.2)
    for method in METHODS:
        imputer = ChainedImputer(method, rounds=3).fit(incomplete)
        drawn = imputer.sample_imputations(incomplete, 2)
        assert np.isfinite(drawn).all()
        assert (drawn[:, :, -1] == 7).all()
        alone = ChainedImputer(method).fit(incomplete[:, :1])
        assert np.isfinite(alone.transform(incomplete[:, :1])).all()
    codes = ampute(np.random.default_rng(0).integers(0, 3, (60, 1)) * 1.0)
    for method in METHODS:
        filled = ChainedImputer(method, categorical=[0]).fit_transform(codes)
        assert set(filled[:, 0]) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "forest"}, "expected a method among .*pmm.*, got 'forest'"),
        ({"rounds": 0}, "expected rounds of at least 1, got 0"),
        ({"donors": 0}, "expected donors of at least 1, got 0"),
        ({"categorical": [9]}, "expected categorical columns of the table"),
    ],
)
def test_wrong_settings_are_reported(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ChainedImputer(**settings).fit(ampute(two_factors(20)))


def test_wrong_calls_are_reported() -> None:
    table = ampute(two_factors(20))
    imputer = ChainedImputer().fit(table)
    with pytest.raises(ValueError, match="expected at least 1 completed table, got 0"):
        imputer.sample_imputations(table, 0)
    with pytest.raises(ValueError, match="not saved, because it consists of its table"):
        imputer.save("chained.safetensors")
    frame = pd.DataFrame({"a": ["x", "y", "z", None]})
    imputer = ChainedImputer().fit(frame)
    with pytest.raises(ValueError, match="one of the levels"):
        imputer.transform(frame.replace("x", "w"))
