"""Completions of a digit by an autoregressive model, and their importance weights.

If all hidden pixels come *after* the observed ones, the model's draws are draws from
p(x_mis | x_obs). If hidden pixels come *before* observed ones, the draws are proposals that do not
depend on these. Their weight is the probability of the observed pixels given the earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from dgm_core.metrics.diagnostics import importance_ess
from dgm_core.models.pixelcnn import PixelCNN
from dgm_core.rng import generator
from dgm_core.types import Masked


@dataclass(frozen=True)
class Config:
    """Hidden rows and number of draws.

    Args:
        row: the first hidden row; with `above`, the first observed row.
        above: hide the rows above `row` instead of those from `row` on.
        draws: number of completions.
        seed: of the draws.

    Raises:
        ValueError: there are no draws, or the row is negative.
    """

    row: int = 12
    above: bool = False
    draws: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.row < 0 or self.draws < 1:
            raise ValueError(f"expected row ≥ 0 and draws ≥ 1, got {self.row} and {self.draws}")


class Result(NamedTuple):
    """N completions of an image (H, W), and log p of the image itself."""

    observed: np.ndarray  # (H, W) bool
    x: np.ndarray  # (N, H, W) bool
    probability: np.ndarray  # (N, H, W) p(x_i = 1 | pixels before i)
    log_prob_each: np.ndarray  # (N, H, W) log p(x_i | pixels before i), nats
    log_weight: np.ndarray  # (N,) log p(observed pixels, each given those before it), nats
    effective: float  # effective sample size of the draws
    of_image: np.ndarray  # (H, W) log p(x_i | pixels before i) of the original


def run(config: Config, model: PixelCNN, image: np.ndarray) -> Result:
    """Complete an image (H, W) of True and False."""
    x = torch.from_numpy(image).float()[None, None]
    rows = torch.arange(image.shape[0])[:, None].expand(image.shape)
    observed = rows >= config.row if config.above else rows < config.row
    masked = Masked(x, observed[None, None]).repeat(config.draws)
    filled = model.fill(masked, generator(config.seed))
    each = filled.log_prob_each()[:, 0]
    # Observed pixels before all hidden ones contribute the same factor to every weight.
    log_weight = torch.where(observed, each, 0.0).double().flatten(1).sum(1)
    return Result(
        observed.numpy(),
        filled.x[:, 0].numpy() > 0.5,
        filled.probability[:, 0].numpy(),
        each.numpy(),
        log_weight.numpy(),
        float(importance_ess(log_weight)),
        model.log_prob_each(x)[0, 0].detach().numpy(),
    )
