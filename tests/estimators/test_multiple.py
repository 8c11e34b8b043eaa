"""Proper multiple imputation, and probabilities of levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgm_core.estimators import IMIWAEImputer, MFAImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.inference import pool

IMPUTERS = {
    "mfa": lambda **settings: MFAImputer(1, 1, **settings),
    "miwae": lambda **settings: MIWAEImputer(hidden=8, epochs=5, samples=20, **settings),
    "not-miwae": lambda **settings: NotMIWAEImputer(hidden=8, epochs=5, samples=20, **settings),
    "im-iwae": lambda **settings: IMIWAEImputer(hidden=8, epochs=5, samples=20, **settings),
}


def incomplete(rows: int = 60, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 1)) + 0.5 * random.normal(size=(rows, 3))
    x[random.random(rows) < 0.4, 0] = np.nan
    return x


@pytest.mark.parametrize("name", IMPUTERS)
def test_draws_are_proper_by_default_and_follow_their_seed(name: str) -> None:
    table = incomplete()
    imputer = IMPUTERS[name]().fit(table)
    draws = np.stack(imputer.sample_imputations(table, 3, 7))
    seen = ~np.isnan(table)
    assert draws.shape == (3, *table.shape)
    assert np.isfinite(draws).all()
    assert (draws[:, seen] == table[seen]).all()
    np.testing.assert_array_equal(draws, np.stack(imputer.sample_imputations(table, 3, 7)))
    assert not np.array_equal(draws, np.stack(imputer.sample_imputations(table, 3, 8)))
    improper = np.stack(imputer.sample_imputations(table, 3, 7, proper=False))
    assert not np.array_equal(draws, improper)
    # One draw has the fitted model.
    one = np.stack(imputer.sample_imputations(table, 1, 7))
    np.testing.assert_array_equal(
        one, np.stack(imputer.sample_imputations(table, 1, 7, proper=False))
    )


@pytest.mark.parametrize("name", IMPUTERS)
def test_models_fitted_beforehand_are_used_for_parts_of_the_table(name: str) -> None:
    table = incomplete()
    imputer = IMPUTERS[name]().fit(table)
    list(imputer.replicate_steps(table, 3, 5))
    assert len(imputer.replicates_) == 3
    numbers = list(range(len(table)))
    whole = np.stack(imputer.sample_imputations(table, 3, 5, numbers=numbers))
    part = np.stack(imputer.sample_imputations(table[20:], 3, 5, numbers=numbers[20:]))
    np.testing.assert_allclose(whole[:, 20:], part, rtol=1e-5)


def test_a_dataframe_gives_dataframes_and_keeps_its_index() -> None:
    table = pd.DataFrame(incomplete(), index=range(100, 160), columns=["a", "b", "c"])
    draws = MFAImputer(1, 1).fit(table).sample_imputations(table, 2)
    assert [list(each.index) for each in draws] == [list(table.index)] * 2


@pytest.mark.slow
def test_pooled_intervals_cover_if_draws_are_proper_and_only_then() -> None:
    """The mean of a column of which half is missing, 200 tables: the ratio of B is near 1."""
    tables, m, rows = 200, 10, 80
    found = {True: [], False: []}
    for seed in range(tables):
        random = np.random.default_rng(seed)
        z = random.normal(size=rows)
        x = np.c_[0.6 * z + 0.8 * random.normal(size=rows), z]
        complete = x[:, 0].mean()
        x[random.random(rows) < 0.5, 0] = np.nan
        imputer = MFAImputer(1, 1).fit(x)
        for proper, results in found.items():
            y = np.stack(imputer.sample_imputations(x, m, seed, proper=proper))[:, :, 0]
            pooled = pool(y.mean(1), y.var(1, ddof=1) / rows, rows - 1)
            low, high = pooled.interval()
            results.append((pooled.between, pooled.estimate - complete, low <= 0 <= high))
    ratios, coverages = {}, {}
    for proper, results in found.items():
        between, added, inside = np.array(results, float).T
        ratios[proper] = between.mean() / (added.var(ddof=1) - between.mean() / m)
        coverages[proper] = inside.mean()
    error = ratios[True] * np.sqrt(2 / tables)
    assert abs(ratios[True] - 1) < 3 * error + 0.1
    assert ratios[False] < 0.75
    assert coverages[True] > 0.95 - 3 * np.sqrt(0.95 * 0.05 / tables)
    assert coverages[False] < coverages[True]


def mixed(rows: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns that depend on one number; a quarter of the cells are hidden."""
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    colour = np.where(z + random.normal(size=rows) > 1, "red", "blue")
    colour = np.where(z + random.normal(size=rows) < -1, "green", colour)
    full = pd.DataFrame(
        {
            "x": z + 0.3 * random.normal(size=rows),
            "y": 10 + 2 * z + random.normal(size=rows),
            "smokes": np.where(z + random.normal(size=rows) > 0.5, "yes", "no"),
            "colour": colour,
        }
    )
    hidden = random.random(full.shape) < 0.25
    return full, full.mask(hidden)


@pytest.mark.parametrize("name", ["mfa", "miwae"])
def test_probabilities_of_levels_sum_to_one_and_are_calibrated(name: str) -> None:
    full, table = mixed()
    imputers = {
        "mfa": lambda: MFAImputer(),
        "miwae": lambda: MIWAEImputer(hidden=32, epochs=60, samples=200),
    }
    imputer = imputers[name]().fit(table)
    probabilities = imputer.impute_proba(table)
    assert set(probabilities) == {"smokes", "colour"}
    for column, p in probabilities.items():
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
        seen = table[column].notna()
        assert (p[seen].max(axis=1) == 1).all()
        assert (p[seen].idxmax(axis=1) == table.loc[seen, column]).all()
        # Bins of probability, weighted by their cells.
        off, cells = 0.0, 0
        for level in p:
            q, is_level = p.loc[~seen, level], full.loc[~seen, column] == level
            for _, rows in q.groupby((q * 5).astype(int).clip(0, 4)):
                off += abs(is_level[rows.index].mean() - rows.mean()) * len(rows)
                cells += len(rows)
        assert off / cells < 0.05
        draws = imputer.sample_imputations(table, 20, proper=False)
        frequency = np.mean([each.loc[~seen, column] == p.columns[0] for each in draws])
        assert frequency == pytest.approx(p.loc[~seen].iloc[:, 0].mean(), abs=0.04)
    completed = imputer.transform(table)
    assert completed.notna().all().all()
    for column in ("smokes", "colour"):
        hidden = table[column].isna()
        right = (completed[column] == full[column])[hidden].mean()
        assert right > full[column].value_counts(normalize=True).max() + 0.03
