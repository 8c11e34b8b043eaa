"""Rubin's rules against published numbers, a naive computation and simulated tables."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression

from dgm_core.inference import Coefficients, bootstrapped, pool, pool_models

# Means and standard errors of three columns in five completed tables, and their pooled values, as
# printed in the documentation of SAS PROC MIANALYZE (SAS/STAT 9.22, example 57.1, EDF = 30).
OXYGEN = [47.0120, 47.2407, 47.4995, 47.1485, 47.0042]
OXYGEN_ERRORS = [0.95984, 0.93540, 1.00766, 0.95439, 0.96528]


def test_a_published_example() -> None:
    pooled = pool(OXYGEN, np.square(OXYGEN_ERRORS), complete_df=30)
    assert pooled.estimate == pytest.approx(47.180993, abs=2e-5)
    assert pooled.between == pytest.approx(0.041478, abs=1e-5)
    assert pooled.within == pytest.approx(0.930853, abs=1e-5)
    assert pooled.variance == pytest.approx(0.980626, abs=1e-5)
    assert pooled.df == pytest.approx(26.298, abs=1e-3)


# lm(chl ~ age + bmi) on five completions of the table nhanes, and mice::pool of them: mice 3.15.0,
# mice(nhanes, m = 5, maxit = 5, seed = 1). Rows: intercept, age, bmi.
COEFFICIENTS = [
    [19.9401154678322072, -104.1514318852383383, -24.012114529612269]
    + [-21.7509682351467397, 44.6476147219868480],
    [23.9807193332113577, 35.5286380558803145, 41.840689999645605]
    + [31.4473714578122028, 21.5712142509187075],
    [5.0777490348923315, 8.9135391540354796, 5.342563179039308]
    + [5.9575518715302271, 4.3950799407097021],
]
VARIANCES = [
    [2635.0694199847748678, 2981.6266116901365422, 2781.8451486944954922]
    + [3002.5204841876134196, 3681.9944297673014262],
    [58.2881456312950021, 74.1366878898576402, 81.9199253360507527]
    + [76.7951074657534747, 79.5011747450038797],
    [2.8931489264098276, 2.7969888008136992, 2.4063563203497851]
    + [3.1661273624900601, 4.0728161628795023],
]


def test_numbers_are_those_of_mice() -> None:
    pooled = pool(np.transpose(COEFFICIENTS), np.transpose(VARIANCES), complete_df=22)
    expected = {
        "estimate": [-17.06535689203566, 30.87372661949364, 5.93729663604141],
        "within": [3016.61121886486399, 74.12820821259215, 3.06708751458857],
        "between": [3208.02317576643327, 69.08046011973936, 3.08234802483976],
        "variance": [6866.23902978458318, 157.02476035727938, 6.76590514439629],
        "df": [5.23443279230479, 5.73613682457585, 5.44345902890888],
        "fmi": [0.667368264291021, 0.635995430025606, 0.654061471085460],
        "standard_error": [82.86277227913982, 12.53095209300871, 2.60113535680024],
    }
    for name, numbers in expected.items():
        assert getattr(pooled, name) == pytest.approx(numbers, rel=1e-8), name
    low, high = pooled.interval()
    assert low == pytest.approx([-227.233269318967047, -0.133575862749968, -0.588570248064807])
    assert high == pytest.approx([193.1025555348957, 61.8810291017372, 12.4631635201476])
    p_values = [0.8446041366794559, 0.0507107421625651, 0.0670272460449572]
    assert pooled.p_value() == pytest.approx(p_values, rel=1e-8)


def naive(q: list[float], u: list[float], complete_df: float) -> tuple[float, ...]:
    """mice::pool.scalar, one number at a time."""
    m = len(q)
    mean = sum(q) / m
    within = sum(u) / m
    between = sum((each - mean) ** 2 for each in q) / (m - 1)
    total = within + (m + 1) * between / m
    lam = (1 + 1 / m) * between / total
    old = (m - 1) / lam**2
    df = old
    if complete_df < math.inf:
        seen = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - lam)
        df = old * seen / (old + seen)
    r = (1 + 1 / m) * between / within
    return mean, total, df, (r + 2 / (df + 3)) / (r + 1)


@pytest.mark.parametrize("complete_df", [math.inf, 12.0, 4000.0])
@pytest.mark.parametrize("m", [2, 5, 100])
def test_numbers_are_those_of_a_naive_computation(m: int, complete_df: float) -> None:
    random = np.random.default_rng(m)
    q, u = random.normal(size=(m, 3)), random.uniform(0.1, 2, (m, 3))
    pooled = pool(q, u, complete_df)
    for j in range(3):
        expected = naive(q[:, j].tolist(), u[:, j].tolist(), complete_df)
        got = [x[j] for x in (pooled.estimate, pooled.variance, pooled.df, pooled.fmi)]
        assert got == pytest.approx(expected, rel=1e-12)
        alone = pool(q[:, j], u[:, j], complete_df)
        assert isinstance(alone.estimate, float)
        assert [alone.estimate, alone.variance, alone.df, alone.fmi] == pytest.approx(expected)


def test_equal_tables_give_the_analysis_of_a_complete_table() -> None:
    pooled = pool([2.0, 2.0], [0.25, 0.25])
    assert (pooled.variance, pooled.df, pooled.fmi) == (0.25, math.inf, 0.0)
    assert pooled.interval() == pytest.approx((2 - 0.98, 2 + 0.98), abs=1e-3)
    known = pool([2.0, 2.0], [0.25, 0.25], complete_df=50)
    assert known.df == pytest.approx(50 * 51 / 53)


def test_estimates_without_a_sampling_error() -> None:
    pooled = pool([1.0, 3.0], [0.0, 0.0])
    assert (pooled.variance, pooled.df, pooled.fmi) == (3.0, 1.0, 1.0)
    assert pool([1.0, 1.0], [0.0, 0.0]).variance == 0


def test_one_parameter_tested_as_a_vector_is_tested_by_t() -> None:
    random = np.random.default_rng(0)
    q, u = random.normal(1, 0.3, (8, 1)), random.uniform(0.1, 0.2, (8, 1, 1))
    test = pool(q, u).test()
    alone = pool(q[:, 0], u[:, 0, 0])
    assert test.statistic == pytest.approx(alone.estimate**2 / alone.variance)
    assert test.df[0] == 1


def test_d1_is_the_published_formula() -> None:
    random = np.random.default_rng(1)
    m, k = 6, 3
    q = random.normal(size=(m, k))
    factors = random.normal(size=(m, k, 8))
    u = factors @ factors.transpose(0, 2, 1) / 8
    test = pool(q, u).test(value=[0.5, 0.0, 0.0])
    within = u.mean(0)
    centred = q - q.mean(0)
    between = centred.T @ centred / (m - 1)
    r = (1 + 1 / m) * np.trace(between @ np.linalg.inv(within)) / k
    error = q.mean(0) - [0.5, 0, 0]
    d1 = error @ np.linalg.solve((1 + r) * within, error) / k
    t = k * (m - 1)
    v = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    assert test.statistic == pytest.approx(d1)
    assert test.df == pytest.approx((k, v))
    assert test.p == pytest.approx(stats.f.sf(d1, k, v))


def test_small_samples_have_fewer_degrees_of_freedom() -> None:
    random = np.random.default_rng(2)
    q, u = random.normal(size=(10, 2)), np.broadcast_to(np.eye(2), (10, 2, 2))
    large, huge = pool(q, u, 1e9).test(), pool(q, u).test()
    assert pool(q, u, 20.0).test().df[1] < 20
    assert large.df[1] == pytest.approx(huge.df[1], rel=0.2)
    # Without missing values: (ν + 1) / (ν + 3) ν, as for one parameter.
    equal = np.ones((10, 2))
    assert pool(equal, u, 20.0).test().df[1] == pytest.approx(20 * 21 / 23)


def test_d1_holds_its_level() -> None:
    """p-values are uniform if the draws are proper: normal data, known within-variance."""
    random = np.random.default_rng(3)
    m, k, tables = 10, 3, 2000
    p = np.empty(tables)
    for i in range(tables):
        truth = random.normal(size=k) * math.sqrt(1.5)  # sampling 1, missing 0.5
        q = truth + random.normal(size=(m, k)) * math.sqrt(0.5)
        p[i] = pool(q, np.broadcast_to(np.eye(k), (m, k, k))).test().p
    for level in (0.05, 0.2, 0.5):
        error = math.sqrt(level * (1 - level) / tables)
        assert abs((p < level).mean() - level) < 4 * error + 0.005


def simulated(random: np.random.Generator, *, proper: bool) -> bool:
    """Draws of the missing three quarters of a normal sample, and the interval of its mean."""
    n, seen, m = 60, 15, 20
    x = random.normal(size=seen)
    mean, sd = x.mean(), x.std(ddof=1)
    q, u = np.empty(m), np.empty(m)
    for j in range(m):
        centre, spread = mean, sd
        if proper:
            spread = sd * math.sqrt((seen - 1) / random.chisquare(seen - 1))
            centre = random.normal(mean, spread / math.sqrt(seen))
        full = np.append(x, random.normal(centre, spread, n - seen))
        q[j], u[j] = full.mean(), full.var(ddof=1) / n
    low, high = pool(q, u, n - 1).interval()
    return low <= 0 <= high


def test_intervals_cover_if_the_draws_are_proper_and_only_then() -> None:
    random = np.random.default_rng(4)
    count = 1500
    error = math.sqrt(0.95 * 0.05 / count)
    proper = np.mean([simulated(random, proper=True) for _ in range(count)])
    improper = np.mean([simulated(random, proper=False) for _ in range(count)])
    assert abs(proper - 0.95) < 3.5 * error
    assert improper < 0.95 - 6 * error


def test_models_like_those_of_statsmodels_are_pooled() -> None:
    random = np.random.default_rng(5)
    fits = [
        SimpleNamespace(
            params=pd.Series(random.normal(size=2), ["const", "age"]),
            cov_params=lambda: pd.DataFrame(np.diag([0.5, 0.1])),
            df_resid=40.0,
        )
        for _ in range(5)
    ]
    pooled = pool_models(fits)
    expected = pool([fit.params for fit in fits], [[0.5, 0.1]] * 5, 40.0)
    np.testing.assert_allclose(pooled.df, expected.df)
    assert pooled.table().loc["age", "estimate"] == pytest.approx(expected.estimate[1])
    assert 0 <= pooled.test().p <= 1


def test_models_of_scikit_learn_are_pooled_by_the_bootstrap() -> None:
    random = np.random.default_rng(6)
    x = pd.DataFrame(random.normal(size=(400, 2)), columns=["a", "b"])
    y = 1 + x["a"] * 2 + random.normal(size=400)
    fit = bootstrapped(LinearRegression(), x, y, repetitions=300)
    assert fit.names == ("intercept", "a", "b")
    # The classical covariance is σ² (XᵀX)⁻¹, about 1 / 400; 300 repetitions give ± 4 %.
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), 0.05, rtol=0.25)
    pooled = pool_models([fit, fit])
    assert pooled.table().loc["a", "low"] < 2 < pooled.table().loc["a", "high"]
    binary = bootstrapped(LogisticRegression(), x, y > 1, repetitions=5)
    assert binary.params.shape == (3,)


@pytest.mark.parametrize(
    ("estimates", "variances", "words"),
    [
        ([1.0], [1.0], "m ≥ 2"),
        (1.0, 1.0, "m ≥ 2"),
        ([1.0, 2.0], [1.0], "expected variances"),
        ([1.0, 2.0], [1.0, -1.0], "not negative"),
        ([1.0, math.nan], [1.0, 1.0], "finite"),
    ],
)
def test_bad_input_gets_a_sentence(estimates: Any, variances: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pool(estimates, variances)


def test_other_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        pool([1.0, 2.0], [1.0, 1.0], complete_df=0)
    with pytest.raises(ValueError, match="level"):
        pool([1.0, 2.0], [1.0, 1.0]).interval(95)
    with pytest.raises(ValueError, match="covariance"):
        pool([[1.0, 2.0]] * 2, [[1.0, 1.0]] * 2).test()
    one = Coefficients(("a",), np.ones(1), np.eye(1))
    with pytest.raises(ValueError, match="same parameters"):
        pool_models([one, one._replace(names=("b",))])
