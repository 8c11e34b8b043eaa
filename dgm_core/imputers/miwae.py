"""Imputers of images by self-normalised importance sampling, with draws by SIR.

A MIWAE has an encoder of incomplete images. A DLVM with a partial encoder has one too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dgm_core.bounds import iwae_curve
from dgm_core.imputers.latents import without_each
from dgm_core.models.miwae import MIWAE
from dgm_core.models.partial import PartiallyEncoded
from dgm_core.samplers.importance import (
    ImportanceSample,
    MixtureMoments,
    importance_sample,
    log_density,
    sir_draws,
)
from dgm_core.settings import check, setting
from dgm_core.types import Imputation, Masked

PARTS = 8
"""Parts in which the importance samples are drawn, for the Monte-Carlo error of the estimates."""


@dataclass(frozen=True)
class MIWAEInpainter:
    """Weights K latents from q(z | x_obs), without iteration.

    `dgm_core.estimators.MIWAEImputer` is the scikit-learn estimator for tables.
    """

    model: MIWAE | PartiallyEncoded
    samples: int = setting(1000, "Importance samples K", 10, 20_000, "More are better and slower.")
    draws: int = setting(24, "Draws", 1, 64, "Completions to show, by importance resampling.")

    needs: ClassVar[str] = "miwae"

    def __post_init__(self) -> None:
        check(self)

    def run(self, masked: Masked, generator: torch.Generator) -> Iterator[Imputation]:
        """Yields once."""
        parts = [
            importance_sample(self.model, masked, count, generator)
            for count in _nearly_equal(self.samples, PARTS)
        ]
        sample, log_weights = _joined(parts)
        yield Imputation(
            sample.mean,
            sir_draws(sample, self.model, self.draws, generator),
            sample.variance,
            lambda true_values: log_density(sample, self.model, true_values),
            {
                "ESS": sample.effective_draws,
                "Pareto k": sample.pareto_k,
                "log p(x_obs)": sample.bound,
            },
            curves={"bound by K": _bound_by_draws(sample.log_w)},
            leave_one_out=without_each(
                masked, log_weights, torch.stack([part.mean for part in parts])
            ),
        )


class PartialEncoderInpainter(MIWAEInpainter):
    """Weights K latents from the partial encoder of a DLVM, without iteration."""

    needs = "partial"


def _nearly_equal(total: int, parts: int) -> list[int]:
    """`total` as a sum of nearly equal numbers, none of them 0."""
    return [total // parts + (i < total % parts) for i in range(min(parts, total))]


def _joined(parts: list[ImportanceSample]) -> tuple[ImportanceSample, Tensor]:
    """One sample from all parts, and the log-weight of each part, (r, B)."""
    log_weights = torch.stack([part.log_w.logsumexp(0) for part in parts])
    mixture = MixtureMoments()
    for own, part in zip(log_weights, parts, strict=True):
        mixture.add(own[None], part.mean[None], part.variance[None])
    z, log_w = (torch.cat([getattr(part, name) for part in parts]) for name in ("z", "log_w"))
    masked = parts[0].masked
    whole = ImportanceSample(masked, z, log_w, masked.complete(mixture.mean), mixture.variance)
    return whole, log_weights


def _bound_by_draws(log_w: Tensor) -> tuple[Tensor, Tensor]:
    """Bound on log p(x_obs) for K = 1, 2, 5, 10, 20, … and all draws, from the same draws."""
    total = len(log_w)
    steps = (m * 10**e for e in range(len(str(total))) for m in (1, 2, 5))
    counts = [k for k in steps if k < total] + [total]
    return torch.tensor(counts), iwae_curve(log_w, counts).value
