"""Numbers on the model card of a VAE: ELBO, log p(x), and the number of active latents.

    ELBO = E log p(x|z) − KL(q(z|x) ‖ p(z)),    KL_u = E_x KL(q(z_u|x) ‖ p(z_u)) of unit u

A unit is *active* if the variance over images of the mean of q(z_u|x) is above 0.01 (Burda, Grosse
& Salakhutdinov 2016). The other units have collapsed: their posterior is close to the prior, and
they carry almost no information about x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data
from dgm_core.bounds import estimate_log_likelihood
from dgm_core.device import device_of
from dgm_core.metrics import mean_and_error
from dgm_core.rng import draw, generator
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded
from dgm_core.types import LatentVariableModel

ACTIVE = 0.01
"""A unit is active if the variance of its mean over images is above this value."""


@dataclass(frozen=True)
class Config:
    """Data and number of draws.

    Args:
        dataset: its test split is used, from the first image; grey images are binarised once.
        images: number of test images; None = all.
        draws: K, importance samples per image; a usual choice in publications is 200.
        elbo_draws: draws of z per image for the ELBO.
    """

    dataset: str
    images: int | None = None
    draws: int = 200
    elbo_draws: int = 20


class Units(NamedTuple):
    """Diagnostics of each latent, (L,) each."""

    divergence: Tensor  # KL_u, nats per image
    spread: Tensor  # variance over images of the mean of q(z_u|x)

    @property
    def active(self) -> Tensor:
        """Which units are active, (L,) bool."""
        return self.spread > ACTIVE


class Result(NamedTuple):
    """Numbers for the model card of a VAE, in nats per image."""

    log_p: float
    standard_error: float  # over images
    sampling_error: float  # Monte-Carlo part of it, from the importance weights
    elbo: float
    reconstruction: float  # E log p(x|z)
    divergence: float  # KL(q ‖ p), all units together
    units: Units
    images: int
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
                    "estimator": f"importance sampling, K = {self.draws}, first {self.images} "
                    "test images",
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
    test = data.load(config.dataset, "test").x[: config.images]
    x = data.binarize(test, generator(0)) if test.shape[1] == 1 else test
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
        mean_and_error(log_p).standard_error.item(),
        sampling.square().sum().sqrt().item() / len(x),
        reconstruction - divergence,
        reconstruction,
        divergence,
        units(*torch.cat(used, 1)),
        len(x),
        config.draws,
    )


@torch.no_grad()
def bound_terms(
    model: LatentVariableModel, x: Tensor, draws: int, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """E log p(x|z) and KL(q ‖ p) of each x (B, \\*event), (B,) each, from `draws` draws of z."""
    q = model.encode(x)
    z = draw(q, source, draws)
    each = x.expand(draws, *x.shape).flatten(0, 1)
    log_likelihood = model.decode(z.flatten(0, 1)).log_prob(each).unflatten(0, z.shape[:2])
    divergence = q.log_prob(z) - model.prior().log_prob(z)
    return log_likelihood.mean(0), divergence.mean(0)


@torch.no_grad()
def moments(model: LatentVariableModel, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each unit of q(z|x), (B, L) each."""
    q = model.encode(x)
    return q.mean, q.variance


def units(mean: Tensor, variance: Tensor) -> Units:
    """Diagnostics of each unit from the moments of q(z|x), (N, L), for the prior N(0, I).

    If the latents are correlated under q, KL_u is that of the unit's marginal distribution, and
    the sum over units is not the KL of q.
    """
    each = 0.5 * (mean.square() + variance - 1 - variance.log())
    return Units(each.double().mean(0).cpu(), mean.double().var(0).cpu())
