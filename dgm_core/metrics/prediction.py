"""Scores of predicted laws p(y|x) on rows that were not trained on."""

from __future__ import annotations

import torch
from torch import Tensor

PREDICTION_DEFINITIONS: dict[str, dict[str, str]] = {
    "classification": {
        "log loss": "−log of the probability given to the true class, nats, mean over test rows. "
        "Lower is better.",
        "accuracy": "Share of the test rows whose likeliest class is the true one. Higher is "
        "better.",
        "AUC": "Area under the ROC curve, one class against the rest, mean over classes. Higher "
        "is better.",
    },
    "regression": {
        "RMSE": "Root mean squared error of the predicted mean over test rows, in standard "
        "deviations of the target among the training rows. Lower is better.",
        "RMSE in units": "The same in the units of the target. Lower is better.",
        "log density": "log of the density given to the true value, nats, mean over test rows, "
        "of the standardised target. Higher is better.",
    },
}
"""Task → name on the screen → definition."""


def classification_scores(log_p: Tensor, y: Tensor) -> dict[str, float]:
    """The scores of a classification.

    Args:
        log_p: of the classes, (B, C).
        y: the true ones, (B,).
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
        mean: predicted, (B,).
        log_density: at the true value, (B,) nats.
        y: the true values, (B,), standardised as the predictions are.
        unit: what one of them is in the units of the target.
    """
    rmse = (mean.double() - y).square().mean().sqrt().item()
    return {
        "RMSE": rmse,
        "RMSE in units": rmse * unit,
        "log density": log_density.double().mean().item(),
    }


def area_under_roc(p: Tensor, y: Tensor) -> float:
    """P(a row of the class scores above a row of the rest) + ½ P(they tie), mean over classes.

    Classes without a row, or without a row of the rest, are left out; NaN if none remains.

    Args:
        p: scores of the classes, (B, C).
        y: the true ones, (B,).
    """
    areas = []
    for c in range(p.shape[1]):
        own, rest = p[y == c, c], p[y != c, c]
        above = (own[:, None] > rest).double() + 0.5 * (own[:, None] == rest)
        areas.append(above.mean())
    return torch.stack(areas).nanmean().item()
