"""Scores of predictions against scikit-learn and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from dgm_core.metrics.prediction import (
    PREDICTION_DEFINITIONS,
    area_under_roc,
    classification_scores,
    regression_scores,
)
from dgm_core.rng import generator, normal


@pytest.mark.parametrize("classes", [2, 4])
def test_classification_is_scored_as_by_scikit_learn(classes: int) -> None:
    y = torch.arange(60) % classes
    logits = normal((60, classes), generator(0), torch.float64)
    logits[torch.arange(60), y] += 0.7
    logits[:20] = logits[:20].round()  # some ties
    p = logits.softmax(1)
    found = classification_scores(logits, y)
    assert found.keys() == PREDICTION_DEFINITIONS["classification"].keys()
    assert found["log loss"] == pytest.approx(log_loss(y, p))
    assert found["accuracy"] == accuracy_score(y, p.argmax(1))
    of_sklearn = roc_auc_score(y, p[:, 1] if classes == 2 else p, multi_class="ovr")
    assert found["AUC"] == pytest.approx(of_sklearn)


def test_areas_of_classes_that_do_not_occur_are_left_out() -> None:
    y = torch.tensor([0, 0, 1, 1])
    p = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.5, 0.5, 0.0], [0.1, 0.9, 0.0]])
    assert area_under_roc(p, y) == pytest.approx(0.75)
    assert math.isnan(area_under_roc(p, torch.zeros(4, dtype=torch.long)))


def test_regression_is_scored_in_both_units() -> None:
    mean, y = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 3.0, 2.0])
    found = regression_scores(mean, torch.tensor([-1.0, -2.0, -6.0]), y, unit=10.0)
    assert found == {
        "RMSE": pytest.approx((5 / 3) ** 0.5),
        "RMSE in units": pytest.approx(10 * (5 / 3) ** 0.5),
        "log density": -3.0,
    }
    assert found.keys() == PREDICTION_DEFINITIONS["regression"].keys()
