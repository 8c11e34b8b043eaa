"""Clear differences among many, and errors over overlapping splits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dgm_core.metrics.comparison import Difference, clear, error_over_splits, paired


def test_p_values_are_those_of_scipy() -> None:
    assert Difference(-2.0, 1.0).p == pytest.approx(2 * stats.norm.sf(2))
    assert Difference(0.3, 0.1, 4).p == pytest.approx(2 * stats.t.sf(3, 4))
    assert Difference(0.0, 0.0).p == Difference(1.0, math.nan).p == 1
    assert Difference(1.0, 0.0).p == 0


def test_the_rule_is_that_of_holm() -> None:
    p_values = (0.04, 0.001, 0.02, 0.012, 0.9)
    each = {p: Difference(stats.norm.isf(p / 2), 1.0) for p in p_values}
    # .001 ≤ .05/5 and .012 ≤ .05/4, but .02 > .05/3; .04 alone would be clear
    assert clear(each) == [0.001, 0.012]
    assert clear({0.04: each[0.04]}) == [0.04]
    assert clear({}) == []


def test_one_of_eighteen_at_two_and_a_third_errors_is_a_tie() -> None:
    lead = Difference(0.007, 0.003)
    others = {f"setting {n}": Difference(0.001, 0.003) for n in range(17)}
    assert clear({"50 %": lead}) == ["50 %"]
    assert clear({"50 %": lead, **others}) == []


def test_ties_are_rarely_called_differences_however_many_are_compared() -> None:
    """The rule of two standard errors fails here: it finds a difference in most families."""
    noise = np.random.default_rng(0).standard_normal((2000, 18))
    families = [{n: Difference(value, 1.0) for n, value in enumerate(row)} for row in noise]
    wrong = np.mean([bool(clear(family)) for family in families])
    assert wrong == pytest.approx(0.05, abs=0.015)
    assert np.mean(np.abs(noise).max(1) > 2) > 0.5


def paired_differences(seed: int, rows: int = 120, splits: int = 5, test: int = 30) -> np.ndarray:
    """Squared error of a fitted line minus that of a fitted line with a useless second column."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 2))
    y = x[:, 0] + rng.standard_normal(rows)
    found = []
    for _ in range(splits):
        order = rng.permutation(rows)
        held_out, train = order[:test], order[test:]
        errors = []
        for columns in ([0], [1]):
            weights, *_ = np.linalg.lstsq(x[train][:, columns], y[train])
            errors.append(np.mean((y[held_out] - x[held_out][:, columns] @ weights) ** 2))
        found.append(errors[0] - errors[1])
    return np.array(found)


def test_the_error_over_overlapping_splits_is_that_of_new_tables() -> None:
    """The mean over splits varies from table to table as the corrected error says.

    The naive error s/√J ignores that the splits share their rows and is far too small.
    """
    each = np.stack([paired_differences(seed) for seed in range(1500)])
    true_error = each.mean(1).std(ddof=1)
    corrected = np.sqrt(np.mean([error_over_splits(row, 30 / 90) ** 2 for row in each]))
    naive = np.sqrt(np.mean(each.var(1, ddof=1) / each.shape[1]))
    assert corrected == pytest.approx(true_error, rel=0.15)
    assert naive < 0.75 * true_error


def test_the_error_over_splits_needs_two_of_them() -> None:
    assert error_over_splits([1.0, 3.0], 0.5) == pytest.approx(math.sqrt(2 * (0.5 + 0.5)))
    with pytest.raises(ValueError, match="2 splits"):
        error_over_splits([1.0], 0.5)


def test_a_paired_difference_has_the_error_of_its_pairs() -> None:
    found = paired([0.3, 0.5, 0.4], [0.1, 0.1, 0.1])
    expected = stats.ttest_rel([0.3, 0.5, 0.4], [0.1, 0.1, 0.1])
    assert found.value == pytest.approx(0.3)
    assert found.p == pytest.approx(expected.pvalue)
    with pytest.raises(ValueError, match="expected pairs"):
        paired([0.1, 0.2], [0.1])
