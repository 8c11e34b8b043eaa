"""The measurement of coverage: its truth, its mechanisms, and a method that it must fail."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_core.evaluation import pooling
from dgm_core.evaluation.pooling import Config, Row, analysed, rows_of, run, simulated


def test_the_truth_is_that_of_a_huge_table() -> None:
    random = np.random.default_rng(0)
    table = random.multivariate_normal(np.zeros(4), pooling.CORRELATIONS, 200_000)
    estimates, variances = analysed(table)
    assert np.abs((estimates - pooling._truth()) / np.sqrt(variances)).max() < 4


@pytest.mark.parametrize("mechanism", pooling.MECHANISMS)
def test_about_three_tenths_go_missing(mechanism: str) -> None:
    rates = [np.isnan(simulated(mechanism, seed)[1]).mean(0) for seed in range(100)]
    losing = slice(None) if mechanism == "chance" else slice(2)
    assert np.mean(rates, 0)[losing] == pytest.approx(0.3, abs=0.03)
    if mechanism == "other columns":  # depends only on columns that stay complete
        assert (np.mean(rates, 0)[2:] == 0).all()


def test_complete_case_intervals_are_those_of_least_squares() -> None:
    random = np.random.default_rng(1)
    inside = []
    for _ in range(600):
        table = random.multivariate_normal(np.zeros(4), pooling.CORRELATIONS, 200)
        estimates, variances = analysed(table)
        inside.append(np.abs(estimates - pooling._truth()) < 1.972 * np.sqrt(variances))
    assert np.mean(inside, 0) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 600))


def test_the_ratio_of_known_draws_is_one_and_of_narrow_draws_is_not() -> None:
    random = np.random.default_rng(2)
    tables, m, added = 2000, 10, 0.3
    complete = random.normal(size=(tables, 3))
    centre = complete + added * random.normal(size=(tables, 3))
    for width, expected in ((1.0, 1.0), (0.5, 0.25)):
        draws = centre + width * added * random.normal(size=(m, tables, 3))
        pooled = np.stack(
            [draws.mean(0), draws.var(0, ddof=1), draws.mean(0) - 1, draws.mean(0) + 1], 2
        )
        rows = list(rows_of("known", "chance", pooled, complete, m, 0.0))
        for row in rows:
            assert row.ratio == pytest.approx(expected, abs=4 * row.ratio_error)
            assert 0 < row.ratio_error < 0.1


def test_a_run_yields_three_rows_and_an_improper_method_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def column_means(table: np.ndarray, m: int, seed: int) -> np.ndarray:
        return np.stack([np.where(np.isnan(table), np.nanmean(table, 0), table)] * m)

    monkeypatch.setitem(pooling.METHODS, "column means", column_means)
    items = list(run(Config(("column means",), ("chance",), tables=60, draws=3)))
    rows = [item for item in items if isinstance(item, Row)]
    assert [row.estimand for row in rows] == list(pooling.ESTIMANDS)
    assert rows[0].ratio < 1e-9
    assert rows[2].coverage < 0.9
    assert "ratio 0.00" in rows[0].sentence()


def test_unknown_names_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="expected names among"):
        Config(("mice",))
    with pytest.raises(ValueError, match="at least 2"):
        Config(draws=1)
