"""Patterns of missingness against loops, and effect sizes against other programs' formulas."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dgm_core.inference.patterns import Association, associations, missing_together, patterns


def table_of(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """`a` is missing more often where `number` is large, `two` is "y" and `three` is "r"."""
    random = np.random.default_rng(seed)
    number = random.normal(size=rows)
    two = random.random(rows) < 0.4
    three = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    chance = 0.1 + 0.3 * (number > 0.5) + 0.2 * two + 0.2 * (three == 2)
    a = np.where(random.random(rows) < chance, np.nan, random.normal(size=rows))
    b = np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows))
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "number": np.where(random.random(rows) < 0.1, np.nan, number),
            "two": pd.Categorical(np.where(two, "y", "n")),
            "three": pd.Categorical(np.array(["p", "q", "r"])[three]),
        }
    )


def of(found: list[Association], column: str, other: str) -> Association:
    return next(each for each in found if (each.column, each.other) == (column, other))


@pytest.mark.parametrize("columns", [3, 9, 70])
def test_patterns_equal_a_loop(columns: int) -> None:
    random = np.random.default_rng(columns)
    values = np.where(random.random((200, columns)) < 0.02, np.nan, 1.0)
    table = pd.DataFrame(values, columns=[f"c{j}" for j in range(columns)])
    expected = Counter(
        tuple(name for name in table if pd.isna(row[name])) for _, row in table.iterrows()
    )
    found = patterns(table)
    assert {each.missing: each.rows for each in found} == expected
    assert [each.rows for each in found] == sorted(expected.values(), reverse=True)


def test_columns_missing_together_are_found_and_complete_ones_are_not() -> None:
    x = np.array([1.0, np.nan, 3.0, np.nan])
    table = pd.DataFrame({"a": x, "b": 1.0, "c": 2 * x, "d": x[::-1], "e": 1.0, "f": x})
    assert missing_together(table) == [("a", "c", "f")]


def test_a_mean_difference_is_that_of_welch() -> None:
    table = table_of()
    found = of(associations(table), "a", "number")
    gone = table["a"].isna()
    x1, x0 = (table.loc[rows, "number"].dropna() for rows in (gone, ~gone))
    spread = np.sqrt((x1.var() + x0.var()) / 2)
    assert found.measure == "mean difference"
    assert found.effect == pytest.approx((x1.mean() - x0.mean()) / spread, rel=1e-9)
    assert found.p == pytest.approx(stats.ttest_ind(x1, x0, equal_var=False).pvalue, rel=1e-6)
    assert found.rows == (len(x1), len(x0))
    assert found.low < found.effect < found.high


def test_levels_have_a_difference_of_proportions_or_the_v_of_cramer() -> None:
    table = table_of()
    found, gone = associations(table), table["a"].isna()
    two, three = of(found, "a", "two"), of(found, "a", "three")
    p1, p0 = ((table.loc[rows, "two"] == "y").mean() for rows in (gone, ~gone))
    assert (two.measure, two.level) == ("difference of proportions", "y")
    assert two.effect == pytest.approx(p1 - p0)
    counts = pd.crosstab(gone, table["three"])
    v = stats.contingency.association(counts, method="cramer")
    assert three.measure == "Cramér's V"
    assert three.effect == pytest.approx(v)
    assert three.p == pytest.approx(stats.chi2_contingency(counts, correction=False)[1])
    assert three.low < v < three.high


def test_the_interval_of_newcombe() -> None:
    """Newcombe 1998, method 10, example (a): 56/70 − 48/80 = .2, .0524 to .3339."""
    two = ["y"] * 56 + ["n"] * 14 + ["y"] * 48 + ["n"] * 32
    table = pd.DataFrame({"a": [np.nan] * 70 + [1.0] * 80, "two": pd.Categorical(two)})
    (found,) = associations(table)
    assert found.low == pytest.approx(0.0524, abs=2e-4)
    assert found.high == pytest.approx(0.3339, abs=2e-4)


def test_intervals_cover_the_effect_of_a_large_table() -> None:
    others = ["number", "two", "three"]
    large = associations(table_of(200_000))
    truth = {other: of(large, "a", other).effect for other in others}
    covered = []
    for seed in range(1, 201):
        found = associations(table_of(400, seed))
        pairs = ((of(found, "a", other), truth[other]) for other in others)
        covered.append([each.low <= effect <= each.high for each, effect in pairs])
    rates = np.mean(covered, 0)
    assert (rates >= 0.90).all(), rates
    assert (rates <= 0.99).all(), rates


def test_clear_effects_are_found_and_chance_is_not_called_clear() -> None:
    found = associations(table_of())
    clear = {(each.column, each.other) for each in found if each.clear}
    assert clear == {("a", "number"), ("a", "two"), ("a", "three")}
    assert [each.p for each in found] == sorted(each.p for each in found)
    errors = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(size=(200, 6)))
        errors += any(
            each.clear for each in associations(table.mask(random.random((200, 6)) < 0.2))
        )
    assert errors <= 11  # 5 expected; more than 11 have a probability of .4 %


def test_pairs_with_too_few_rows_have_no_effect() -> None:
    table = pd.DataFrame({"a": [np.nan] * 4 + [1.0] * 50, "b": np.arange(54.0), "c": 1.0})
    assert associations(table) == []
    same = pd.DataFrame({"a": [np.nan, 1.0] * 20, "b": [np.nan, 2.0] * 20})
    assert associations(same) == []
    assert patterns(pd.DataFrame()) == []
