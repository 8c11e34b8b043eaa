"""A digit is completed pixel by pixel, and it is told what each completion is worth.

Of pixels hidden *after* all that is seen, the model's draws are draws from p(x_mis | x_obs). Of
pixels hidden *before*, they are proposals that know nothing of what comes; their weights are the
probability that the model, having drawn them, gives to the pixels seen later.
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
    """What is hidden, and how often it is drawn.

    Args:
        row: the first row that is hidden, or with `above` the first that is seen.
        above: hide the rows above, not those from `row` on.
        draws: completions.
        seed: of the draws.

    Raises:
        ValueError: no draw, or a negative row.
    """

    row: int = 12
    above: bool = False
    draws: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.row < 0 or self.draws < 1:
            raise ValueError(f"expected a row and a draw at least, got {self.row}, {self.draws}")


class Result(NamedTuple):
    """N completions of an image (H, W), and the image itself under the model."""

    observed: np.ndarray  # (H, W) bool
    x: np.ndarray  # (N, H, W) bool
    probability: np.ndarray  # (N, H, W) p(x_i = 1 | pixels before i)
    log_prob_each: np.ndarray  # (N, H, W) log p(x_i | pixels before i), nats
    log_weight: np.ndarray  # (N,) log p(observed pixels, each given those before it), nats
    effective: float  # number of draws that the weights leave
    of_image: np.ndarray  # (H, W) log p(x_i | pixels before i) of the image that was hidden


def run(config: Config, model: PixelCNN, image: np.ndarray) -> Result:
    """Complete an image (H, W) of True and False."""
    x = torch.from_numpy(image).float()[None, None]
    rows = torch.arange(image.shape[0])[:, None].expand(image.shape)
    seen = rows >= config.row if config.above else rows < config.row
    masked = Masked(x, seen[None, None]).repeat(config.draws)
    filled = model.fill(masked, generator(config.seed))
    each = filled.log_prob_each()[:, 0]
    # What is seen first is the same in all, and so are its probabilities.
    log_weight = torch.where(seen, each, 0.0).double().flatten(1).sum(1)
    return Result(
        seen.numpy(),
        filled.x[:, 0].numpy() > 0.5,
        filled.probability[:, 0].numpy(),
        each.numpy(),
        log_weight.numpy(),
        float(importance_ess(log_weight)),
        model.log_prob_each(x)[0, 0].detach().numpy(),
    )
