"""Losses for `fit`: what a latent-variable model and its proposal are trained to do.

Images come grey; each time they are used they are binarised anew.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_core.bounds import elbo, log_weights
from dgm_core.data import binarize
from dgm_core.rng import draw, uniform
from dgm_core.samplers import metropolis_within_gibbs
from dgm_core.samplers.state import State
from dgm_core.training import Objective
from dgm_core.types import LatentVariableModel, Masked


def negative_elbo(model: LatentVariableModel, x: Tensor, source: torch.Generator) -> Tensor:
    """−ELBO of one draw, nats per image: sums over pixels and latents, a mean over the batch."""
    return -elbo(log_weights(model, binarize(x, source), 1, source)).mean()


def proposal_divergence(
    model: LatentVariableModel, x: Tensor, source: torch.Generator, iterations: int = 2
) -> Tensor:
    """How badly q(z|x) proposes on *completed* images, as a symmetric divergence up to constants.

        ½ E[−log q(z|x)]  +  ½ E[−ELBO(x)]
        forward KL(p‖q): q must cover p    reverse KL(q‖p): q must not stray from it

    The expectations are over (z, x) of a Metropolis chain for p(z, x_mis | x_obs) that starts at a
    training image, under a fresh random mask: the images on which a sampler calls the encoder.
    Only the encoder should be among the parameters trained; the model itself stays as it is.
    Forward KL along a chain is Markovian score climbing (Naesseth, Lindsten & Blei 2020).
    """
    x = binarize(x, source)
    with torch.no_grad():
        rate = uniform((len(x), 1, 1, 1), source) * 0.9
        masked = Masked(x, uniform(tuple(x.shape), source) >= rate)
        sampler = metropolis_within_gibbs(model, masked)
        z = draw(model.encode(x), source)
        likelihood = model.decode(z)
        state = State(x, z, likelihood, likelihood.log_prob(x) + model.prior().log_prob(z))
        for _ in range(iterations):
            state, _ = sampler.step(state, source)
    proposal = model.encode(state.x)
    z = draw(proposal, source)
    log_joint = model.decode(z).log_prob(state.x) + model.prior().log_prob(z)
    reverse = proposal.log_prob(z) - log_joint
    forward = -proposal.log_prob(state.z)
    return 0.5 * (forward + reverse).mean()


def shifted(objective: Objective, pixels: int) -> Objective:
    """The objective on images moved by up to `pixels` in each direction, black moving in.

    For data sets whose pictures lie anywhere in their frame, and of which there are few.
    """

    def on_shifted(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, random_shift(x, pixels, source), source)

    return on_shifted


def random_shift(x: Tensor, pixels: int, source: torch.Generator) -> Tensor:
    """Each image of (B, C, H, W) moved by its own whole number of pixels in −pixels … pixels."""
    count, _, height, width = x.shape
    padded = nn.functional.pad(x, (pixels,) * 4)
    by = torch.randint(0, 2 * pixels + 1, (2, count, 1), generator=source, device=source.device)
    rows = torch.arange(height, device=x.device) + by[0]
    columns = torch.arange(width, device=x.device) + by[1]
    image = torch.arange(count, device=x.device)
    picked = padded[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
