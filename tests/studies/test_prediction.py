"""Predictions from rows with holes: paired comparisons, said as they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from dgm_core.missing.amputation import Amputation
from dgm_core.studies import prediction
from dgm_core.studies.prediction import METHODS, ORACLE, SUP, SUP_NOT

PLAN = Amputation(columns=(0, 1))
QUICK = prediction.Config("toy", PLAN, steps=60, hidden=16, samples=30, runs=2)


def toy(rows: int = 240) -> tuple[pd.DataFrame, pd.Series]:
    """Four correlated columns; the class is told by the first two."""
    source = np.random.default_rng(0)
    z = source.normal(size=(rows, 1))
    x = z + 0.6 * source.normal(size=(rows, 4))
    y = (x[:, 0] + x[:, 1] + 0.5 * source.normal(size=rows) > 0).astype(int)
    return pd.DataFrame(x, columns=list("abcd")), pd.Series(np.array(["no", "yes"])[y], name="y")


@pytest.fixture(scope="module")
def items() -> list:
    return list(prediction.run(QUICK, *toy()))


def test_every_method_of_every_run_has_a_frame_and_the_result_its_means(items: list) -> None:
    *frames, last = items
    assert [frame.method for frame in frames] == [*METHODS, *METHODS]
    assert frames[-1].done == 1.0
    for row in last.rows:
        each = [frame.scores["accuracy"] for frame in frames if frame.method == row.method]
        assert row.mean["accuracy"] == pytest.approx(np.mean(each))
        assert row.error["accuracy"] == pytest.approx(np.std(each, ddof=1) / math.sqrt(2))


def test_nothing_that_lost_values_is_ahead_of_the_oracle(items: list) -> None:
    rows = {row.method: row for row in items[-1].rows}
    for method in METHODS[1:]:
        slack = 3 * math.hypot(rows[method].error["log loss"], rows[ORACLE].error["log loss"])
        assert rows[method].mean["log loss"] > rows[ORACLE].mean["log loss"] - slack - 0.02
    # half of what decides is gone: the mean in its place must cost something
    assert rows["mean, then predict"].mean["log loss"] > 1.2 * rows[ORACLE].mean["log loss"]


def test_the_oracle_is_scikit_learn_on_the_complete_table() -> None:
    features, target = toy()
    y = prediction._coded(target, "classification")
    coding, train, test = prediction._split(QUICK, 0, features, y)
    found = prediction._predicted(QUICK, 0, ORACLE, coding, train, test)
    fitted = LogisticRegression(C=1.0, max_iter=2000).fit(train.known.x.numpy(), train.y.numpy())
    np.testing.assert_allclose(found, fitted.predict_proba(test.known.x.numpy()))
    config = replace(QUICK, task="regression")
    numbers = train._replace(y=train.known.x[:, 3] + 1)
    ridge = Ridge(alpha=1.0).fit(numbers.known.x.numpy(), numbers.y.numpy())
    found = prediction._predicted(config, 0, ORACLE, coding, numbers, test)
    np.testing.assert_allclose(found, ridge.predict(test.known.x.numpy()), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_labels_of_test_rows_are_not_looked_at(method: str) -> None:
    features, target = toy(120)
    y = prediction._coded(target, "classification")
    config = replace(QUICK, steps=5)
    coding, train, test = prediction._split(config, 1, features, y)
    first, second = (
        prediction._predicted(config, 1, method, coding, train, test._replace(y=labels))
        for labels in (test.y, 1 - test.y)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape == (len(test.y), 2)
    np.testing.assert_allclose(first.sum(1), 1, atol=1e-5)


def test_the_parts_of_a_split_share_no_row_and_runs_differ() -> None:
    features, target = toy()
    y = prediction._coded(target, "classification")
    splits = [prediction._split(QUICK, number, features, y) for number in range(2)]
    for _, train, test in splits:
        rows = torch.cat([train.known.x, test.known.x])
        assert len(rows) == len(features)
        assert len(rows.unique(dim=0)) == len(features)
        assert not train.left.observed.all()
        assert not test.left.observed.all()
    assert not torch.equal(splits[0][2].known.x, splits[1][2].known.x)


def test_a_numeric_target_is_predicted_in_its_standard_deviations() -> None:
    features, _ = toy(160)
    target = pd.Series(100 + 30 * features["a"] + 30 * features["b"], name="y")
    config = replace(QUICK, task="regression", steps=20)
    *_, found = prediction.run(config, features, target)
    rows = {row.method: row.mean["RMSE"] for row in found.rows}
    assert rows[ORACLE] < 0.05
    assert rows["mean, then predict"] > 0.2


def test_rows_without_a_target_and_tables_of_one_class() -> None:
    features, target = toy(120)
    target[:20] = None
    items = list(prediction.run(replace(QUICK, steps=3), features, target))
    assert len(items) == 2 * len(METHODS) + 1
    with pytest.raises(ValueError, match="one class"):
        list(prediction.run(QUICK, features, pd.Series(["no"] * 120)))


def of(*losses: float) -> list[dict[str, float]]:
    return [{"log loss": each, "accuracy": 0.5, "AUC": 0.5} for each in losses]


def test_differences_are_paired_by_runs() -> None:
    found = prediction.result(
        "classification", {SUP: of(1.0, 2.0, 3.0), SUP_NOT: of(0.9, 1.8, 2.9)}
    )
    row = found.rows[0]
    assert row.behind == pytest.approx(0.4 / 3)
    assert row.behind_error == pytest.approx(np.std([0.1, 0.2, 0.1], ddof=1) / math.sqrt(3))
    assert found.rows[1].behind == 0


@pytest.mark.parametrize(
    ("rival", "said"),
    [
        ((1.0, 1.1, 1.2), "ahead of every other"),
        ((0.1, 0.2, 0.3), "is behind supMIWAE"),
        ((0.4, 0.6, 0.5), "level with the others"),
    ],
)
def test_the_sentence_says_what_the_numbers_do(rival: tuple[float, ...], said: str) -> None:
    found = prediction.result(
        "classification", {ORACLE: of(0, 0, 0), SUP: of(*rival), SUP_NOT: of(0.5, 0.5, 0.51)}
    )
    assert said in prediction.sentence(found)
