"""Data of the figures of the MNAR lab: the results of a run, and the shipped run."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest

from dgm_core import zoo
from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.missing.amputation import ampute
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.studies.mnar import side_by_side
from tests.ui.mnar.small_run import PLAN, finished
from ui.mnar import shipped
from ui.mnar.run_results import RunResults, results_of
from ui.mnar.side_by_side import STEPS, _progress_text
from ui.mnar.table_choice import st_table


def test_without_items_the_results_are_empty() -> None:
    results = results_of([])
    assert results == RunResults()
    assert not results.finished
    assert results.histories.keys() == set(side_by_side.MODELS)
    assert _progress_text(results) == "Running simple methods first …"


def test_the_results_hold_why_a_simple_method_was_not_computed() -> None:
    reason = "was not computed: it takes longer than 90 s here."
    results = results_of([side_by_side.NotComputed("kNN", reason)])
    assert results.missed == {"kNN": reason}
    assert not results.baselines


def test_the_results_hold_what_the_run_yielded() -> None:
    _, _, items = finished(PLAN)
    results, (*_, result) = results_of(items), items
    frames = [item for item in items if isinstance(item, side_by_side.Frame)]
    assert results.steps == [frame.step for frame in frames]
    assert results.done == 1.0
    for name, history in results.histories.items():
        assert history.bound == [frame.shots[name].bound for frame in frames]
        assert history.rmse == [frame.shots[name].rmse for frame in frames]
        assert np.array_equal(history.guess, frames[-1].shots[name].guess)
    assert results.histories["MIWAE"].curves is None
    assert np.array_equal(
        results.histories["not-MIWAE"].curves, frames[-1].shots["not-MIWAE"].learned
    )
    assert results.baselines.keys() == set(TABLE_BASELINES)
    for name, answer in result.answers.items():
        scores = results.answers[name]
        assert scores["RMSE"] == answer.rmse.mean.item()
        assert scores["±"] == answer.rmse.standard_error.item()
        assert scores["90 % coverage"] == answer.coverage
        assert scores["ESS"] == answer.ess.median().item()


def test_the_results_grow_with_the_run_and_are_finished_only_at_its_end() -> None:
    _, _, items = finished(PLAN)
    stages = [results_of(items[:end]) for end in range(len(items) + 1)]
    assert [results.finished for results in stages] == [False] * len(items) + [True]
    for before, after in pairwise(stages):
        assert after.steps[: len(before.steps)] == before.steps
        assert after.done >= before.done
    assert (
        _progress_text(stages[-2]) == "Imputing with many samples, then one more simple method …"
    )
    middle = next(results for results in stages if results.steps)
    assert _progress_text(middle) == f"Training, step {middle.steps[-1]}"


def test_cells_missing_in_an_uploaded_table_have_no_error() -> None:
    _, _, items = finished(None)
    results = results_of(items)
    assert all(math.isnan(rmse) for history in results.histories.values() for rmse in history.rmse)
    assert all(len(history.guess) == 0 for history in results.histories.values())
    assert all(
        math.isfinite(bound) for history in results.histories.values() for bound in history.bound
    )


# --- the shipped run --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first() -> shipped.Shipped:
    return shipped.st_run.__wrapped__()


def test_the_shipped_run_is_the_first_requested_run(first: shipped.ShippedRun) -> None:
    assert first.config == side_by_side.SHOWN
    assert hash(first.config) == hash(side_by_side.SHOWN)
    assert first.config.steps == STEPS["Normal"]


def test_the_shipped_run_is_complete_and_fits_its_table(first: shipped.ShippedRun) -> None:
    results = first.results
    assert results.finished
    assert results.steps == list(accumulate(results.steps, max))
    assert results.baselines.keys() == set(TABLE_BASELINES)
    problem = ampute(st_table("breast").known, side_by_side.SHOWN.plan)
    rows = side_by_side.watched_rows(problem)
    true_values = problem.original.x[rows][problem.hidden[rows]].numpy()
    for history in results.histories.values():
        assert len(history.bound) == len(history.rmse) == len(results.steps)
        assert history.guess.shape == true_values.shape
        # The imputed values belong to the last error.
        assert np.sqrt(np.mean((history.guess - true_values) ** 2)) == pytest.approx(
            history.rmse[-1], rel=0.2
        )
    assert results.histories["not-MIWAE"].curves.shape == (
        len(problem.masked.losing),
        len(side_by_side.GRID),
    )
    ours, theirs = results.answers["not-MIWAE"], results.answers["MIWAE"]
    assert ours["RMSE"] + 3 * (ours["±"] + theirs["±"]) < theirs["RMSE"]


@pytest.mark.parametrize("name", side_by_side.MODELS)
def test_the_shipped_models_are_those_of_the_shipped_run(
    name: str, first: shipped.Shipped
) -> None:
    model = zoo.load(shipped.WEIGHTS[name])
    problem = ampute(st_table("breast").known, side_by_side.SHOWN.plan)
    sample = weighted_completions(model, problem.masked, 200, generator(0))
    mean, _ = mean_and_variance(sample)
    error, _ = side_by_side.rmse_of_table(mean, problem.original.x, problem.hidden)
    scores = first.results.answers[name]
    assert error.item() == pytest.approx(scores["RMSE"], abs=2 * scores["±"])


def test_a_written_run_is_read_back_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "RUN", tmp_path / "run.npz")
    _, config, items = finished(PLAN)
    config = replace(config, baselines=("mean", "kNN"))
    results = results_of(items)
    shipped.write(config, results)
    back = shipped.st_run.__wrapped__()
    assert back.config == config
    assert (back.results.steps, back.results.answers) == (results.steps, results.answers)
    assert back.results.baselines == results.baselines
    for name, history in results.histories.items():
        again = back.results.histories[name]
        assert (again.bound, again.rmse) == (history.bound, history.rmse)
        np.testing.assert_allclose(again.guess, history.guess, atol=2e-3)
    curves = back.results.histories["not-MIWAE"].curves
    np.testing.assert_allclose(curves, results.histories["not-MIWAE"].curves, atol=1e-3)
