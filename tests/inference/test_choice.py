"""The comparison of methods on cells that were hidden."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer

from dgm_core.estimators import NotMIWAEImputer
from dgm_core.estimators.coding import TableCoding
from dgm_core.inference import choice
from dgm_core.inference.cell_scores import SCORES, cell_scores
from dgm_core.inference.choice import METHODS, Config, Frame, Result, run, sentence, steps
from dgm_core.inference.hold_out import FEWEST, MECHANISMS, hold_out
from dgm_core.metrics.energy import energy_distance
from tests.estimators.tables import ampute, two_factors

QUICK = Config(methods=("mean", "kNN", "norm"), repetitions=3, draws=5)


def mixed(rows: int = 150, seed: int = 0) -> pd.DataFrame:
    """Two numbers, a boolean and three levels that depend on each other; 10 % are missing."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    table = pd.DataFrame(
        {
            "a": z + 0.3 * rng.normal(size=rows),
            "b": 50 - 20 * z + rng.normal(size=rows),
            "c": z + 0.3 * rng.normal(size=rows) > 0,
            "d": np.array(["low", "middle", "high"])[np.digitize(z, [-0.5, 0.5])],
        }
    )
    return table.mask(rng.random(table.shape) < 0.1)


def bent(rows: int = 500) -> NDArray:
    """Columns that are no linear function of each other."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, rows)
    columns = [x, np.cos(2.5 * x), x**2]
    return np.stack(columns, 1) + 0.05 * rng.normal(size=(rows, 3))


def result_of(config: Config, table: NDArray | pd.DataFrame, **more: choice.Factory) -> Result:
    *_, result = run(config, table, METHODS | more)
    assert isinstance(result, Result)
    return result


# --- what is hidden ----------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("fraction", [0.1, 0.4])
def test_the_fraction_is_that_of_known_cells(mechanism: str, fraction: float) -> None:
    table = ampute(two_factors(3000))
    coding = TableCoding.learn(table)
    held, probability = hold_out(coding.encode(table), coding, mechanism, fraction, seed=0)
    known = ~np.isnan(table)
    assert not (held & ~known).any()
    losing = probability.max(0) > 0
    assert losing.sum() == (6 if mechanism == "chance" else 3)
    assert not held[:, ~losing].any()
    rate = held[:, losing].sum() / known[:, losing].sum()
    assert abs(rate - fraction) < 4 * math.sqrt(fraction / known[:, losing].sum()) + 0.01


def test_high_values_go_missing_more_often() -> None:
    table = two_factors(1000)
    coding = TableCoding.learn(table)
    held, probability = hold_out(coding.encode(table), coding, "high values", 0.3, seed=0)
    for j in np.flatnonzero(probability.max(0) > 0):
        order = table[:, j].argsort()
        assert (np.diff(probability[order, j]) >= -1e-6).all()
        assert table[held[:, j], j].mean() > table[~held[:, j], j].mean() + 0.5 * table[:, j].std()


def test_missing_at_random_depends_on_the_other_columns_only() -> None:
    table = ampute(two_factors(1000))
    coding = TableCoding.learn(table)
    rows = coding.encode(table)
    held, probability = hold_out(rows, coding, "other columns", 0.3, seed=0)
    losing = probability.max(0) > 0
    # Other values in the columns that lose cells change nothing, bit for bit.
    changed = np.where(losing & ~np.isnan(table), np.exp(3 + table / 50), table)
    again = hold_out(
        TableCoding.learn(changed).encode(changed), coding, "other columns", 0.3, seed=0
    )
    assert np.array_equal(again.held, held)
    assert np.array_equal(again.probability, probability)
    # Other values in the columns that keep their cells do.
    changed = np.where(losing, table, table[::-1])
    other = hold_out(coding.encode(changed), coding, "other columns", 0.3, seed=0)
    assert not np.allclose(other.probability, probability)
    assert (probability[:, losing].std(0) > 0.1).all()


def test_two_repetitions_hide_cells_of_every_column() -> None:
    table = two_factors(100)
    coding = TableCoding.learn(table)
    rows = coding.encode(table)
    for first in (0, 2, 4):
        pair = [
            hold_out(rows, coding, "other columns", 0.3, 0, first + i).probability.max(0) > 0
            for i in range(2)
        ]
        assert (pair[0] ^ pair[1]).all()


def test_a_column_with_few_values_keeps_them() -> None:
    table = two_factors(60)
    table[3:, 2] = np.nan
    coding = TableCoding.learn(table)
    for repetition in range(50):
        held, _ = hold_out(coding.encode(table), coding, "chance", 0.5, 0, repetition)
        assert (~np.isnan(table) & ~held).sum(0).min() >= FEWEST


def test_one_column_has_no_other_columns() -> None:
    with pytest.raises(ValueError, match="at least 2 columns"):
        result_of(replace(QUICK, mechanism="other columns"), two_factors(50)[:, :1])


# --- scores ------------------------------------------------------------------------------------


def test_scores_equal_naive_loops() -> None:
    table = mixed(40)
    coding = TableCoding.learn(table)
    truth = coding.encode(table)
    held, _ = hold_out(truth, coding, "chance", 0.3, seed=0)
    n = 4
    rng = np.random.default_rng(1)
    completed = truth.x.repeat(n, 1, 1)
    completed[..., :2] += torch.from_numpy(rng.normal(size=(n, 40, 2)))
    completed[..., 2] = torch.from_numpy(rng.integers(0, 2, (n, 40)))
    completed[..., 3:] = torch.from_numpy(np.eye(3)[rng.integers(0, 3, (n, 40))])
    found = cell_scores(completed, truth, held, coding, draws=n)
    crps, squares, brier, log_score = [], [], [], []
    for i, j in zip(*np.nonzero(held), strict=True):
        if j < 2:
            x, y = completed[:, i, j].double().numpy(), float(truth.x[i, j])
            pairs = [abs(a - b) for a, b in itertools.permutations(x, 2)]
            crps.append(np.abs(x - y).mean() - np.mean(pairs) / 2)
            squares.append((x.mean() - y) ** 2)
            continue
        drawn = completed[:, i, 2] if j == 2 else completed[:, i, 3:].argmax(1)
        true_level = int(truth.x[i, 2]) if j == 2 else int(truth.x[i, 3:].argmax())
        levels = 2 if j == 2 else 3
        p = np.array([float((drawn == level).double().mean()) for level in range(levels)])
        brier.append(sum((p[level] - (level == true_level)) ** 2 for level in range(levels)))
        log_score.append(-math.log((n * p[true_level] + 1 / levels) / (n + 1)))
    assert found["CRPS"] == pytest.approx(np.mean(crps), rel=1e-5)
    assert found["RMSE"] == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-5)
    assert found["Brier score"] == pytest.approx(np.mean(brier), rel=1e-5)
    assert found["log score"] == pytest.approx(np.mean(log_score), rel=1e-5)


def test_a_perfect_completion_has_perfect_scores_and_a_point_no_coverage() -> None:
    table = mixed()
    coding = TableCoding.learn(table)
    truth = coding.encode(table)
    held, _ = hold_out(truth, coding, "chance", 0.3, seed=0)
    found = cell_scores(truth.x.repeat(20, 1, 1), truth, held, coding, draws=20)
    assert found["RMSE"] == found["Brier score"] == 0
    assert abs(found["CRPS"]) < 1e-15
    assert found["energy distance"] == 0
    assert found["90 % coverage"] == 1
    point = cell_scores(truth.x[None] + 0.5, truth, held, coding, draws=20)
    assert point["CRPS"] == pytest.approx(0.5, abs=1e-6)
    assert math.isnan(point["90 % coverage"])


def test_the_energy_distance_equals_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), 1 + rng.normal(size=(5, 3))

    def mean(a: NDArray, b: NDArray) -> float:
        return float(np.mean([np.linalg.norm(p - q) for p in a for q in b]))

    expected = 2 * mean(x, y) - mean(x, x) - mean(y, y)
    found = energy_distance(torch.from_numpy(x), torch.from_numpy(y)).item()
    assert found == pytest.approx(expected, rel=1e-12)


# --- the study ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["chance", "other columns"])
def test_nothing_is_clearly_better_than_the_right_model_of_gaussian_columns(
    mechanism: str,
) -> None:
    config = Config(
        methods=("mean", "kNN", "norm", "PMM", "CART", "MFA"), mechanism=mechanism, fraction=0.15
    )
    result = result_of(config, ampute(two_factors(400), 0.1))
    found = result.recommendation
    assert found is not None
    assert found.criterion == "CRPS"
    best = {found.winner, *found.ties}
    assert {"norm", "MFA"} <= best
    assert not {"mean", "kNN"} & best
    means = {row.method: row.mean for row in result.rows}
    assert 0.82 < means["norm"]["90 % coverage"] < 0.97
    assert math.isnan(means["mean"]["90 % coverage"])


@pytest.mark.slow
def test_trees_win_on_bent_columns() -> None:
    config = Config(methods=("mean", "norm", "PMM", "CART"), fraction=0.1, repetitions=8)
    found = result_of(config, bent()).recommendation
    assert found is not None
    assert found.winner == "CART"
    assert not found.ties
    assert found.margin.value > 3 * found.margin.error > 0


def test_a_mixed_table_is_scored_on_numbers_and_levels() -> None:
    result = result_of(replace(QUICK, methods=("mean", "kNN", "PMM", "CART")), mixed())
    assert not result.failures
    for row in result.rows:
        for score in SCORES:
            assert len(row.each[score]) == 3
            point = row.method in {"mean", "kNN"} and score == "90 % coverage"
            assert math.isnan(row.mean[score]) == point, (row.method, score)
    by_name = {row.method: row.mean for row in result.rows}
    for score in ("CRPS", "Brier score", "log score"):
        assert by_name["PMM"][score] < by_name["mean"][score]


def test_a_table_of_levels_is_judged_by_the_brier_score() -> None:
    found = result_of(replace(QUICK, methods=("mean", "PMM")), mixed()[["c", "d"]]).recommendation
    assert found is not None
    assert (found.criterion, found.winner) == ("Brier score", "PMM")


def test_the_result_follows_the_seed_and_uses_a_part_of_a_large_table() -> None:
    table = ampute(two_factors(300))
    config = replace(QUICK, fit_rows=100)
    results = [result_of(config, table), result_of(config, table)]
    assert repr(results[0]) == repr(results[1])
    assert repr(result_of(replace(config, seed=1), table)) != repr(results[0])
    sizes = set()

    class Watching(SimpleImputer):
        def fit(self, X: NDArray, y: None = None) -> Watching:
            sizes.add(len(X))
            return super().fit(X)

    result_of(replace(config, methods=("watching",)), table, watching=lambda seed: Watching())
    assert sizes == {100}


def test_a_rare_column_has_values_in_every_part() -> None:
    table = two_factors(500)
    table[4:, 1] = np.nan
    result = result_of(replace(QUICK, fit_rows=50), table)
    assert not result.failures


def test_frames_count_methods_and_the_study_stops_at_any_step() -> None:
    table = ampute(two_factors(60))
    frames = [item for item in run(QUICK, table) if isinstance(item, Frame)]
    assert len(frames) == 9
    assert [frame.done for frame in frames] == pytest.approx(np.arange(1, 10) / 9)
    assert {frame.method for frame in frames} == set(QUICK.methods)
    running = steps(QUICK, table)
    assert next(item for item in running if item is None) is None
    running.close()


def test_a_method_that_crashes_is_a_sentence_and_the_others_go_on() -> None:
    class Broken(SimpleImputer):
        def transform(self, X: NDArray) -> NDArray:
            raise RuntimeError("matrix is singular\n  a second line")

    class Verbose(SimpleImputer):
        def transform(self, X: NDArray) -> NDArray:
            raise ValueError("a level is unknown: " + "0.5, " * 1000)

    class Idle(SimpleImputer):
        def transform(self, X: NDArray) -> NDArray:
            return X

    config = replace(QUICK, methods=("broken", "mean", "idle"))
    result = result_of(
        config, two_factors(50), broken=lambda seed: Broken(), idle=lambda seed: Idle()
    )
    assert [failure.sentence for failure in result.failures] == [
        "broken could not complete this table: matrix is singular.",
        "idle could not complete this table: it left cells missing.",
    ]
    assert [row.method for row in result.rows] == ["mean"]
    assert result.recommendation is not None
    assert sentence(result.recommendation) == "mean is the only method that completed the table."
    config = replace(config, methods=("verbose",))
    result = result_of(config, two_factors(50), verbose=lambda seed: Verbose())
    assert result.recommendation is None
    (failure,) = result.failures
    assert len(failure.sentence) < 260
    assert failure.sentence.endswith(" ….")


def test_not_miwae_takes_part_only_if_the_caller_adds_it() -> None:
    assert not any(
        isinstance(factory(0), NotMIWAEImputer) or "not" in name
        for name, factory in METHODS.items()
    )
    with pytest.raises(ValueError, match=r"expected methods among .* got .*not-MIWAE"):
        next(run(replace(QUICK, methods=("not-MIWAE",)), two_factors(30)))
    result = result_of(
        replace(QUICK, methods=("mean", "not-MIWAE"), repetitions=2),
        ampute(two_factors(60)),
        **{"not-MIWAE": lambda seed: NotMIWAEImputer(hidden=8, epochs=1, random_state=seed)},
    )
    assert {row.method for row in result.rows} == {"mean", "not-MIWAE"}


def test_sentences_name_ties_and_clear_winners() -> None:
    result = result_of(QUICK, ampute(two_factors(400)))
    assert result.recommendation is not None
    words = sentence(result.recommendation)
    assert words.startswith("norm has the lowest CRPS: ")
    assert words.endswith("The differences from all other methods are clear.")
    tied = result.recommendation._replace(ties=("kNN",))
    assert "kNN ties with it: chance alone can explain the difference." in sentence(tied)
    tied = result.recommendation._replace(ties=("kNN", "MFA", "PMM"))
    assert "kNN, MFA and PMM tie with it" in sentence(tied)


@pytest.mark.slow
def test_all_methods_complete_a_mixed_table_or_say_why_not() -> None:
    result = result_of(Config(repetitions=2, fit_rows=60, draws=5), mixed())
    assert {row.method for row in result.rows} >= {*METHODS} - {"MFA"}
    assert {failure.method for failure in result.failures} <= {"MFA"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ()}, "at least one"),
        ({"methods": ("mean", "mean")}, "expected different methods"),
        ({"mechanism": "luck"}, "expected a mechanism among"),
        ({"fraction": 0.9}, "expected fraction from 0.01 to 0.5, got 0.9"),
        ({"repetitions": 1}, "expected repetitions from 2"),
    ],
)
def test_wrong_settings_are_reported(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**settings)
