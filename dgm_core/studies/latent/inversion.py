"""Find the latent of a picture: gradient descent on z, from several beginnings at once.

    min over z of  ‖g(z) − x‖² / D + λ ‖z‖² / L

D pixels × channels, L latents. The second term keeps z where the generator was trained; λ = 0 may
find stranger latents that look closer. The loss has many valleys, so that several latents start
from draws of the prior, the half of them that lags is dropped half way (successive halving), and
the one of the least loss ever seen is kept. Zhu et al. 2016; Creswell & Bharath 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator


@dataclass(frozen=True)
class Config:
    """All that determines an inversion.

    Args:
        dataset: whose WGAN.
        image: levels, uint8 (C, H, W), as bytes.
        shape: (C, H, W).
        steps: of Adam.
        starts: latents side by side.
        prior: λ.
        learning_rate: of Adam.
        seed: of the beginnings.

    Raises:
        ValueError: a wrong number of bytes, or a number out of range.
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
        """The picture, float32 (C, H, W) in [0, 1]."""
        levels = np.frombuffer(self.image, np.uint8).reshape(self.shape)
        return torch.from_numpy(levels.astype(np.float32) / 255)


class Frame(NamedTuple):
    """The one of the least loss so far."""

    step: int
    z: np.ndarray  # (L,)
    image: np.ndarray  # (C, H, W) in [0, 1]
    rmse: float  # of its pixels, levels in [0, 1]
    rmses: np.ndarray  # (starts,) now, NaN where dropped


class Result(NamedTuple):
    """The end; `course` is what became of the best RMSE."""

    config: Config
    z: np.ndarray
    image: np.ndarray
    rmse: float
    course: tuple[tuple[int, float], ...]


def run(config: Config, model: WGAN, every: int = 10) -> Iterator[Frame | Result]:
    """A frame every few steps, and the `Result`.

    Args:
        config: what to find.
        model: frozen; runs on its own device.
        every: steps between frames.

    Raises:
        ValueError: the model makes images of another shape.
    """
    device = next(model.parameters()).device
    target = config.target.to(device)
    z = model.latents(config.starts, generator(config.seed)).to(device)
    with torch.no_grad():
        made = model.generate(z[:1])
    if made.shape[1:] != target.shape:
        raise ValueError(f"the model makes {tuple(made.shape[1:])}, not {tuple(target.shape)}")
    going = torch.arange(config.starts)
    first, second = torch.zeros_like(z), torch.zeros_like(z)  # moments of Adam
    best = Frame(0, np.empty(0), np.empty(0), np.inf, np.empty(0))
    least, course = np.inf, []
    for step in range(config.steps + 1):
        images, misfit, gradient = _descended(model, z, target, config.prior)
        loss = misfit + config.prior * z.square().mean(1)
        rmses = np.full(config.starts, np.nan)
        rmses[going.numpy()] = misfit.sqrt().cpu().numpy()
        leader = int(loss.argmin())
        if loss[leader] < least:
            least = loss[leader].item()
            best = Frame(
                step,
                z[leader].cpu().numpy().copy(),
                images[leader].cpu().numpy().copy(),
                float(rmses[going[leader]]),
                rmses,
            )
        if step % every == 0 or step == config.steps:
            course.append((step, best.rmse))
            yield best._replace(step=step, rmses=rmses)
        if step == config.steps:
            break
        if step in _halvings(config.steps) and len(going) > 1:
            kept = loss.argsort()[: max(1, len(going) // 2)].cpu()
            going, z, first, second = going[kept], z[kept], first[kept], second[kept]
            continue
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.square()
        rate = config.learning_rate * 0.5 * (1 + np.cos(np.pi * step / config.steps))
        up = first / (1 - 0.9 ** (step + 1))
        z = z - rate * up / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
    yield Result(config, best.z, best.image, best.rmse, tuple(course))


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
    """When half of the latents are dropped."""
    return steps // 4, steps // 2
