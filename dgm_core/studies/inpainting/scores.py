"""All scores of one imputation, by their names in `metrics.DEFINITIONS`; hidden pixels only.

If a posterior mean is estimated from chains or draws, most of its scores have a Monte-Carlo
error, jackknifed over them.
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
    """Values (B,) of one score and their Monte-Carlo errors (B,), NaN if unknown."""

    value: Tensor
    error: Tensor


def scores(
    imputation: Imputation, original: Tensor, observed: Tensor, *, binary: bool, discrete: bool
) -> dict[str, Score]:
    """All scores that apply to a batch of images.

    Args:
        imputation: the images as a method filled them in.
        original: the original images, (B, C, H, W).
        observed: bool, of the same shape; True = observed.
        binary: True if the images are black and white; F1 is then included.
        discrete: True if `log_density` is the log-probability of binary pixels, False if it is
            a log-density.
    """
    mean, draws = imputation.mean, imputation.draws
    values = {
        "SSE": metrics.sse_hidden(mean, original, observed),
        "MSE": metrics.mse_hidden(mean, original, observed),
        "PSNR": metrics.psnr_hidden(mean, original, observed),
        "SSIM": metrics.ssim_hidden(mean, original, observed),
    }
    if binary:
        values = {"F1": metrics.f1_hidden(mean, original, observed)} | values
    if imputation.log_density is not None:
        name = "NLL" if discrete else "NLL, density"
        values[name] = -imputation.log_density(original)
    ensemble = mean[None] if draws is None else draws
    values["CRPS"] = metrics.crps_hidden(ensemble, original, observed)
    if draws is not None:
        values["90 % coverage"] = metrics.coverage_hidden(draws, original, observed, COVERAGE)
    errors = _errors(imputation, original, observed, binary=binary)
    unknown = torch.full((len(original),), torch.nan)
    return {name: Score(v.cpu(), errors.get(name, unknown).cpu()) for name, v in values.items()}


def _errors(
    imputation: Imputation, original: Tensor, observed: Tensor, *, binary: bool
) -> dict[str, Tensor]:
    """Jackknife errors over chains or parts, for those scores of the mean that are fast."""
    means = imputation.leave_one_out
    if means is None:
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
            torch.stack([score(other, original, observed) for other in means])
        )
        for name, score in of_mean.items()
    }
