"""Scores on hidden entries only: what was seen is never counted."""

from __future__ import annotations

import torch
from torch import Tensor


def f1_hidden(ink: Tensor, truth: Tensor, observed: Tensor, event_dims: int = 3) -> Tensor:
    """F1 score of ink over the hidden pixels, 2 TP / (2 TP + FP + FN).

    Pooled over the last `event_dims` dimensions, leading dimensions kept. Where neither the truth
    nor the guess has ink there is nothing to miss: 1.

    Args:
        ink: guessed pixels, bool or in [0, 1] (above ½ is ink): a draw, or a posterior mean.
        truth: true pixels, likewise; broadcasts against `ink`.
        observed: True = seen; broadcasts.
    """
    dims = tuple(range(-event_dims, 0))
    guess, true, hidden = _as_ink(ink), _as_ink(truth), ~observed
    true_positive = (guess & true & hidden).sum(dims)
    wrong = ((guess != true) & hidden).sum(dims)  # false positives and false negatives
    denominator = 2 * true_positive + wrong
    score = 2 * true_positive / denominator.clamp_min(1)
    return score.where(denominator > 0, 1.0)


def _as_ink(pixels: Tensor) -> Tensor:
    return pixels if pixels.dtype == torch.bool else pixels > 0.5
