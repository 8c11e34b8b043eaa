"""Estimates of E[x_mis | x_obs, s] by a model of clipped images, by name."""

from __future__ import annotations

from typing import NamedTuple

import torch

from dgm_core.missing.base import MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import Source
from dgm_core.samplers.completions import reweighted, weighted_completions
from dgm_core.samplers.estimates import mean_and_variance, mean_of_decoder
from dgm_core.samplers.integrated import WeightedEstimate, integrated
from dgm_core.types import Masked

INTEGRATED, DRAWN, DECODER = "x_mis integrated out", "weighted drawn values", "mean of decoder"
"""The estimates `integrated`, `mean_and_variance` and `mean_of_decoder`; the published experiments
use the last. MIWAE has only the last one, because its weights do not depend on x_mis."""


class Curve(NamedTuple):
    """Threshold and strength of a clipping process."""

    threshold: float
    strength: float
    given: bool = False  # to the model, which then did not learn them


@torch.no_grad()
def estimates(
    model: MIWAE,
    masked: Masked,
    draws: int,
    source: Source,
    assumed: MissingProcess | None = None,
) -> dict[str, WeightedEstimate]:
    """All estimates of a model from one set of draws; the best one comes first.

    Args:
        model: a MIWAE or a not-MIWAE.
        masked: B rows.
        draws: K.
        source: randomness.
        assumed: replaces the missing process that a not-MIWAE learned.
    """
    sample = weighted_completions(model, masked, draws, source)
    if not isinstance(model, NotMIWAE):
        return {DECODER: WeightedEstimate(*mean_and_variance(sample), sample.log_w)}
    if assumed is not None:
        sample = reweighted(sample, assumed)
    mean, variance = mean_and_variance(sample)
    return {
        INTEGRATED: integrated(sample, assumed or model.missing_process),
        DRAWN: WeightedEstimate(mean, variance, sample.log_w),
        DECODER: WeightedEstimate(mean_of_decoder(sample), variance, sample.log_w),
    }


def learned(model: MIWAE) -> Curve:
    """Threshold and strength that a not-MIWAE learned, or that it was given.

    Raises:
        TypeError: the model has no missing process.
    """
    if not isinstance(model, NotMIWAE):
        raise TypeError(f"expected a NotMIWAE, got {type(model).__name__}")
    (mechanism,) = model.missing_process.interpret()
    given = getattr(model.missing_process, "given", False)
    return Curve(mechanism.threshold, mechanism.slope, given)
