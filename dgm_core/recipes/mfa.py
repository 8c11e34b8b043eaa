"""A mixture of factor analysers fitted by EM on complete images.

With several processes, each does all the work and the first writes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_core import data
from dgm_core.models.mfa import MixtureOfFactorAnalysers, em_steps, initialise_mfa
from dgm_core.recipes.recipe import Recipe, Stage
from dgm_core.rng import generator
from dgm_core.training import Progress, checkpoints, parallel


@dataclass(frozen=True, kw_only=True)
class MfaRecipe(Recipe):
    """Number of iterations, and the images."""

    iterations: int = 20
    window: bool = False  # faces at 32×32, as in the tables

    def stages(self, run_folder: Path, device: torch.device) -> Iterator[Stage | nn.Module]:
        x = self._images()
        model, done, seconds = self._start(run_folder / "model.pt", x, device)
        started = time.monotonic() - seconds
        for step in em_steps(model, x, iterations=self.iterations - done):
            finished, seconds = done + step.iteration, time.monotonic() - started
            state = {"done": finished, "seconds": seconds, "model": model.state_dict()}
            if parallel.is_first():
                checkpoints.save(state, run_folder / "model.pt")
            eta = seconds / finished * (self.iterations - finished)
            ll, total = step.log_likelihood, self.iterations
            yield Stage("em", Progress(finished, total, 0, 1, -ll, ll, ll, seconds, eta, eta == 0))
        if done == self.iterations:
            ll = math.nan
            yield Stage("em", Progress(done, done, 0, 1, ll, ll, ll, seconds, 0.0, True))
        yield model

    def _images(self) -> Tensor:
        x = data.load(self.dataset, "train").x
        return data.source_window(x) if self.window else x

    def _start(
        self, checkpoint: Path, x: Tensor, device: torch.device
    ) -> tuple[MixtureOfFactorAnalysers, int, float]:
        """The model from the checkpoint, or initialised; iterations and seconds so far."""
        model = self.build().to(device)
        if checkpoint.is_file():
            saved = torch.load(checkpoint, map_location=device, weights_only=True)
            model.load_state_dict(saved["model"])
            return model, saved["done"], saved["seconds"]
        started = time.monotonic()
        initialise_mfa(model, x, generator(self.seed))
        return model, 0, time.monotonic() - started
