"""Time of a Metropolis iteration, compared with its network passes alone.

Weights do not matter here, so the networks are untrained.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dgm_core.bench.plain_forms import plain_pseudo_gibbs_step, with_plain_layers
from dgm_core.bench.timing import Line, milliseconds, one_thread
from dgm_core.device import default_device
from dgm_core.distributions.likelihoods import BernoulliLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.missing import masks
from dgm_core.models.dlvm import convolutional_dlvm, fully_connected_dlvm
from dgm_core.models.vae import VAE
from dgm_core.networks import SubpixelConvTranspose2d
from dgm_core.rng import generator
from dgm_core.samplers import metropolis_within_gibbs, pseudo_gibbs
from dgm_core.studies.inpainting import two_samplers
from dgm_core.types import Masked


def run() -> Iterator[Line]:
    """All lines of this benchmark."""
    device = default_device()
    with one_thread():
        for name, make in (
            ("fully connected", fully_connected_dlvm),
            ("convolutional", convolutional_dlvm),
        ):
            yield from _compared_with_passes(name, make().to(device).eval().requires_grad_(False))
        yield from _public_architecture(device)
        yield from _page_run(device)


def _problem(images: int, device: torch.device) -> Masked:
    x = (torch.rand(images, 1, 28, 28, generator=generator(0)) < 0.2).float()
    observed = torch.stack(
        [masks.random_pixels(28, 28, 0.5, generator(seed))[None] for seed in range(images)]
    )
    return Masked(x, observed).to(device)


def _compared_with_passes(name: str, model: VAE, batch: int = 64) -> Iterator[Line]:
    """One iteration, compared with one encoder pass and one decoder pass for the same batch."""
    masked = _problem(batch, device_of(model))
    sampler, source = metropolis_within_gibbs(model, masked), generator(1, masked.x.device)
    with torch.inference_mode():
        state = sampler.init(source)
        taken = milliseconds(
            {
                "iteration": lambda: sampler.step(state, source),
                "passes": lambda: (model.encoder(state.x), model.decoder(state.z)),
            }
        )
    yield Line(f"{name}: encoder + decoder pass, batch {batch}", taken["passes"], "ms", None)
    yield Line(f"{name}: one Metropolis iteration", taken["iteration"], "ms", None)
    yield Line(f"{name}: ratio", taken["iteration"] / taken["passes"], "×", 1.6)


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device


def public_architecture() -> VAE:
    """The convolutional VAE of the public DLVM code: 64 and 128 channels, 16 latents."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 32),
    )
    decoder = nn.Sequential(
        nn.Linear(16, 128 * 7 * 7),
        nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        SubpixelConvTranspose2d(128, 64),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        SubpixelConvTranspose2d(64, 1),
    )
    return VAE(encoder, DiagonalGaussian(16), decoder, BernoulliLikelihood(), 16)


def _public_architecture(device: torch.device, images: int = 100) -> Iterator[Line]:
    """Per image and iteration: 100 images at once, and one at a time, as in the public code."""
    model = public_architecture().to(device).eval().requires_grad_(False)
    masked = _problem(images, device)
    together = metropolis_within_gibbs(model, masked)
    alone = metropolis_within_gibbs(model, masked[:1])
    gibbs = pseudo_gibbs(model, masked[:1])
    plain: Any = with_plain_layers(copy.deepcopy(model))
    source = generator(1, device)
    with torch.inference_mode():
        state, one = together.init(source), alone.init(source)
        taken = milliseconds(
            {
                "together": lambda: together.step(state, source),
                "alone": lambda: alone.step(one, source),
                "passes": lambda: (model.encoder(state.x), model.decoder(state.z)),
                "decoder": lambda: model.decoder(one.z),
                "pseudo-Gibbs": lambda: gibbs.step(one, source),
                "plain": lambda: plain_pseudo_gibbs_step(plain, one.x, masked.observed[:1]),
            }
        )
    unit = "ms per image and iteration"
    yield Line("public architecture: its two passes alone", taken["passes"] / images, unit, None)
    yield Line("public architecture: one image at a time", taken["alone"], unit, None)
    yield Line("public architecture: decoder, one image", taken["decoder"], "ms", 0.7)
    what = "public architecture: pseudo-Gibbs, one image"
    yield Line(what, taken["pseudo-Gibbs"], "ms", None)
    yield Line(f"{what} ÷ the plain form", taken["pseudo-Gibbs"] / taken["plain"], "×", 0.67)
    yield Line(
        f"public architecture: {images} images at once", taken["together"] / images, unit, 0.25
    )


def _page_run(device: torch.device, repeats: int = 5) -> Iterator[Line]:
    """The default run of the inpainting lab: both samplers, with all that the lab shows."""
    hidden = ~masks.top_half(28, 28).numpy()
    original: Tensor = _problem(1, device).x[0, 0] > 0.5
    config = two_samplers.Config(
        "", two_samplers.pack(original.cpu().numpy()), two_samplers.pack(hidden)
    )
    model = convolutional_dlvm().to(device).eval().requires_grad_(False)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _frame in two_samplers.run(config, model):
            pass
        seconds.append(time.perf_counter() - start)
    yield Line(
        f"lab: both samplers, {config.chains} chains × {config.iterations} iterations",
        statistics.median(seconds),
        "s",
        1.5,
    )
