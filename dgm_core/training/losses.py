"""Losses for `fit`, and augmentations of images.

A loss is a function of (model, batch, generator). `binarised`, `shifted` and the other
augmentations turn a loss into a loss on changed images.

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
from dgm_core.models.partial import PartialEncoder
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
    """−ELBO from one draw, nats per image: a sum over pixels and latents, a mean over images."""
    return -elbo(log_weights(model, x, 1, source)).mean()


def negative_iwae_bound(draws: int) -> Objective:
    """−IWAE_K with K = `draws`, nats per image (Burda, Grosse & Salakhutdinov 2016).

    Compared with the ELBO, the model is trained on the bound by which it is measured and uses more
    of its latents. The encoder only needs to propose well in some of the K draws.
    """

    def loss(model: LatentVariableModel, x: Tensor, source: torch.Generator) -> Tensor:
        return -iwae_bound(log_weights(model, x, draws, source)).mean()

    return loss


def negative_weighted_elbo(weight: float) -> Objective:
    """−[log p(x|z) + weight · (log p(z) − log q(z|x))] from one draw, nats per image.

    A weight of 1 gives the ELBO. A smaller weight at the start of training helps the model to use
    more latents (Bowman et al. 2016; Sønderby et al. 2016).
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
    """Symmetric divergence of q(z|x) from p(z|x) on *completed* images, up to constants.

        ½ E[−log q(z|x)]  +  ½ E[−ELBO(x)]
        forward KL(p‖q): q must cover p    reverse KL(q‖p): q must stay where p is

    The expectations are over (z, x) of a Metropolis chain for p(z, x_mis | x_obs) that starts at a
    training image under a new random mask. These are the images on which a sampler calls the
    encoder. Train only the parameters of the encoder with this loss. The forward KL along a chain
    is Markovian score climbing (Naesseth, Lindsten & Blei 2020).
    """
    with torch.no_grad():
        rate = uniform((len(x), 1, 1, 1), source) * 0.9
        observed = uniform((len(x), 1, *x.shape[2:]), source) >= rate
        masked = Masked(x, observed.expand_as(x))
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
    """−MIWAE bound with K = `draws`, nats per image, under new masks of many kinds.

    Neither the encoder nor the likelihood uses the hidden pixels.
    """

    def loss(model: MIWAE, x: Tensor, source: torch.Generator) -> Tensor:
        height, width = x.shape[2:]
        observed = mixed_masks.mixed(len(x), height, width, source, proportions).expand_as(x)
        log_w = incomplete_log_weights(model, Masked(x, observed), draws, source)
        return -iwae_bound(log_w).mean()

    return loss


def posterior_matching(
    dlvm: LatentVariableModel, proportions: mixed_masks.Proportions
) -> Objective:
    """−log q(z | x_obs, observed), nats per image, for z ~ q(z|x) of a DLVM that stays fixed.

    Masks are of many kinds and new at each use; see `models.partial`.
    """

    def loss(partial: PartialEncoder, x: Tensor, source: torch.Generator) -> Tensor:
        height, width = x.shape[2:]
        observed = mixed_masks.mixed(len(x), height, width, source, proportions).expand_as(x)
        with torch.no_grad():
            z = draw(dlvm.encode(x), source)
        return -partial(Masked(x, observed)).log_prob(z).mean()

    return loss


def negative_completion_bound(draws: int) -> Objective:
    """−L_K of `samplers.completions` with K = `draws`, nats per row, for incomplete data.

    Batches are `Masked`, or `Labelled` for a supervised model. The bound has the terms of the
    model: MIWAE, not-MIWAE or one of their supervised forms.
    """

    bounds = completion_bounds(draws)

    def loss(model: MIWAE, rows: Masked | Labelled, source: torch.Generator) -> Tensor:
        return -bounds(model, rows, source).mean()

    return loss


def completion_bounds(draws: int) -> Objective:
    """L_K of each row with K = `draws`, (B,) nats; see `negative_completion_bound`."""

    def bounds(model: MIWAE, rows: Masked | Labelled, source: torch.Generator) -> Tensor:
        masked, y = (rows.masked, rows.y) if isinstance(rows, Labelled) else (rows, None)
        return weighted_completions(model, masked, draws, source, y=y, completed=False).bound

    return bounds


def negative_integrated_bound(draws: int) -> Objective:
    """−bound of a not-MIWAE on log p(x_obs, s) with x_mis integrated out, nats per row.

    With few draws, the noise of x_mis,k lowers log p(s|x_obs, x_mis,k), the more the steeper
    p(s|x) is. The plain bound therefore prefers a missing process that is not steep enough. Here
    only z is drawn.
    """

    def loss(model: NotMIWAE, masked: Masked, source: torch.Generator) -> Tensor:
        sample = weighted_completions(model, masked, draws, source)
        return -integrated(sample, model.missing_process, FAST).bound.mean()

    return loss


def negative_log_likelihood(
    shift: int = 0, dropout: float = 0.0, *, mirrored: bool = False
) -> Objective:
    """−log p(y | x), nats per image, of images shifted by up to `shift` pixels.

    Border pixels are repeated. If `mirrored`, each image is mirrored with probability ½. A
    fraction `dropout` of the features is set to 0 and the others are scaled up (Srivastava et al.
    2014).
    """

    def loss(model: Classifier, images: LabelledImages, source: torch.Generator) -> Tensor:
        x = random_shift(images.x.float() / 255, shift, source, "replicate")
        if mirrored:
            x = random_flip(x, source)
        features = model.features(x)
        if dropout:
            kept = uniform(tuple(features.shape), source) >= dropout
            features = features * kept / (1 - dropout)
        return -model.predict_from_features(features).log_prob(images.y).mean()

    return loss


