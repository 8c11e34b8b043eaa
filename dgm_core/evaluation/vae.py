"""Numbers on the model card of a VAE: ELBO, log p(x), and the number of active latents.

`studies.likelihood.latent_units` defines when a latent unit is active.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from dgm_core import data
from dgm_core.bounds import estimate_log_likelihood
from dgm_core.device import device_of
from dgm_core.evaluation.sample_size import described
from dgm_core.metrics import mean_and_error
from dgm_core.rng import generator
from dgm_core.studies.likelihood.latent_units import Units, bound_terms, moments, units
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.types import LatentVariableModel


@dataclass(frozen=True)
class Config:
    """Data and number of draws.

    Args:
        dataset: its test split is used; grey images are binarised once.
        images: number of test images, chosen at random; None = all.
        draws: K, importance samples per image; a usual choice in publications is 200.
        elbo_draws: draws of z per image for the ELBO.
    """

    dataset: str
    images: int | None = None
    draws: int = 200
    elbo_draws: int = 20


class Result(NamedTuple):
    """Numbers for the model card of a VAE, in nats per image."""

    log_p: float
    standard_error: float  # over images, or over characters
    sampling_error: float  # Monte-Carlo part of it, from the importance weights
    elbo: float
    reconstruction: float  # E log p(x|z)
    divergence: float  # KL(q ‖ p), all units together
    units: Units
    images: str  # how many, and how they were chosen
    draws: int

    def as_card(self) -> dict[str, Any]:
        """Rounded values for the model card; the KL of units in descending order."""
        by_unit = self.units.divergence.sort(descending=True).values.tolist()
        return {
            "log_likelihood": rounded(
                {
                    "nats": self.log_p,
                    "standard_error": self.standard_error,
                    "sampling_error": self.sampling_error,
                    "elbo": self.elbo,
                    "reconstruction": self.reconstruction,
                    "divergence": self.divergence,
                    "estimator": f"importance sampling, K = {self.draws}, {self.images}",
                }
            ),
            "latents": {
                "active": int(self.units.active.sum()),
                "of": len(by_unit),
                "divergence_by_unit": [round(value, 3) for value in by_unit],
            },
        }


def run(config: Config, model: LatentVariableModel) -> Iterator[Frame | Result]:
    """Yield `Frame`s with the progress, and at the end the `Result`."""
    device = device_of(model)
    split = data.load(config.dataset, "test")
    test = split.sample(config.images)
    x = data.binarize(test.x, generator(0)) if test.x.shape[1] == 1 else test.x
    source = generator(1, device)
    estimates, terms, used = [], [], []
    for part in x.split(50):
        yield Frame("log p(x)", 50 * len(terms) / len(x))
        part = part.to(device)
        estimates.append(estimate_log_likelihood(model, part, config.draws, source))
        terms.append(torch.stack(bound_terms(model, part, config.elbo_draws, source)))
        used.append(torch.stack(moments(model, part)))
    log_p = torch.cat([each.value for each in estimates])
    sampling = torch.cat([each.standard_error for each in estimates])
    reconstruction, divergence = torch.cat(terms, 1).double().mean(1).tolist()
    yield Result(
        log_p.mean().item(),
        mean_and_error(log_p, test.groups).standard_error.item(),
        sampling.square().sum().sqrt().item() / len(x),
        reconstruction - divergence,
        reconstruction,
        divergence,
        units(*torch.cat(used, 1)),
        described(len(x), len(split.x)),
        config.draws,
    )
