"""Time of each imputer of images, compared with the passes of its networks alone.

Weights do not affect speed, so the networks are untrained. The rate of a matrix product is
measured in the same run, to compare machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dgm_core.bench.timing import Line, milliseconds
from dgm_core.device import default_device
from dgm_core.imputers import CATALOGUE
from dgm_core.missing import masks
from dgm_core.models.dlvm import convolutional_dlvm, face_dlvm
from dgm_core.models.dmfa import DMFA, unet_dmfa
from dgm_core.models.mfa import MixtureOfFactorAnalysers
from dgm_core.models.miwae import MIWAE, face_miwae, fully_connected_miwae
from dgm_core.models.vae import VAE
from dgm_core.rng import generator
from dgm_core.types import Masked

Call = Callable[[], object]


def run() -> Iterator[Line]:
    """All lines of this benchmark, on the default device with all its threads."""
    device = default_device()
    a = torch.rand(1024, 1024, device=device)
    taken = milliseconds({"product": lambda: a @ a}, repeats=20)["product"]
    yield Line("matrix product, 1024 × 1024, float32", 2 * 1024**3 / taken / 1e6, "GFLOP/s", None)
    digit, face = _problem(1, 28, device), _problem(3, 64, device)
    yield from _one_shot(digit, face)
    yield from _chains(digit, face)
    yield from _baselines(digit, face)


def _problem(channels: int, side: int, device: torch.device) -> Masked:
    x = (torch.rand(1, channels, side, side, generator=generator(0)) < 0.2).float()
    return Masked(x, masks.top_half(side, side).expand_as(x)).to(device)


def _frozen(model: torch.nn.Module, device: torch.device) -> Any:
    return model.to(device).eval().requires_grad_(False)


def _impute(name: str, needed: object, masked: Masked, **settings: Any) -> Call:
    constructor: Any = CATALOGUE[name]
    method = constructor(*(() if needed is None else (needed,)), **settings)

    def call() -> None:
        for _ in method.run(masked, generator(1, masked.x.device)):
            pass

    return call


def _compared(
    what: str, call: Call, floor: Call | None, goal: float | None = None, repeats: int = 15
) -> Iterator[Line]:
    with torch.inference_mode():
        alternatives = {"method": call} | ({} if floor is None else {"floor": floor})
        taken = milliseconds(alternatives, repeats=repeats, warmup=2)
    yield Line(what, taken["method"], "ms", goal)
    if floor is not None:
        yield Line(f"{what}: its network passes alone", taken["floor"], "ms", None)
        yield Line(f"{what}: ratio", taken["method"] / taken["floor"], "×", None)


def _one_shot(digit: Masked, face: Masked) -> Iterator[Line]:
    device = digit.x.device
    for what, model, masked, draws, repeats, goal in (
        ("MIWAE, digit, K = 1,000", fully_connected_miwae(), digit, 1000, 15, 60.0),
        ("MIWAE, face, K = 100", face_miwae(channels=24), face, 100, 5, None),
    ):
        model = _frozen(model, device)
        call = _impute("MIWAE", model, masked, samples=draws, draws=16)
        floor = _miwae_passes(model, masked, draws)
        yield from _compared(what, call, floor, goal, repeats)
    for what, model, masked, goal in (
        ("DMFA, digit, mean and 16 draws", unet_dmfa(components=2), digit, None),
        (
            "DMFA, face, mean and 16 draws",
            unet_dmfa(3, components=1, factors=16, widths=(48, 96, 128)),
            face,
            60.0,
        ),
    ):
        model = _frozen(model, device)
        call = _impute("DMFA", model, masked, draws=16)
        yield from _compared(what, call, _dmfa_pass(model, masked), goal)


def _miwae_passes(model: MIWAE, masked: Masked, draws: int) -> Call:
    z = torch.zeros(draws, model.latent_dim, device=masked.x.device)

    def passes() -> None:
        model.encode_incomplete(masked)
        for part in z.split(125):
            model.decoder(part)

    return passes


def _dmfa_pass(model: DMFA, masked: Masked) -> Call:
    both = torch.cat([masked.x, masked.observed.to(masked.x)], 1)
    return lambda: model.backbone(both)


def _chains(digit: Masked, face: Masked, iterations: int = 300) -> Iterator[Line]:
    device = digit.x.device
    digits, faces = _frozen(convolutional_dlvm(), device), _frozen(face_dlvm(), device)
    for name in ("pseudo-Gibbs", "Metropolis-within-Gibbs", "collapsed Metropolis"):
        call = _impute(name, digits, digit, iterations=iterations, chains=8)
        floor = _passes(digits, digit.x, 8, 8, iterations)
        yield from _compared(
            f"{name}, digit, 8 chains, {iterations} iterations", call, floor, repeats=3
        )
    for what, model, masked, (k, r), steps, goal in (
        ("digit", digits, digit, (4, 1), iterations, 1000.0),
        ("digit", digits, digit, (8, 1), iterations, None),
        ("face", faces, face, (8, 1), 30, None),
    ):
        call = _impute(
            "LAIR", model, masked, iterations=steps, warmup=10, completions=k, prior_proposals=r
        )
        floor = _passes(model, masked.x, k, k + r, steps)
        name = f"LAIR, {what}, K = {k}, R = {r}, {steps} iterations"
        yield from _compared(name, call, floor, goal, repeats=5)


def _passes(model: VAE, x: Tensor, encoded: int, decoded: int, iterations: int) -> Call:
    """Encoder and decoder passes of `iterations` iterations, with the batch sizes of a sampler."""
    rows, z = x.repeat(encoded, 1, 1, 1), torch.zeros(decoded, model.latent_dim, device=x.device)

    def passes() -> None:
        for _ in range(iterations):
            model.encoder(rows)
            model.decoder(z)

    return passes


def _baselines(digit: Masked, face: Masked) -> Iterator[Line]:
    """Methods without networks, so without a floor; they are fitted before they are timed."""
    for what, masked in (("digit", digit), ("face", face)):
        event = masked.x.shape[1:]
        images = torch.rand(2000, *event, generator=generator(2)).to(masked.x.device)
        mixture = MixtureOfFactorAnalysers(event, 30, 8).to(masked.x.device)
        needed = {
            "MFA": mixture,
            "PPCA": images,
            "iterative PCA": images,
            "nearest neighbours": images,
            "diffusion of the edge": None,
            "mean image": images,
        }
        for name, each in needed.items():
            yield from _compared(f"{name}, {what}", _impute(name, each, masked), None, repeats=3)
