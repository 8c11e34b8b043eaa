"""Inversion of a generator: gradient descent on z from several starts.

    min over z of  ‖g(z) − x‖² / D + λ ‖z‖² / L

D is the number of pixels times channels, L the dimension of z. The second term keeps z where the
generator was trained; with λ = 0 the search may find closer images at improbable latents. The loss
has many local minima, so several latents start from draws of the prior. The worse half is dropped
after a quarter and after half of the steps (successive halving), and the latent with the smallest
loss of all steps is the result. Zhu et al. 2016; Creswell & Bharath 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import metrics
from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator


@dataclass(frozen=True)
class Config:
    """Everything that determines an inversion.

    Args:
        dataset: names the WGAN.
        image: the target, uint8 (C, H, W), as bytes.
        shape: (C, H, W).
        steps: of Adam.
        starts: latents at the start.
        prior: λ.
        learning_rate: of Adam.
        seed: of the starts.

    Raises:
        ValueError: another number of bytes than of pixels, or a number out of range.
    """

    dataset: str
    image: bytes
    shape: tuple[int, int, int]
    steps: int = 300
    starts: int = 8
    prior: float = 0.002
    learning_rate: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.image) != np.prod(self.shape):
            raise ValueError(f"expected an image of {self.shape} bytes, got {len(self.image)}")
        if self.steps < 1 or self.starts < 1:
            raise ValueError("expected at least one step and one start")
        if self.prior < 0:
            raise ValueError(f"expected λ of 0 or more, got {self.prior}")

    @property
    def target(self) -> Tensor:
        """The image to find, float32 (C, H, W) in [0, 1]."""
        levels = np.frombuffer(self.image, np.uint8).reshape(self.shape)
        return torch.from_numpy(levels.astype(np.float32) / 255)


class Frame(NamedTuple):
    """The latent with the smallest loss so far."""

    step: int
    z: np.ndarray  # (L,)
    image: np.ndarray  # (C, H, W) in [0, 1]
    rmse: float  # of its pixels, levels in [0, 1]
    rmses: np.ndarray  # (starts,) at this step, NaN for dropped starts


class Result(NamedTuple):
    """The latent with the smallest loss of all steps."""

    config: Config
    z: np.ndarray
    image: np.ndarray
    rmse: float
    history: tuple[tuple[int, float], ...]  # (step, best RMSE so far)


def run(config: Config, model: WGAN, every: int = 10) -> Iterator[Frame | Result]:
    """A frame every few steps, then the `Result`.

    Args:
        config: the target and the settings.
        model: frozen; the search runs on its device.
        every: steps between frames.

    Raises:
        ValueError: the model generates images of another shape.
    """
    device = next(model.parameters()).device
    target = config.target.to(device)
    z = model.latents(config.starts, generator(config.seed)).to(device)
    with torch.no_grad():
        shape = tuple(model.generate(z[:1]).shape[1:])
    if shape != tuple(target.shape):
        raise ValueError(f"expected an image of shape {shape}, got {tuple(target.shape)}")
    kept = torch.arange(config.starts)
    first, second = torch.zeros_like(z), torch.zeros_like(z)  # moments of Adam
    best = Frame(0, np.empty(0), np.empty(0), np.inf, np.empty(0))
    least, history = np.inf, []
    for step in range(config.steps + 1):
        images, misfit, gradient = _descended(model, z, target, config.prior)
        loss = misfit + config.prior * z.square().mean(1)
        rmses = np.full(config.starts, np.nan)
        rmses[kept.numpy()] = metrics.rmse(misfit).cpu().numpy()
        smallest = int(loss.argmin())
        if loss[smallest] < least:
            least = loss[smallest].item()
            best = Frame(
                step,
                z[smallest].cpu().numpy().copy(),
                images[smallest].cpu().numpy().copy(),
                float(rmses[kept[smallest]]),
                rmses,
            )
        if step % every == 0 or step == config.steps:
            history.append((step, best.rmse))
            yield best._replace(step=step, rmses=rmses)
        if step == config.steps:
            break
        if step in _halvings(config.steps) and len(kept) > 1:
            better = loss.argsort()[: max(1, len(kept) // 2)].cpu()
            kept, z, first, second = kept[better], z[better], first[better], second[better]
            continue
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.square()
        rate = config.learning_rate * 0.5 * (1 + np.cos(np.pi * step / config.steps))
        direction = first / (1 - 0.9 ** (step + 1))
        z = z - rate * direction / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
    yield Result(config, best.z, best.image, best.rmse, tuple(history))


@torch.enable_grad()
def _descended(
    model: WGAN, z: Tensor, target: Tensor, prior: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Images of latents (B, L), their misfits (B,), and the gradient of the loss."""
    z = z.detach().requires_grad_()
    images = model.generate(z)
    misfit = (images - target).square().flatten(1).mean(1)
    (gradient,) = torch.autograd.grad((misfit + prior * z.square().mean(1)).sum(), z)
    return images.detach(), misfit.detach(), gradient


def _halvings(steps: int) -> tuple[int, ...]:
    """Steps after which the worse half of the latents is dropped."""
    return steps // 4, steps // 2
