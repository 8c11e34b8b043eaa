"""MIWAE against formulas by hand, and against the IWAE, which it equals if nothing is hidden."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dgm_core.bounds import iwae_bound, log_likelihood, log_weights
from dgm_core.distributions.likelihoods import DiscretisedLogisticLikelihood, GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian, FullGaussian
from dgm_core.models.miwae import MIWAE, fully_connected_miwae
from dgm_core.networks import bodies
from dgm_core.rng import generator
from dgm_core.samplers.importance import (
    IncompleteEncoder,
    importance_sample,
    incomplete_log_weights,
    sir_draws,
)
from dgm_core.types import LatentVariableModel, Masked


def binary_model() -> MIWAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fully_connected_miwae(latent_dim=4, hidden=16).double()


def colour_model(
    posterior: nn.Module, distribution: type[nn.Module] = GaussianLikelihood
) -> MIWAE:
    """8×8 pixels in colour."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return MIWAE(
            bodies.fully_connected_encoder((6, 8, 8), posterior.features, 16),
            posterior,
            bodies.fully_connected_decoder(posterior.latent_dim, (3, 8, 8), 16),
            distribution(channels=3),
            posterior.latent_dim,
        ).double()


def binary_images(rows: int = 5) -> Masked:
    source = generator(2)
    x = (torch.rand(rows, 1, 28, 28, generator=source) < 0.3).double()
    rate = torch.linspace(0.1, 0.9, rows)[:, None, None, None]
    return Masked(x, torch.rand(x.shape, generator=source) >= rate)


def colour_images(rows: int = 5) -> Masked:
    source = generator(3)
    x = (255 * torch.rand(rows, 3, 8, 8, generator=source)).round().double() / 255
    return Masked(x, torch.rand(x.shape, generator=source) >= 0.5)


CASES = {
    "Bernoulli": (binary_model, binary_images),
    "Gaussian": (lambda: colour_model(DiagonalGaussian(4)), colour_images),
    "Gaussian, full covariance": (lambda: colour_model(FullGaussian(4)), colour_images),
    "grey levels": (
        lambda: colour_model(DiagonalGaussian(4), DiscretisedLogisticLikelihood),
        colour_images,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_a_latent_variable_model_that_reads_incomplete_data(case: str) -> None:
    model = CASES[case][0]()
    assert isinstance(model, LatentVariableModel)
    assert isinstance(model, IncompleteEncoder)


@pytest.mark.parametrize("case", CASES)
def test_with_everything_observed_it_is_an_iwae(case: str) -> None:
    model, images = CASES[case][0](), CASES[case][1]()
    complete = Masked(images.x, torch.ones_like(images.observed))
    ours = incomplete_log_weights(model, complete, 7, generator(4))
    torch.testing.assert_close(
        ours, log_weights(model, images.x, 7, generator(4)), rtol=1e-12, atol=1e-9
    )


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_the_bound_reach_every_parameter(case: str) -> None:
    model, images = CASES[case][0](), CASES[case][1]()
    (-iwae_bound(incomplete_log_weights(model, images, 5, generator(5))).mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_a_log_weight_by_hand_counts_the_observed_pixels_alone() -> None:
    model, images = binary_model(), binary_images()
    log_w = incomplete_log_weights(model, images, 1, generator(6))[0]
    q = model.encode_incomplete(images).base_dist
    eps = torch.randn(5, 1, 4, generator=generator(6), dtype=torch.float64)[:, 0]
    z = q.loc + q.scale * eps
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(
        model.decoder(z), images.x, reduction="none"
    )
    log_p_observed = -(cross_entropy * images.observed).flatten(1).sum(1)
    log_prior = -0.5 * z.square().sum(1)
    log_q = (-0.5 * eps.square() - q.scale.log()).sum(1)  # the same 2π terms cancel
    torch.testing.assert_close(log_w, log_p_observed + log_prior - log_q)
    everything = -cross_entropy.flatten(1).sum(1) + log_prior - log_q
    assert ((log_w - everything).abs() > 10).all()


def test_the_encoder_distinguishes_a_hidden_pixel_from_a_black_one() -> None:
    model = binary_model()
    black = torch.zeros(1, 1, 28, 28, dtype=torch.float64)
    seen = model.encode_incomplete(Masked(black, torch.ones_like(black, dtype=torch.bool)))
    hidden = model.encode_incomplete(Masked(black, torch.zeros_like(black, dtype=torch.bool)))
    assert not torch.allclose(seen.mean, hidden.mean)
    assert torch.equal(seen.mean, model.encode(black).mean)


def test_hidden_pixels_have_no_influence() -> None:
    model, images = binary_model(), binary_images()
    other = Masked(torch.where(images.observed, images.x, 1 - images.x), images.observed)
    assert torch.equal(model.encode_incomplete(images).mean, model.encode_incomplete(other).mean)


def test_with_nothing_observed_the_estimate_of_log_p_is_zero() -> None:
    model, images = binary_model(), binary_images(3)
    nothing = Masked(images.x, torch.zeros_like(images.observed))
    with torch.no_grad():
        estimate = log_likelihood(incomplete_log_weights(model, nothing, 2000, generator(7)))
    assert (estimate.value / estimate.standard_error).abs().max() < 4


@pytest.mark.parametrize("case", CASES)
def test_imputation_keeps_observed_pixels(case: str) -> None:
    model, images = CASES[case][0](), CASES[case][1]()
    sample = importance_sample(model, images, 20, generator(8), decoded_at_once=33)
    for filled in (sample.mean, *sir_draws(sample, model, 3, generator(9))):
        assert filled.shape == images.x.shape
        assert torch.equal(filled[images.observed], images.x[images.observed])
        assert torch.isfinite(filled).all()
    assert not sample.mean.requires_grad


def test_learning_from_incomplete_data_raises_the_bound() -> None:
    """Two kinds of image, half of the pixels hidden: soon better than independent pixels."""
    model = colour_model(DiagonalGaussian(2)).float()
    source = generator(10)
    prototypes = torch.rand(2, 3, 8, 8, generator=source)
    x = prototypes[torch.arange(64) % 2] + 0.03 * torch.randn(64, 3, 8, 8, generator=source)
    images = Masked(x, torch.rand(x.shape, generator=source) < 0.5)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        bound = iwae_bound(incomplete_log_weights(model, images, 5, source)).mean()
        (-bound).backward()
        optimiser.step()
    count = images.observed.sum((0,))
    alone_mean = images.x.sum(0) / count
    off = torch.where(images.observed, images.x - alone_mean, 0)
    alone = (off.square().sum(0) / count).sqrt()
    independent = torch.distributions.Normal(alone_mean, alone).log_prob(images.x)
    baseline = torch.where(images.observed, independent, 0).flatten(1).sum(1).mean()
    assert bound > baseline
    error = (importance_sample(model, images, 50, source).mean - x)[~images.observed]
    assert error.square().mean() < 0.25 * (alone_mean - x)[~images.observed].square().mean()
