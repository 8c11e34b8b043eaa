"""Numbers on a VAE's model card, for models with known values."""

from __future__ import annotations

import math

import torch
from torch import nn

from dgm_core import data
from dgm_core.bounds import estimate_log_likelihood
from dgm_core.evaluation import vae
from dgm_core.evaluation.vae import Config, Result
from dgm_core.models.dlvm import mirrored_vae
from dgm_core.models.vae import VAE
from dgm_core.rng import generator, normal
from dgm_core.studies.likelihood.latent_units import bound_terms, units
from dgm_core.studies.progress import Frame


def test_units_by_hand_and_which_of_them_are_active() -> None:
    """One unit varies over images, one equals the prior, one is off the prior by a constant."""
    mean = torch.stack([torch.linspace(-2, 2, 50), torch.zeros(50), torch.full((50,), 3.0)], 1)
    variance = torch.tensor([0.1, 1.0, 1.0]).expand(50, 3)
    found = units(mean, variance)
    assert found.active.tolist() == [True, False, False]
    moments = mean[:, 0].square().mean().item()
    expected = 0.5 * (moments + 0.1 - 1 - math.log(0.1))
    expected = torch.tensor([expected, 0.0, 4.5]).double()
    torch.testing.assert_close(found.divergence, expected, rtol=1e-5, atol=1e-6)


def tiny() -> VAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return mirrored_vae(latent_dim=3, hidden=(8, 6)).eval().requires_grad_(False)


def test_the_terms_of_the_bound_are_the_closed_form() -> None:
    model = tiny()
    x = (torch.rand(4, 1, 28, 28, generator=generator(0)) < 0.5).float()
    distribution = model.encode(x)
    reconstruction, divergence = bound_terms(model, x, 2000, generator(1))
    exact = units(distribution.mean, distribution.variance).divergence.sum()
    assert abs(divergence.mean() - exact) < 0.08
    z = distribution.mean + distribution.stddev * normal((2000, 4, 3), generator(2))
    by_hand = torch.stack([model.decode(each).log_prob(x) for each in z]).mean(0)
    torch.testing.assert_close(reconstruction, by_hand, rtol=0, atol=0.4)


def test_the_body_is_mirrored_with_elus() -> None:
    model = mirrored_vae()
    sizes = [
        (part.in_features, part.out_features)
        for part in (*model.encoder, *model.decoder)
        if isinstance(part, nn.Linear)
    ]
    assert sizes == [(784, 300), (300, 300), (300, 200), (100, 300), (300, 300), (300, 784)]
    assert sum(isinstance(part, nn.ELU) for part in model.modules()) == 4


def test_a_card_adds_up() -> None:
    model = tiny()
    with torch.no_grad():  # the last unit carries no information
        model.encoder[-1].weight[2].zero_()
        model.encoder[-1].weight[5].zero_()
        model.encoder[-1].bias[2] = model.encoder[-1].bias[5] = 0.0
        model.encoder[-1].weight[:2] *= 30
    *frames, found = vae.run(Config("digits", 60, draws=50), model)
    assert all(isinstance(frame, Frame) for frame in frames)
    assert isinstance(found, Result)
    assert found.units.active.tolist()[2] is False
    assert found.units.divergence[2].abs() < 1e-6
    assert math.isclose(found.elbo, found.reconstruction - found.divergence, abs_tol=1e-9)
    assert found.elbo < found.log_p
    assert math.isclose(found.divergence, found.units.divergence.sum().item(), rel_tol=0.05)
    card = found.as_card()
    assert card["latents"]["of"] == 3
    by_unit = card["latents"]["divergence_by_unit"]
    assert by_unit == sorted(by_unit, reverse=True)
    assert card["log_likelihood"]["estimator"].endswith(", 60 test images at random")


def test_the_estimate_agrees_with_importance_sampling() -> None:
    model = tiny()
    *_, found = vae.run(Config("digits", 20, draws=1500, elbo_draws=2), model)
    x = data.binarize(data.load("digits", "test").sample(20).x, generator(0))
    again = estimate_log_likelihood(model, x, 1500, generator(9)).value.mean().item()
    assert abs(found.log_p - again) < 6 * max(found.sampling_error, 1e-3)
