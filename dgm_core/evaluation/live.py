"""What the rounding of a live weight file costs: the model with 8 bits against the shipped one.

The bounds of both models are computed for the same images with the same noise, so their
difference has a small error. The log-ratios of both are computed for the same moves of one chain.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core import data, zoo
from dgm_core.bounds import elbo, log_weights
from dgm_core.live import weights
from dgm_core.metrics import mean_and_error
from dgm_core.missing import masks
from dgm_core.models.vae import VAE
from dgm_core.rng import generator
from dgm_core.samplers import metropolis_within_gibbs, pseudo_gibbs
from dgm_core.samplers.acceptance import log_acceptance_ratio
from dgm_core.types import Masked


class Cost(NamedTuple):
    """Nats are per image; errors are standard errors over images, or over characters."""

    model: str
    bytes: int  # of the weight file
    images: int
    elbo: float  # of the shipped model
    loss: float  # ELBO of the shipped model − ELBO of the rounded one
    loss_error: float
    log_ratio_difference: float  # median size of the difference of two log-ratios, nats
    same_decisions: float  # part of the moves on which both models decide the same
    acceptance: float  # part of the moves that the shipped model accepts
    rounded_acceptance: float  # part of the same moves that the rounded model accepts

    def sentence(self) -> str:
        """The row in words."""
        return (
            f"{self.model}: {self.bytes / 1e6:.2f} MB, ELBO {self.elbo:.2f}, of which rounding "
            f"costs {self.loss:.4f} ± {self.loss_error:.4f}; {100 * self.same_decisions:.2f} % of "
            f"decisions are the same, log-ratios differ by {self.log_ratio_difference:.3f}"
        )


def cost(name: str, images: int = 500, draws: int = 20, iterations: int = 100) -> Cost:
    """Measure a model of the zoo.

    Args:
        name: a DLVM of 28×28 pixels.
        images: number of test images, chosen at random and binarised.
        draws: importance samples per image for the bound.
        iterations: of Metropolis, with half of the pixels hidden at random, after 20 of
            pseudo-Gibbs.
    """
    shipped, rounded = zoo.load(name), zoo.load(name)
    content = weights.packed(name)
    rounded.load_state_dict(weights.tensors(content))
    sample = data.load(zoo.card(name)["data"], "test").sample(images)
    x = data.binarize(sample.x, generator(0))
    ours, theirs = (_elbos(model, x, draws) for model in (shipped, rounded))
    loss = mean_and_error(ours - theirs, sample.groups)
    ratios, others, log_u = _log_ratios(shipped, rounded, x, iterations)
    accepted, also = log_u < ratios, log_u < others
    return Cost(
        name,
        len(content),
        len(x),
        ours.mean().item(),
        loss.mean.item(),
        loss.standard_error.item(),
        (ratios - others).abs().median().item(),
        (accepted == also).float().mean().item(),
        accepted.float().mean().item(),
        also.float().mean().item(),
    )


def _elbos(model: VAE, x: Tensor, draws: int) -> Tensor:
    """The ELBO of each image, (B,), with noise that is the same for every model."""
    source = generator(1)
    with torch.inference_mode():
        parts = [elbo(log_weights(model, part, draws, source)) for part in x.split(50)]
    return torch.cat(parts)


def _log_ratios(
    shipped: VAE, rounded: VAE, x: Tensor, iterations: int
) -> tuple[Tensor, Tensor, Tensor]:
    """log ρ of both models for the moves of a chain of the shipped one.

    One chain per image. The third result is log u of each move.
    """
    source = generator(2)
    observed = torch.stack([masks.random_pixels(28, 28, 0.5, source) for _ in x])
    masked = Masked(x, observed[:, None])
    warm, exact = pseudo_gibbs(shipped, masked), metropolis_within_gibbs(shipped, masked)
    found = []
    with torch.inference_mode():
        state = warm.init(source)
        for _ in range(20):
            state, _ = warm.step(state, source)
        for _ in range(iterations):
            before = state
            state, info = exact.step(state, source)
            proposal = rounded.encode(before.x)
            targets = (
                rounded.decode(z).log_prob(before.x) + rounded.prior().log_prob(z)
                for z in (info.z_new, before.z)
            )
            new, old = targets
            other = log_acceptance_ratio(
                new, proposal.log_prob(info.z_new), old, proposal.log_prob(before.z)
            )
            found.append((info.log_ratio, other, info.log_u))
    ratios, others, log_u = (torch.cat(each) for each in zip(*found, strict=True))
    return ratios, others, log_u