def negative_mixture_bound(weight: float = 1.0, *, hard: bool = False) -> Objective:
    """−bound of a `MixtureVAE` with a fixed mixture, nats per image.

    The encoder reads grey levels. log p(x|z) of a Bernoulli is linear in x, so its value at grey
    levels is the mean over all binarisations. `binarised` would draw them instead.

    Args:
        weight: of message and entropy together, that is of −KL(q ‖ mixture); 1 is the bound.
        hard: use the message of the one cluster that is the label of the image; otherwise the
            message of all clusters, with the optimal q(c|x).
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
    """`negative_mixture_bound`, with one step of online EM for the mixture per batch.

    That step uses the whole batch, even if several processes split it.

    Args:
        images: N in all; a batch B has the step size ρ = |B| / N.
        weight: see `negative_mixture_bound`.
        floor: least variance of a cluster in any direction.
        diagonal: covariances without correlations.
    """
    network_loss = negative_mixture_bound(weight)

    def loss(model: MixtureVAE, batch: LabelledImages, source: torch.Generator) -> Tensor:
        value = network_loss(model, batch, source)
        with torch.no_grad():
            latents = model.latents(batch.x.float() / 255)
            mean, variance = (parallel.gathered(each) for each in latents)
        fraction = len(mean) / images
        mixture = online_em_step(
            model.mixture, mean, fraction, variance=variance, floor=floor, diagonal=diagonal
        )
        model.adopt(mixture)
        return value

    return loss


def binarised(objective: Objective) -> Objective:
    """The objective on grey images that are binarised again at each use."""

    def on_binary(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, binarize(x, source), source)

    return on_binary


def jittered(objective: Objective, pixels: int, *, mirrored: bool) -> Objective:
    """The objective on incomplete images shifted by up to `pixels`.

    If `mirrored`, each image is also mirrored with probability ½. Border pixels are repeated.
    Values and mask move together, so a process that hides each entry by its value is unchanged.
    """

    def on_jittered(model: nn.Module, masked: Masked, source: torch.Generator) -> Tensor:
        both = torch.cat([masked.x, masked.observed.to(masked.x.dtype)], 1)
        if mirrored:
            both = random_flip(both, source)
        x, observed = random_shift(both, pixels, source, "replicate").chunk(2, 1)
        return objective(model, Masked(x, observed > 0.5), source)

    return on_jittered


def shifted(objective: Objective, pixels: int) -> Objective:
    """The objective on images shifted by up to `pixels` in each direction; new pixels are black.

    For small data sets whose objects lie anywhere in the image.
    """

    def on_shifted(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, random_shift(x, pixels, source), source)

    return on_shifted


def random_shift(
    x: Tensor, pixels: int, source: torch.Generator, border: str = "constant"
) -> Tensor:
    """Each image of (B, C, H, W) shifted by its own whole number of pixels in −pixels … pixels.

    New pixels are black, or the nearest pixel if `border` is "replicate".
    """
    count, _, height, width = x.shape
    padded = nn.functional.pad(x, (pixels,) * 4, border)
    by = torch.randint(0, 2 * pixels + 1, (2, count, 1), generator=source, device=source.device)
    rows = torch.arange(height, device=x.device) + by[0]
    columns = torch.arange(width, device=x.device) + by[1]
    image = torch.arange(count, device=x.device)
    picked = padded[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)


def random_flip(x: Tensor, source: torch.Generator) -> Tensor:
    """Images (B, C, H, W), each mirrored left to right with probability ½."""
    chosen = uniform((len(x), 1, 1, 1), source) < 0.5
    return torch.where(chosen, x.flip(3), x)


def shifted_together(x: Tensor, pixels: int, source: torch.Generator) -> Tensor:
    """All images of (B, C, H, W) shifted by the same amount, at most `pixels` in each direction.

    Border pixels are repeated. The result is a slice of the padded images, so gradients are cheap.
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

    Masks are of many kinds. The first term is the likelihood; the second speeds up the learning of
    the means while the predicted variances are still large.
    """

    def loss(model: DMFA, x: Tensor, source: torch.Generator) -> Tensor:
        height, width = x.shape[2:]
        observed = mixed_masks.mixed(len(x), height, width, source).expand_as(x)
        conditional, original = model.conditional(Masked(x, observed)), x.flatten(1)
        error = ((conditional.mean - original) * conditional.hidden).square().sum(1)
        return (squared_error * error - conditional.log_prob(original)).mean()

    return loss


def sometimes_binary(objective: Objective, fraction: float) -> Objective:
    """The objective on grey images, a `fraction` of which is binarised at ½.

    For models of grey levels that are also used on binary images.
    """

    def on_some_binary(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        chosen = uniform((len(x), 1, 1, 1), source) < fraction
        return objective(model, torch.where(chosen, threshold(x), x), source)

    return on_some_binary


def flipped(objective: Objective) -> Objective:
    """The objective on images, each mirrored left to right with probability ½."""

    def on_flipped(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        return objective(model, random_flip(x, source), source)

    return on_flipped


def at_two_scales(objective: Objective, small_fraction: float) -> Objective:
    """The objective on faces of 64×64, or of 32×32 for a fraction of the batches.

    The small faces are the window of `data.source_window`. A batch of large faces has a quarter of
    the images, so that both kinds of batch cost the same.
    """

    def on_one_scale(model: nn.Module, x: Tensor, source: torch.Generator) -> Tensor:
        small = uniform((1,), source).item() < small_fraction
        faces = source_window(x) if small else x[: max(len(x) // 4, 1)]
        return objective(model, faces, source)

    return on_one_scale
