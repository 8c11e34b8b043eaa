"""The numbers on a DLVM's card: log p(x) of test images, and how well the samplers do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import bounds, data
from dgm_core.metrics import f1_hidden
from dgm_core.missing import masks
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE, chains
from dgm_core.types import LatentVariableModel, Masked

PATTERNS: dict[str, Callable[[int], Tensor]] = {
    "50 % at random": lambda seed: masks.random_pixels(28, 28, 0.5, generator(seed)),
    "top half": lambda seed: masks.top_half(28, 28),
    "80 % at random": lambda seed: masks.random_pixels(28, 28, 0.8, generator(seed)),
}
"""Masks by name; the random ones differ from image to image, by the image's number."""


@dataclass(frozen=True)
class Config:
    """What is measured, and on how much.

    Args:
        dataset: its test split is used, from the first image on.
        images: for log p(x).
        draws: K, importance samples an image.
        inpainted: images for the samplers.
        chains: an image.
        iterations: of each sampler.
        warmup: of which left out; Metropolis runs them as pseudo-Gibbs.
    """

    dataset: str
    images: int = 1000
    draws: int = 5000
    inpainted: int = 100
    chains: int = 4
    iterations: int = 500
    warmup: int = 30


class Frame(NamedTuple):
    """What is being measured, and the share of the whole that is done."""

    doing: str
    done: float


class Likelihood(NamedTuple):
    """Of dynamically binarised test images, nats an image."""

    log_p: float  # importance sampling with K draws
    standard_error: float  # over images
    sampling_error: float  # Monte-Carlo part of it, from the importance weights
    elbo: float
    images: int
    draws: int


class Inpainting(NamedTuple):
    """One sampler on one pattern of missing pixels, images binarised at ½."""

    sampler: str
    pattern: str
    f1: float  # hidden pixels, posterior mean over all chains, pooled over images
    standard_error: float  # over images
    acceptance: float
    stuck: float  # share of chains that accepted nothing after the warm-up


class Result(NamedTuple):
    likelihood: Likelihood
    inpainting: list[Inpainting]

    def as_card(self) -> dict[str, Any]:
        """Rounded for the model's card."""
        likelihood, rows = self.likelihood, self.inpainting
        return {
            "log_likelihood": {
                "nats": round(likelihood.log_p, 2),
                "standard_error": round(likelihood.standard_error, 2),
                "sampling_error": round(likelihood.sampling_error, 3),
                "elbo": round(likelihood.elbo, 2),
                "estimator": f"importance sampling, K = {likelihood.draws}, first "
                f"{likelihood.images} test images, dynamically binarised",
            },
            "inpainting": [
                {
                    key: round(value, 3) if isinstance(value, float) else value
                    for key, value in row._asdict().items()
                }
                for row in rows
            ],
        }


def run(config: Config, model: LatentVariableModel) -> Iterator[Frame | Result]:
    """Measure; `Frame`s tell how far it is, the `Result` comes last."""
    device = next(model.parameters()).device  # type: ignore[attr-defined]
    test = data.load(config.dataset, "test").x
    x = data.binarize(test[: config.images], generator(0)).to(device)
    estimates, elbos = [], []
    source = generator(1, device)
    for i, part in enumerate(x.split(10)):
        yield Frame("log p(x)", i * 10 / len(x))
        estimates.append(bounds.estimate_log_likelihood(model, part, config.draws, source))
        with torch.no_grad():
            elbos.append(bounds.elbo(bounds.log_weights(model, part, 100, source)))
    value = torch.cat([estimate.value for estimate in estimates])
    error = torch.cat([estimate.standard_error for estimate in estimates])
    likelihood = Likelihood(
        value.mean().item(),
        value.std().item() / len(value) ** 0.5,
        error.square().sum().sqrt().item() / len(value),
        torch.cat(elbos).mean().item(),
        len(x),
        config.draws,
    )
    truth = data.threshold(test[: config.inpainted]).to(device)
    rows = []
    for pattern in PATTERNS:
        for sampler in ("pseudo-Gibbs", "Metropolis-within-Gibbs"):
            yield Frame(f"{sampler}, {pattern}", len(rows) / (2 * len(PATTERNS)))
            rows.append(_inpaint(config, model, truth, sampler, pattern))
    yield Result(likelihood, rows)


def _inpaint(
    config: Config, model: LatentVariableModel, truth: Tensor, sampler: str, pattern: str
) -> Inpainting:
    observed = torch.stack([PATTERNS[pattern](seed)[None] for seed in range(len(truth))])
    masked = Masked(truth, observed.to(truth.device)).repeat(config.chains)
    steps = chains.run(
        CATALOGUE[sampler](model, masked),
        generator(2, truth.device),
        config.iterations,
        config.warmup,
        CATALOGUE["pseudo-Gibbs"](model, masked),
    )
    running, accepted = chains.RunningMean(), []
    for step in steps:
        if not step.warming_up:
            running.add(step.state.likelihood.mean)
            accepted.append(step.info.accepted)
    assert running.mean is not None
    mean = running.mean.unflatten(0, (len(truth), config.chains)).mean(1)
    hidden = ~observed.to(truth.device)
    each = f1_hidden(mean, truth, ~hidden)
    moved = torch.stack(accepted, 1)
    return Inpainting(
        sampler,
        pattern,
        f1_hidden(mean, truth, ~hidden, event_dims=4).item(),
        each.std().item() / len(each) ** 0.5,
        moved.float().mean().item(),
        1 - moved.any(1).float().mean().item(),
    )
