"""Losses for `fit`: what the models are trained to do, and what is done to images on the way.

A loss is a function of (model, batch, generator); `binarised`, `shifted` and their kind take one
and give one.

    >>> from dgm_core.models.dlvm import fully_connected_dlvm
    >>> from dgm_core.rng import generator
    >>> loss = binarised(negative_iwae_bound(draws=5))
    >>> model, grey = fully_connected_dlvm(latent_dim=2, hidden=8), torch.full((3, 1, 28, 28), 0.5)
    >>> bool(loss(model, grey, generator(0)) > 0)
    True
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgm_core.bounds import elbo, iwae_bound, log_weights
from dgm_core.data import binarize, source_window, threshold
from dgm_core.missing import mixed_masks
from dgm_core.mixtures import online_em_step
from dgm_core.models.classifier import Classifier
from dgm_core.models.dmfa import DMFA
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.vae_gmm import MixtureVAE
from dgm_core.rng import draw, uniform
from dgm_core.samplers import metropolis_within_gibbs
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.importance import incomplete_log_weights
from dgm_core.samplers.integrated import FAST, integrated
from dgm_core.samplers.state import State
from dgm_core.training import parallel
from dgm_core.training.loop import Objective
from dgm_core.types import Labelled, LabelledImages, LatentVariableModel, Masked


def negative_elbo(model: LatentVariableModel, x: Tensor, source: torch.Generator) -> Tensor:
    """−ELBO of one draw, nats per image: sums over pixels and latents, a mean over the batch."""
    return -elbo(log_weights(model, x, 1, source)).mean()


def negative_iwae_bound(draws: int) -> Objective:
    """−IWAE_K with K = `draws`, nats per image (Burda, Grosse & Salakhutdinov 2016).

    A model trained by it is near the bound that it will be judged by, and spreads over more of
    its latents; of its encoder little more is asked than to hit the posterior now and then.
    """

    def loss(model: LatentVariableModel, x: Tensor, source: torch.Generator) -> Tensor:
        return -iwae_bound(log_weights(model, x, draws, source)).mean()

    return loss


def negative_weighted_elbo(weight: float) -> Objective:
    """−[log p(x|z) + weight · (log p(z) − log q(z|x))] of one draw, nats per image.

    The bound if the weight is 1. With less at the start of a training, latents are taken into use
    before the prior can have them back (Bowman et al. 2016; Sønderby et al. 2016).
    """

    def loss(model: LatentVariableModel, x: Tensor, source: torch.Generator) -> Tensor:
        proposal = model.encode(x)
        z = draw(proposal, source)
        divergence = proposal.log_prob(z) - model.prior().log_prob(z)
        return (weight * divergence - model.decode(z).log_prob(x)).mean()

    return loss


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
    with torch.no_grad():
        rate = uniform((len(x), 1, 1, 1), source) * 0.9
        seen = uniform((len(x), 1, *x.shape[2:]), source) >= rate
        masked = Masked(x, seen.expand_as(x))
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


def negative_miwae_bound(draws: int, proportions: mixed_masks.Proportions) -> Objective:
    """−MIWAE bound with K = `draws`, nats per image, under fresh masks of many kinds.

    What a mask hides is never seen: neither by the encoder nor in the likelihood.
    """

    def loss(model: MIWAE, x: Tensor, source: torch.Generator) -> Tensor:
        observed = mixed_masks.mixed(len(x), *x.shape[2:], source, proportions).expand_as(x)
        return -iwae_bound(
            incomplete_log_weights(model, Masked(x, observed), draws, source)
        ).mean()

    return loss


def negative_completion_bound(draws: int) -> Objective:
    """−L_K of `samplers.completions` with K = `draws`, nats a row, of data that come incomplete.

    Batches are `Masked`, or `Labelled` for a model that predicts. MIWAE, not-MIWAE and their
    supervised forms each contribute the terms they have.
    """

    def loss(model: MIWAE, rows: Masked | Labelled, source: torch.Generator) -> Tensor:
        masked, y = (rows.masked, rows.y) if isinstance(rows, Labelled) else (rows, None)
        sample = weighted_completions(model, masked, draws, source, y=y, completed=False)
        return -sample.bound.mean()

    return loss


def negative_integrated_bound(draws: int) -> Objective:
    """−bound of a not-MIWAE on log p(x_obs, s) with x_mis integrated out, nats a row.

    With few draws the noise of x_mis,k itself lowers log p(s|x_obs, x_mis,k), the more the steeper
    p(s|x) is: the plain bound prefers a process that is too soft. Here only z is drawn.
    """

    def loss(model: NotMIWAE, masked: Masked, source: torch.Generator) -> Tensor:
        sample = weighted_completions(model, masked, draws, source)
        return -integrated(sample, model.missing_process, FAST).bound.mean()

    return loss


def negative_log_likelihood(
    shift: int = 0, dropout: float = 0.0, *, mirrored: bool = False
) -> Objective:
    """−log p(y | x), nats per image, of images moved by up to `shift` pixels.

    The border is repeated where it moves in; `mirrored`: every second image is. A share `dropout`
    of the features is hidden from the head, the others made larger (Srivastava et al. 2014).
    """

    def loss(model: Classifier, images: LabelledImages, source: torch.Generator) -> Tensor:
        x = random_shift(images.x.float() / 255, shift, source, "replicate")
        if mirrored:
            x = torch.where(uniform((len(x), 1, 1, 1), source) < 0.5, x.flip(3), x)
        features = model.features(x)
        if dropout:
            kept = uniform(tuple(features.shape), source) >= dropout
            features = features * kept / (1 - dropout)
        return -model.predict_from_features(features).log_prob(images.y).mean()

    return loss


def negative_mixture_bound(weight: float = 1.0, *, hard: bool = False) -> Objective:
    """−bound of a `MixtureVAE` whose mixture is held fixed, nats an image.

    The encoder reads grey levels. log p(x|z) of a Bernoulli is linear in x, so that of grey levels
    is the mean over all binarisations: what `binarised` draws is here summed out.

    Args:
        weight: of message and entropy together, that is of −KL(q ‖ mixture); 1 is the bound.
        hard: the message is that of the one cluster that comes with each image, as its label;
            else of all clusters, by the best q(c|x).
    """

    def loss(model: MixtureVAE, images: LabelledImages, source: torch.Generator) -> Tensor:
        terms = model.bound_terms(images.x.float() / 255, source)
        own = terms.message.gather(1, images.y[:, None])[:, 0]
        message = own if hard else terms.message.logsumexp(1)
        return -(terms.reconstruction + weight * (terms.entropy + message)).mean()

    return loss


def negative_joint_bound(
    images: int, weight: float = 1.0, *, floor: float, diagonal: bool
) -> Objective:
    """As `negative_mixture_bound`, and the mixture follows by a step of online EM a batch.

    That step sees the whole batch, also where several processes share it.

    Args:
        images: N in all; a batch B moves the mixture by ρ = |B| / N, a last small one by less.
        weight: as of `negative_mixture_bound`.
        floor: least variance of a cluster in any direction.
        diagonal: covariances without correlations.
    """
    of_networks = negative_mixture_bound(weight)

    def loss(model: MixtureVAE, batch: LabelledImages, source: torch.Generator) -> Tensor:
        value = of_networks(model, batch, source)
        with torch.no_grad():
            latents = model.latents(batch.x.float() / 255)
            mean, variance = (parallel.gathered(each) for each in latents)
        share = len(mean) / images
        model.adopt(
            online_em_step(
                model.mixture, mean, share, variance=variance, floor=floor, diagonal=diagonal
            )
        )
        return value

    return loss


def binarised(objective: Objective) -> Objective:
    """The objective on grey images binarised anew each time they are used."""

    def on_binary(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, binarize(x, source), source)

    return on_binary


def jittered(objective: Objective, pixels: int, *, mirrored: bool) -> Objective:
    """The objective on incomplete images moved by up to `pixels`; `mirrored`: every second one.

    The border is repeated where it moves in. Entries keep their values and whether they are seen,
    so a process that hides them one by one by their values is what it was.
    """

    def on_jittered(model: nn.Module, masked: Masked, source: torch.Generator) -> Tensor:
        both = torch.cat([masked.x, masked.observed.to(masked.x.dtype)], 1)
        if mirrored:
            chosen = uniform((len(masked), 1, 1, 1), source) < 0.5
            both = torch.where(chosen, both.flip(3), both)
        x, seen = random_shift(both, pixels, source, "replicate").chunk(2, 1)
        return objective(model, Masked(x, seen > 0.5), source)

    return on_jittered


def shifted(objective: Objective, pixels: int) -> Objective:
    """The objective on images moved by up to `pixels` in each direction, black moving in.

    For data sets whose pictures lie anywhere in their frame, and of which there are few.
    """

    def on_shifted(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, random_shift(x, pixels, source), source)

    return on_shifted


def random_shift(
    x: Tensor, pixels: int, source: torch.Generator, border: str = "constant"
) -> Tensor:
    """Each image of (B, C, H, W) moved by its own whole number of pixels in −pixels … pixels.

    What moves in is black, or by `border` "replicate" the nearest pixel.
    """
    count, _, height, width = x.shape
    padded = nn.functional.pad(x, (pixels,) * 4, border)
    by = torch.randint(0, 2 * pixels + 1, (2, count, 1), generator=source, device=source.device)
    rows = torch.arange(height, device=x.device) + by[0]
    columns = torch.arange(width, device=x.device) + by[1]
    image = torch.arange(count, device=x.device)
    picked = padded[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def moved_together(x: Tensor, pixels: int, source: torch.Generator) -> Tensor:
    """All images of (B, C, H, W) moved alike, by up to `pixels` in each direction.

    The border is repeated where it moves in. A slice, so that gradients come back at no cost.
    """
    if not pixels:
        return x
    height, width = x.shape[2:]
    padded = nn.functional.pad(x, (pixels,) * 4, "replicate")
    by = torch.randint(2 * pixels + 1, (2,), generator=source, device=source.device)
    down, right = by.tolist()
    return padded[:, :, down : down + height, right : right + width]


def dmfa_loss(squared_error: float) -> Objective:
    """−log p(x_mis | x_obs) + `squared_error` · ‖x_mis − E x_mis‖², summed over the hidden pixels.

    Masks are of many kinds. The first term alone is the likelihood; the second hastens the means
    where the network still takes every pixel for uncertain.
    """

    def loss(model: DMFA, x: Tensor, source: torch.Generator) -> Tensor:
        observed = mixed_masks.mixed(len(x), *x.shape[2:], source).expand_as(x)
        law, truth = model.conditional(Masked(x, observed)), x.flatten(1)
        error = ((law.mean - truth) * law.hidden).square().sum(1)
        return (squared_error * error - law.log_prob(truth)).mean()

    return loss


def sometimes_binary(objective: Objective, share: float) -> Objective:
    """The objective on grey images, a `share` of which is binarised at ½.

    For models of grey levels that will also be shown pictures in black and white.
    """

    def on_some_binary(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        chosen = uniform((len(x), 1, 1, 1), source) < share
        return objective(model, torch.where(chosen, threshold(x), x), source)

    return on_some_binary


def flipped(objective: Objective) -> Objective:
    """The objective on images of which every second is mirrored, left to right."""

    def on_flipped(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        chosen = uniform((len(x), 1, 1, 1), source) < 0.5
        return objective(model, torch.where(chosen, x.flip(3), x), source)

    return on_flipped


def at_two_scales(objective: Objective, small_share: float) -> Objective:
    """The objective on faces of 64×64, or, for a share of the batches, of 32×32.

    The small ones are the window of `data.source_window`; a batch of large ones is a quarter as
    many, so that both cost the same.
    """

    def on_one_scale(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        small = uniform((1,), source).item() < small_share
        faces = source_window(x) if small else x[: max(len(x) // 4, 1)]
        return objective(model, faces, source)

    return on_one_scale
