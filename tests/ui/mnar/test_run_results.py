"""What the figures of the MNAR lab are made of: a run as it was told, and the shipped one."""

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
from tests.ui.clusters.small_run import PLAN, finished
from ui.mnar import shipped
from ui.mnar.run_results import Story, told
from ui.mnar.side_by_side import STEPS, _doing
from ui.mnar.table_choice import st_table


def test_nothing_told_is_an_empty_story() -> None:
    story = told([])
    assert story == Story()
    assert not story.finished
    assert story.tracks.keys() == set(side_by_side.MODELS)
    assert _doing(story) == "Simple methods first …"


def test_a_story_holds_what_the_run_said() -> None:
    _, _, items = finished(PLAN)
    story, (*_, result) = told(items), items
    frames = [item for item in items if isinstance(item, side_by_side.Frame)]
    assert story.steps == [frame.step for frame in frames]
    assert story.done == 1.0
    for name, track in story.tracks.items():
        assert track.bound == [frame.shots[name].bound for frame in frames]
        assert track.rmse == [frame.shots[name].rmse for frame in frames]
        assert np.array_equal(track.guess, frames[-1].shots[name].guess)
    assert story.tracks["MIWAE"].curves is None
    assert np.array_equal(story.tracks["not-MIWAE"].curves, frames[-1].shots["not-MIWAE"].learned)
    assert story.baselines.keys() == set(TABLE_BASELINES)
    for name, answer in result.answers.items():
        said = story.answers[name]
        assert said["RMSE"] == answer.rmse.mean.item()
        assert said["±"] == answer.rmse.standard_error.item()
        assert said["90 % coverage"] == answer.coverage
        assert said["ESS"] == answer.ess.median().item()


def test_a_story_grows_with_its_run_and_is_finished_at_its_end_alone() -> None:
    _, _, items = finished(PLAN)
    stories = [told(items[:end]) for end in range(len(items) + 1)]
    assert [story.finished for story in stories] == [False] * len(items) + [True]
    for before, after in pairwise(stories):
        assert after.steps[: len(before.steps)] == before.steps
        assert after.done >= before.done
    assert _doing(stories[-2]) == "Imputing with many samples, and one more baseline …"
    middle = next(story for story in stories if story.steps)
    assert _doing(middle) == f"Training, step {middle.steps[-1]}"


def test_of_own_holes_no_error_is_told() -> None:
    _, _, items = finished(None)
    story = told(items)
    assert all(math.isnan(rmse) for track in story.tracks.values() for rmse in track.rmse)
    assert all(len(track.guess) == 0 for track in story.tracks.values())
    assert all(math.isfinite(bound) for track in story.tracks.values() for bound in track.bound)


# --- the shipped run --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first() -> shipped.Shipped:
    return shipped.st_story.__wrapped__()


def test_the_shipped_run_is_the_one_that_is_asked_for_at_first(first: shipped.Shipped) -> None:
    assert first.config == side_by_side.SHOWN
    assert hash(first.config) == hash(side_by_side.SHOWN)
    assert first.config.steps == STEPS["Normal"]


def test_the_shipped_run_is_whole_and_fits_its_table(first: shipped.Shipped) -> None:
    story = first.story
    assert story.finished
    assert story.steps == list(accumulate(story.steps, max))
    assert story.baselines.keys() == set(TABLE_BASELINES)
    problem = ampute(st_table("breast").known, side_by_side.SHOWN.plan)
    rows = side_by_side.watched_rows(problem)
    truth = problem.truth.x[rows][problem.hidden[rows]].numpy()
    for track in story.tracks.values():
        assert len(track.bound) == len(track.rmse) == len(story.steps)
        assert track.guess.shape == truth.shape
        # The guesses are those whose error is told last.
        assert np.sqrt(np.mean((track.guess - truth) ** 2)) == pytest.approx(
            track.rmse[-1], rel=0.2
        )
    assert story.tracks["not-MIWAE"].curves.shape == (len(problem.losing), len(side_by_side.GRID))
    ours, theirs = story.answers["not-MIWAE"], story.answers["MIWAE"]
    assert ours["RMSE"] + 3 * (ours["±"] + theirs["±"]) < theirs["RMSE"]


@pytest.mark.parametrize("name", side_by_side.MODELS)
def test_the_shipped_models_are_those_of_the_shipped_run(
    name: str, first: shipped.Shipped
) -> None:
    model = zoo.load(shipped.WEIGHTS[name])
    problem = ampute(st_table("breast").known, side_by_side.SHOWN.plan)
    sample = weighted_completions(model, problem.masked, 200, generator(0))
    mean, _ = mean_and_variance(sample)
    error, _ = side_by_side.rmse_of_table(mean, problem.truth.x, problem.hidden)
    said = first.story.answers[name]
    assert error.item() == pytest.approx(said["RMSE"], abs=2 * said["±"])


def test_a_run_comes_back_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "RUN", tmp_path / "run.npz")
    _, config, items = finished(PLAN)
    config = replace(config, baselines=("mean", "kNN"))
    story = told(items)
    shipped.write(config, story)
    back = shipped.st_story.__wrapped__()
    assert back.config == config
    assert (back.story.steps, back.story.answers) == (story.steps, story.answers)
    assert back.story.baselines == story.baselines
    for name, track in story.tracks.items():
        again = back.story.tracks[name]
        assert (again.bound, again.rmse) == (track.bound, track.rmse)
        np.testing.assert_allclose(again.guess, track.guess, atol=2e-3)
    curves = back.story.tracks["not-MIWAE"].curves
    np.testing.assert_allclose(curves, story.tracks["not-MIWAE"].curves, atol=1e-3)
