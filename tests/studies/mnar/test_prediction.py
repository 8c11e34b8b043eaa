"""The comparison of predictions: runs, paired differences, and the summary."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch

from dgm_core import data
from dgm_core.metrics.comparison import RULE
from dgm_core.missing.amputation import Amputation
from dgm_core.rng import generator, normal
from dgm_core.studies.mnar import prediction
from dgm_core.studies.mnar.prediction import METHODS, ORACLE, SUP_NOT, TASKS, Config

PLAN = Amputation(columns=(0,))
QUICK = {"steps": 4, "draws": 3, "hidden": 8, "samples": 20, "runs": 2}


def table(rows: int = 80) -> pd.DataFrame:
    x = normal((rows, 1), generator(0)) + 0.5 * normal((rows, 3), generator(1))
    return pd.DataFrame(x.numpy().astype(np.float64), columns=["a", "b", "c"])


def classes(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(np.where(frame["a"] + frame["b"] > 0, "yes", "no"))


def scores(**by_method: list[float]) -> dict[str, list[Mapping[str, float]]]:
    """Scores of a regression with the given RMSE."""
    names = {"oracle": ORACLE, "mean": "mean, then predict", "sup": "supMIWAE", "ours": SUP_NOT}
    return {
        names[key]: [{"RMSE": e, "RMSE in units": 10 * e, "log density": -e} for e in each]
        for key, each in by_method.items()
    }


@pytest.fixture(scope="module")
def items() -> list[prediction.Frame | prediction.Result]:
    frame = table()
    config = Config("toy", PLAN, **QUICK)
    return list(prediction.run(config, frame, classes(frame)))


def test_a_frame_follows_each_method_of_each_run(items: list) -> None:
    *frames, result = items
    assert [(frame.run, frame.method) for frame in frames] == [
        (number, method) for number in range(2) for method in METHODS
    ]
    assert [frame.done for frame in frames] == [(n + 1) / 14 for n in range(14)]
    for row in result.rows:
        own = [frame.scores for frame in frames if frame.method == row.method]
        assert row.each == tuple(each["log loss"] for each in own)
        assert row.mean["AUC"] == pytest.approx(sum(each["AUC"] for each in own) / 2)


def test_runs_differ_and_are_reproducible(items: list) -> None:
    frame = table()
    *_, again = prediction.run(Config("toy", PLAN, **QUICK), frame, classes(frame))
    assert again == items[-1]
    *_, other = prediction.run(Config("toy", PLAN, **QUICK, seed=1), frame, classes(frame))
    for before, after in zip(again.rows, other.rows, strict=True):
        assert len({*before.each, *after.each}) == 4


def test_no_method_uses_the_targets_of_test_rows() -> None:
    frame = table()
    y = torch.from_numpy((classes(frame) == "yes").to_numpy().astype(np.int64))
    config = Config("toy", PLAN, **QUICK)
    split, test_y, _ = prediction._split(config, 0, frame, y)
    test = torch.randperm(80, generator=generator(0))[:20]
    assert torch.equal(test_y, y[test])
    y[test] = 1 - y[test]
    other, _, _ = prediction._split(config, 0, frame, y)
    for before, after in zip(split, other, strict=True):
        if isinstance(before, torch.Tensor):
            assert torch.equal(before, after)
        elif hasattr(before, "observed"):
            assert torch.equal(before.x, after.x)
            assert torch.equal(before.observed, after.observed)


def test_both_parts_lose_values_and_are_standardised_by_the_training_part() -> None:
    frame = 5 * table(400) + 3
    target = torch.tensor(frame["c"].to_numpy())
    config = Config("toy", PLAN, task="regression", **QUICK)
    split, test_y, unit = prediction._split(config, 1, frame, target)
    for known, masked in ((split.known, split.masked), (split.test_known, split.test_masked)):
        assert known.observed.all()
        high = known.x[:, 0] > 0.2
        assert not masked.observed[high, 0].any()
        assert masked.observed[:, 1:].all()
    torch.testing.assert_close(split.known.x.mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(split.y.std(), torch.tensor(1.0))
    assert len(test_y) == 100
    assert unit == pytest.approx(frame["c"].std(), rel=0.1)


def test_differences_are_paired_by_run() -> None:
    found = prediction.result(
        Config("toy", PLAN, task="regression"),
        scores(oracle=[0.1, 0.5], mean=[0.4, 0.9], ours=[0.3, 0.7]),
    )
    oracle, mean, ours = found.rows
    assert mean.behind == pytest.approx(0.15)
    # s² (1/2 + 1/3) instead of s²/2: a quarter of the rows are test rows in both runs
    assert mean.behind_error == pytest.approx(0.05 * math.sqrt(5 / 3))
    assert mean.error["RMSE"] == pytest.approx(0.25 * math.sqrt(5 / 3))
    assert oracle.behind == pytest.approx(-0.2)
    assert (ours.behind, ours.behind_error) == (0, 0)


def sentence_of(**by_method: list[float]) -> str:
    config = Config("toy", PLAN, task="regression")
    return prediction.sentence(prediction.result(config, scores(**by_method)))


def test_the_sentence_names_worse_tied_and_better_methods() -> None:
    ours = [0.4, 0.4, 0.4, 0.4, 0.4]
    high, low = [1.0, 1.05, 0.95, 1.0, 1.0], [0.2, 0.21, 0.19, 0.2, 0.2]
    spread = [0.5, 0.2, 0.4, 0.3, 0.6]
    words = sentence_of(oracle=low, mean=high, sup=spread, ours=ours)
    assert words == (
        f"By RMSE, sup-not-MIWAE is better than “mean, then predict”, tied with “supMIWAE”. {RULE}"
    )
    words = sentence_of(mean=high, sup=low, ours=ours)
    assert "is better than “mean, then predict”, worse than “supMIWAE”. " in words
    words = sentence_of(mean=high, sup=[2 * each for each in high], ours=ours)
    assert "is better than “mean, then predict” and “supMIWAE”. " in words


def test_a_gap_of_three_naive_errors_over_five_splits_is_a_tie() -> None:
    """Splits overlap, five splits leave four degrees of freedom, and two methods are compared."""
    gap = np.array([0.1, 0.02, 0.06, 0.09, 0.05])
    assert gap.mean() > 3 * gap.std(ddof=1) / math.sqrt(5)
    words = sentence_of(mean=[*(0.4 + gap)], sup=[0.4] * 5, ours=[0.4] * 5)
    assert "sup-not-MIWAE is tied with “mean, then predict” and “supMIWAE”." in words


def test_rows_without_a_target_are_left_out_and_missing_cells_stay() -> None:
    frame = table()
    target = classes(frame).where(frame.index % 10 != 0)
    frame.loc[::7, "b"] = np.nan
    *_, found = prediction.run(Config("toy", None, **QUICK), frame, target)
    assert [row.method for row in found.rows] == [name for name in METHODS if name != ORACLE]
    assert all(math.isfinite(row.mean["log loss"]) for row in found.rows)


def test_a_target_that_cannot_be_predicted_is_an_error() -> None:
    frame = table()
    with pytest.raises(ValueError, match="only one class"):
        next(prediction.run(Config("toy", PLAN, **QUICK), frame, pd.Series(["yes"] * 80)))
    with pytest.raises(ValueError, match="runs"):
        Config("toy", PLAN, runs=1)
    with pytest.raises(ValueError, match="task"):
        Config("toy", PLAN, task="clustering")


@pytest.mark.parametrize("name", TASKS)
def test_shipped_tasks_hide_the_first_half_of_the_numeric_columns(name: str) -> None:
    if not data.is_available(name):
        pytest.skip(f"{name} is not on this machine")
    config, features, target = prediction.task_of(name, 3)
    assert (config.task, config.runs) == (data.TABLES[name].task, 3)
    assert target.name not in features
    numeric = [j for j, column in enumerate(features) if features[column].dtype == np.float64]
    assert config.plan.columns == tuple(numeric[: len(numeric) // 2])


def test_a_class_without_training_rows_is_no_error() -> None:
    frame = table()
    y = classes(frame)
    test = torch.randperm(80, generator=generator(0))[:20]
    y[test[0].item()] = "rare"
    *_, found = prediction.run(Config("toy", PLAN, **QUICK), frame, y)
    assert all(math.isfinite(value) for row in found.rows for value in row.mean.values())


def test_every_valid_seed_can_be_run() -> None:
    frame = table()
    *_, found = prediction.run(Config("toy", PLAN, **QUICK, seed=9999), frame, classes(frame))
    assert len(found.rows) == len(METHODS)


def test_no_method_with_missing_values_beats_the_oracle() -> None:
    frame = table(240)
    config = Config("toy", PLAN, **{**QUICK, "steps": 60})
    *_, found = prediction.run(config, frame, classes(frame))
    oracle, mean, *_ = found.rows
    for row in found.rows[1:]:
        slack = 3 * math.hypot(row.error["log loss"], oracle.error["log loss"])
        assert row.mean["log loss"] > oracle.mean["log loss"] - slack - 0.02
    # half of the decisive values are missing: replacing them by the mean must lower the score
    assert mean.mean["log loss"] > 1.2 * oracle.mean["log loss"]
