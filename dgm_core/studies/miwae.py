"""The numbers on a MIWAE's card: its bound, and how far its importance weights can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from dgm_core import data
from dgm_core.models.miwae import MIWAE
from dgm_core.rng import generator
from dgm_core.samplers.importance import bound_by_draws, importance_sample
from dgm_core.studies.dlvm import PATTERNS, Frame, observed_by, score_of
from dgm_core.types import Masked


@dataclass(frozen=True)
class Config:
    """What is measured, and on how much: the first test images, K importance samples each."""

    dataset: str
    images: int = 200
    draws: int = 1000


class Row(NamedTuple):
    """One pattern of missing pixels; means over images."""

    pattern: str
    score: str  # f1 of binary images, cut at ½; psnr of others
    value: float
    standard_error: float  # over images
    bound: float  # log p(x_obs), nats, K draws
    bound_of_10: float  # the same with K = 10
    ess: float  # of the K weights
    untrusted: float  # share of images with a Pareto k above 0.7


class Result(NamedTuple):
    rows: list[Row]
    config: Config

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        about = f"first {self.config.images} test images, K = {self.config.draws}"
        rows = []
        for row in self.rows:
            fields = row._asdict()
            fields[fields.pop("score")] = fields.pop("value")
            rows.append({k: round(v, 4) if isinstance(v, float) else v for k, v in fields.items()})
        return {"inpainting": rows, "estimator": about}


def run(config: Config, model: MIWAE) -> Iterator[Frame | Result]:
    """Measure; `Frame`s tell how far it is, the `Result` comes last."""
    device = next(model.parameters()).device
    truth = data.load(config.dataset, "test").x[: config.images]
    truth = (data.threshold(truth) if truth.shape[1] == 1 else truth).to(device)
    rows = []
    for number, pattern in enumerate(PATTERNS):
        yield Frame(pattern, number / len(PATTERNS))
        observed = observed_by(pattern, truth)
        parts = [
            importance_sample(model, Masked(*pair), config.draws, generator(1, device))
            for pair in zip(truth.split(10), observed.split(10), strict=True)
        ]
        mean = torch.cat([part.mean for part in parts])
        log_w = torch.cat([part.log_w for part in parts], 1)
        bounds = bound_by_draws(log_w, [10, config.draws]).mean(1)
        rows.append(
            Row(
                pattern,
                *score_of(mean, truth, observed),
                bounds[1].item(),
                bounds[0].item(),
                torch.cat([part.effective_draws for part in parts]).mean().item(),
                (torch.cat([part.pareto_k for part in parts]) > 0.7).float().mean().item(),
            )
        )
    yield Result(rows, config)
