"""Scores for a DLVM's card: log p(x) of test images, and scores of the samplers that use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import data
from dgm_core.bounds import elbo, estimate_log_likelihood, log_weights
from dgm_core.evaluation.sample_size import described
from dgm_core.imputers import CATALOGUE
from dgm_core.metrics import mean_and_error
from dgm_core.models.vae import VAE
from dgm_core.rng import generator
from dgm_core.studies.inpainting.filling import fill_in
from dgm_core.studies.inpainting.patterns import PATTERNS, observed_by
from dgm_core.studies.progress import Frame
from dgm_core.studies.toml_rows import rounded


@dataclass(frozen=True)
class Config:
    """Data, and settings of the estimates.

    Args:
        dataset: images are chosen at random from its test split.
        images: number of images for log p(x).
        draws: K, importance samples per image.
        inpainted: number of images for the samplers.
        chains: chains per image.
        iterations: iterations of each sampler, warm-up included.
        warmup: first iterations, left out; Metropolis runs them as pseudo-Gibbs.
    """

    dataset: str
    images: int = 1000
    draws: int = 5000
    inpainted: int = 100
    chains: int = 4
    iterations: int = 500
    warmup: int = 30


class Likelihood(NamedTuple):
    """log p(x) of test images, dynamically binarised unless they are faces; nats per image."""

    log_p: float  # importance sampling with K draws
    standard_error: float  # over images, or over characters
    sampling_error: float  # its Monte-Carlo part, from the importance weights
    elbo: float
    images: str  # how many, and how they were chosen
    draws: int


class Inpainting(NamedTuple):
    """Scores of one sampler on one pattern of hidden pixels; binary images have threshold ½."""

    sampler: str
    pattern: str
    score: str  # f1 for binary images, psnr for others
    value: float  # on hidden pixels, for the mean over all chains; F1 pooled over images
    standard_error: float  # over images, or over characters
    acceptance: float
    stuck: float  # fraction of chains that accepted nothing after the warm-up

    def as_card(self) -> dict[str, Any]:
        """Rounded, with the name of the score as the key of its value."""
        fields = self._asdict()
        named = {
            "sampler": fields.pop("sampler"),
            "pattern": fields.pop("pattern"),
            fields.pop("score"): fields.pop("value"),
            **fields,
        }
        return rounded(named)


class Result(NamedTuple):
    """Scores for the card of a DLVM."""

    likelihood: Likelihood
    inpainting: list[Inpainting]
    binary: bool

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        likelihood, rows = self.likelihood, self.inpainting
        return {
            "log_likelihood": {
                "nats": round(likelihood.log_p, 2),
                "standard_error": round(likelihood.standard_error, 2),
                "sampling_error": round(likelihood.sampling_error, 3),
                "elbo": round(likelihood.elbo, 2),
                "estimator": f"importance sampling, K = {likelihood.draws}, "
                f"{likelihood.images}"
                f"{', dynamically binarised' * self.binary}",
            },
            "inpainting": [row.as_card() for row in rows],
        }


def run(config: Config, model: VAE) -> Iterator[Frame | Result]:
    """Measure; `Frame`s report progress, the `Result` comes last."""
    device = next(model.parameters()).device
    test = data.load(config.dataset, "test")
    sample, binary = test.sample(config.images), test.x.shape[1] == 1
    x = (data.binarize(sample.x, generator(0)) if binary else sample.x).to(device)
    estimates, elbos = [], []
    source = generator(1, device)
    for i, part in enumerate(x.split(10)):
        yield Frame("log p(x)", i * 10 / len(x) / 2)
        estimates.append(estimate_log_likelihood(model, part, config.draws, source))
        with torch.no_grad():
            elbos.append(elbo(log_weights(model, part, 100, source)))
    value = torch.cat([estimate.value for estimate in estimates])
    error = torch.cat([estimate.standard_error for estimate in estimates])
    mean, standard_error = mean_and_error(value, sample.groups)
    likelihood = Likelihood(
        mean.item(),
        standard_error.item(),
        error.square().sum().sqrt().item() / len(value),
        torch.cat(elbos).mean().item(),
        described(len(x), len(test.x)),
        config.draws,
    )
    sample = test.sample(config.inpainted)
    original = (data.threshold(sample.x) if binary else sample.x).to(device)
    rows = []
    for pattern in PATTERNS:
        for sampler in ("pseudo-Gibbs", "Metropolis-within-Gibbs"):
            done = len(rows) / (2 * len(PATTERNS))
            yield Frame(f"{sampler}, {pattern}", (1 + done) / 2)
            rows.append(_inpaint(config, model, original, sample.groups, sampler, pattern))
    yield Result(likelihood, rows, binary)


def _inpaint(
    config: Config,
    model: VAE,
    original: Tensor,
    groups: Tensor | None,
    sampler: str,
    pattern: str,
) -> Inpainting:
    method = CATALOGUE[sampler](
        model,
        iterations=config.iterations,
        warmup=config.warmup,
        chains=config.chains,
        draws=1,
        updates=1,
    )
    observed, source = observed_by(pattern, original), generator(2, original.device)
    filled = fill_in(method, original, observed, source, batch=100)
    return Inpainting(
        sampler,
        pattern,
        *filled.score(groups),
        filled.diagnostic("acceptance").mean().item(),
        filled.diagnostic("stuck chains").mean().item() / config.chains,
    )
