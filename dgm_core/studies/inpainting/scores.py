"""Every score of one imputation, by its name in `metrics.DEFINITIONS`; hidden entries only.

A score of a posterior mean carries a Monte-Carlo error where the mean comes from chains or draws
that could have come out otherwise: jackknifed over the draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import metrics
from dgm_core.types import Imputation

COVERAGE = 0.9


class Score(NamedTuple):
    """Values (B,) of one score, and their Monte-Carlo errors (B,), NaN where there is none."""

    value: Tensor
    error: Tensor


def scores(
    imputation: Imputation, truth: Tensor, observed: Tensor, *, binary: bool, discrete: bool
) -> dict[str, Score]:
    """All scores that apply, (B, C, H, W) images.

    Args:
        imputation: what a method filled in.
        truth: the true images.
        observed: True = seen.
        binary: are the images black and white? Then there is an F1.
        discrete: is `log_density` a probability of binary pixels? Else it is a density.
    """
    mean, draws = imputation.mean, imputation.draws
    found = {
        "SSE": metrics.sse_hidden(mean, truth, observed),
        "MSE": metrics.mse_hidden(mean, truth, observed),
        "PSNR": metrics.psnr_hidden(mean, truth, observed),
        "SSIM": metrics.ssim_hidden(mean, truth, observed),
    }
    if binary:
        found = {"F1": metrics.f1_hidden(mean, truth, observed)} | found
    if imputation.log_density is not None:
        name = "NLL" if discrete else "NLL, density"
        found[name] = -imputation.log_density(truth)
    spread = mean[None] if draws is None else draws
    found["CRPS"] = metrics.crps_hidden(spread, truth, observed)
    if draws is not None:
        found["90 % coverage"] = metrics.coverage_hidden(draws, truth, observed, COVERAGE)
    errors = _errors(imputation, truth, observed, binary=binary)
    nothing = torch.full((len(truth),), torch.nan)
    return {name: Score(v.cpu(), errors.get(name, nothing).cpu()) for name, v in found.items()}


def _errors(
    imputation: Imputation, truth: Tensor, observed: Tensor, *, binary: bool
) -> dict[str, Tensor]:
    """Jackknife over chains or parts, for the scores of the mean that are quick to compute."""
    others = imputation.leave_one_out
    if others is None:
        return {}
    of_mean: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "SSE": metrics.sse_hidden,
        "MSE": metrics.mse_hidden,
        "PSNR": metrics.psnr_hidden,
    }
    if binary:
        of_mean["F1"] = metrics.f1_hidden
    return {
        name: metrics.leave_one_out_error(
            torch.stack([score(other, truth, observed) for other in others])
        )
        for name, score in of_mean.items()
    }
