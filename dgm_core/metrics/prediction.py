"""Scores of predictive distributions p(y|x) on test rows."""

from __future__ import annotations

import torch
from torch import Tensor

from dgm_core.metrics.errors import rmse

PREDICTION_DEFINITIONS: dict[str, dict[str, str]] = {
    "classification": {
        "log loss": "−log of the predicted probability of the true class, in nats, averaged over "
        "the test rows. Lower is better.",
        "accuracy": "Fraction of the test rows whose most probable class is the true one. Higher "
        "is better.",
        "AUC": "Area under the ROC curve of one class against the others, averaged over the "
        "classes. Higher is better.",
    },
    "regression": {
        "RMSE": "Root mean squared error of the predicted mean over the test rows, in standard "
        "deviations of the target in the training rows. Lower is better.",
        "RMSE in units": "Root mean squared error of the predicted mean over the test rows, in "
        "the units of the target. Lower is better.",
        "log density": "log of the predicted density at the true value of the standardised "
        "target, in nats, averaged over the test rows. Higher is better.",
    },
}
"""Task → name on the page → definition."""


def classification_scores(log_p: Tensor, y: Tensor) -> dict[str, float]:
    """The scores of a classification.

    Args:
        log_p: log-probabilities of the classes, (B, C).
        y: the true classes, (B,).
    """
    log_p = log_p.double().log_softmax(1)
    return {
        "log loss": -log_p.gather(1, y[:, None]).mean().item(),
        "accuracy": (log_p.argmax(1) == y).double().mean().item(),
        "AUC": area_under_roc(log_p.exp(), y),
    }


def regression_scores(
    mean: Tensor, log_density: Tensor, y: Tensor, unit: float = 1.0
) -> dict[str, float]:
    """The scores of a regression.

    Args:
        mean: predicted means, (B,).
        log_density: log-densities at the true values, (B,) nats.
        y: the true values, (B,), standardised like the predictions.
        unit: one standard deviation in the units of the target.
    """
    error = rmse((mean.double() - y).square().mean()).item()
    return {
        "RMSE": error,
        "RMSE in units": error * unit,
        "log density": log_density.double().mean().item(),
    }


def area_under_roc(p: Tensor, y: Tensor) -> float:
    """P(a row of the class scores above a row of another class) + ½ P(tie), averaged over classes.

    A class is left out if all rows or no rows belong to it; NaN if no class remains.

    Args:
        p: scores of the classes, (B, C).
        y: the true classes, (B,).
    """
    areas = []
    for c in range(p.shape[1]):
        own, rest = p[y == c, c], p[y != c, c]
        above = (own[:, None] > rest).double() + 0.5 * (own[:, None] == rest)
        areas.append(above.mean())
    return torch.stack(areas).nanmean().item()
