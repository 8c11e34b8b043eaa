"""The numbers on a DLVM's card: log p(x) of test images, and how well the samplers do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dgm_core import bounds, data, metrics
from dgm_core.missing import masks
from dgm_core.rng import generator
from dgm_core.samplers import CATALOGUE, chains
from dgm_core.types import LatentVariableModel, Masked

PATTERNS: dict[str, Callable[[int, int, int], Tensor]] = {
    "50 % at random": lambda height, width, seed: masks.random_pixels(
        height, width, 0.5, generator(seed)
    ),
    "top half": lambda height, width, seed: masks.top_half(height, width),
    "80 % at random": lambda height, width, seed: masks.random_pixels(
        height, width, 0.8, generator(seed)
    ),
}
"""(height, width, number of the image) → mask; the random ones differ from image to image."""


def observed_by(pattern: str, images: Tensor) -> Tensor:
    """The mask of a pattern for each of (B, C, H, W) images: bool, of their shape."""
    make, (height, width) = PATTERNS[pattern], images.shape[2:]
    each = [make(height, width, number)[None] for number in range(len(images))]
    return torch.stack(each).expand(images.shape).to(images.device)


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
    """One sampler on one pattern of missing pixels; binary images are cut at ½."""

    sampler: str
    pattern: str
    score: str  # f1 of binary images, psnr of others
    value: float  # hidden pixels, posterior mean over all chains; F1 pooled over images
    standard_error: float  # over images
    acceptance: float
    stuck: float  # share of chains that accepted nothing after the warm-up

    def as_card(self) -> dict[str, Any]:
        """Rounded, with the value under the score's name."""
        fields = self._asdict()
        named = {
            "sampler": fields.pop("sampler"),
            "pattern": fields.pop("pattern"),
            fields.pop("score"): fields.pop("value"),
            **fields,
        }
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in named.items()}


class Result(NamedTuple):
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
                "estimator": f"importance sampling, K = {likelihood.draws}, first "
                f"{likelihood.images} test images{', dynamically binarised' * self.binary}",
            },
            "inpainting": [row.as_card() for row in rows],
        }


def run(config: Config, model: LatentVariableModel) -> Iterator[Frame | Result]:
    """Measure; `Frame`s tell how far it is, the `Result` comes last."""
    device = next(model.parameters()).device  # type: ignore[attr-defined]
    test = data.load(config.dataset, "test").x
    x, binary = test[: config.images], test.shape[1] == 1
    x = (data.binarize(x, generator(0)) if binary else x).to(device)
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
    truth = test[: config.inpainted].to(device)
    truth = data.threshold(truth) if binary else truth
    rows = []
    for pattern in PATTERNS:
        for sampler in ("pseudo-Gibbs", "Metropolis-within-Gibbs"):
            yield Frame(f"{sampler}, {pattern}", len(rows) / (2 * len(PATTERNS)))
            rows.append(_inpaint(config, model, truth, sampler, pattern))
    yield Result(likelihood, rows, binary)


def _inpaint(
    config: Config, model: LatentVariableModel, truth: Tensor, sampler: str, pattern: str
) -> Inpainting:
    observed = observed_by(pattern, truth)
    masked = Masked(truth, observed).repeat(config.chains)
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
    moved = torch.stack(accepted, 1)
    return Inpainting(
        sampler,
        pattern,
        *score_of(mean, truth, observed),
        moved.float().mean().item(),
        1 - moved.any(1).float().mean().item(),
    )


def score_of(mean: Tensor, truth: Tensor, observed: Tensor) -> tuple[str, float, float]:
    """The score's name, its value over all images, its standard error over images."""
    if truth.shape[1] == 1:
        each = metrics.f1_hidden(mean, truth, observed)
        value = metrics.f1_hidden(mean, truth, observed, event_dims=4).item()
        return "f1", value, each.std().item() / len(each) ** 0.5
    value, error = metrics.mean_and_error(metrics.psnr_hidden(mean, truth, observed))
    return "psnr", float(value), float(error)
