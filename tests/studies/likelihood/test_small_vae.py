"""Training of a small VAE, and the images that it draws."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch.distributions import Normal

from dgm_core import data
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.studies.likelihood import small_vae, vae_images
from dgm_core.studies.likelihood.small_vae import Config, Frame, Result

QUICK = {"images": 600, "hidden": 48, "latent_dim": 6, "epochs": 12, "learning_rate": 5e-3}


@cache
def trained(**changes: object) -> tuple[list[Frame], Result]:
    *frames, result = small_vae.run(Config(**(QUICK | changes)))
    return frames, result


def test_the_elbo_rises_and_is_that_of_the_trained_model() -> None:
    frames, result = trained()
    assert frames[0].epoch == 0
    assert frames[-1].done == 1
    assert frames[-1].elbo > frames[0].elbo + 200
    assert result.last is frames[-1]
    x = data.binarize(data.load("digits", "valid").sample(small_vae.HELD_OUT).x, generator(1))
    with torch.no_grad():
        distribution = result.model.encode(x)
        exact = torch.distributions.kl_divergence(
            Normal(distribution.mean, distribution.variance.sqrt()), Normal(0.0, 1.0)
        )
    torch.testing.assert_close(result.last.units.divergence, exact.double().mean(0))
    # The KL from draws (200 images, 4 draws each) is the sum over units.
    assert abs(result.last.divergence - exact.sum(1).mean()) < 0.6


def test_a_large_weight_makes_posteriors_collapse_and_a_small_one_does_not() -> None:
    light, one, heavy = (trained(weight=w)[1].last for w in (0.1, 1.0, 40.0))
    assert light.divergence > one.divergence > heavy.divergence
    assert int(light.units.active.sum()) == 6
    assert int(heavy.units.active.sum()) < int(light.units.active.sum())
    assert light.reconstruction > heavy.reconstruction + 10


def test_the_same_seed_gives_the_same_training() -> None:
    short = {**QUICK, "epochs": 2}
    (*_, one), (*_, again) = small_vae.run(Config(**short)), small_vae.run(Config(**short))
    assert torch.equal(one.last.samples, again.last.samples)
    (*_, other) = small_vae.run(Config(**{**short, "seed": 1}))
    assert not torch.equal(one.last.samples, other.last.samples)


def test_a_training_can_be_paused_and_continued() -> None:
    items = small_vae.run(Config(**QUICK))
    first = [next(items) for _ in range(3)]
    rest = list(items)
    assert [each.epoch for each in first] < [rest[0].epoch]
    assert isinstance(rest[-1], Result)
    assert torch.equal(rest[-1].last.samples, trained()[1].last.samples)


def test_the_manifold_goes_through_quantiles_and_increases_upwards() -> None:
    model = fully_connected_dlvm(latent_dim=3, hidden=8, full_covariance=False).eval()
    side = 4
    found = vae_images.manifold(model, (2, 0), side).view(side, side, 28, 28)
    for row in range(side):
        for column in range(side):
            z = torch.zeros(1, 3)
            z[0, 2] = Normal(0.0, 1.0).icdf(torch.tensor((column + 0.5) / side))
            z[0, 0] = Normal(0.0, 1.0).icdf(torch.tensor((side - row - 0.5) / side))
            expected = model.decode(z).mean[0, 0]
            torch.testing.assert_close(found[row, column], expected, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="expected two units, got 1 twice"):
        vae_images.manifold(model, (1, 1), side)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "mnist"}, "expected a data set among"),
        ({"latent_dim": 1}, "expected latent_dim from 2 to 50, got 1"),
        ({"weight": -1.0}, "expected weight from 0.0 to 100.0, got -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**change)
