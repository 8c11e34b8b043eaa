"""The latent of an image is recovered, and the prior acts as intended."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dgm_core.models.wgan import WGAN
from dgm_core.rng import generator
from dgm_core.studies.latent import inversion

L, SHAPE = 3, (1, 4, 4)


def model() -> WGAN:
    """One linear layer: the loss of its logits has one minimum."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return WGAN(
            nn.Sequential(nn.Linear(L, 16), nn.Unflatten(1, SHAPE)), nn.Flatten(), L
        ).eval()


def config(z: torch.Tensor, **more: float) -> inversion.Config:
    levels = (model().generate(z[None]) * 255).round().to(torch.uint8)
    return inversion.Config("toy", levels.numpy().tobytes(), SHAPE, **more)


def found(settings: inversion.Config) -> inversion.Result:
    with torch.no_grad():
        *_, result = inversion.run(settings, model())
    return result


def test_the_latent_is_found_up_to_the_rounding_of_the_image() -> None:
    z = torch.tensor([0.8, -1.1, 0.4])
    with torch.enable_grad():
        *frames, result = inversion.run(config(z, prior=0.0), model())
    assert result.rmse < 1 / 255
    np.testing.assert_allclose(result.z, z, atol=0.05)
    rmses = [frame.rmse for frame in frames]
    assert rmses == sorted(rmses, reverse=True)
    assert frames[-1].step == 300
    assert np.isfinite(frames[0].rmses).all()
    assert np.isfinite(frames[-1].rmses).sum() == 2  # halved twice


def test_it_works_where_gradients_are_switched_off() -> None:
    assert found(config(torch.zeros(L), prior=0.0, steps=100)).rmse < 0.01


def test_the_prior_shortens_the_latent() -> None:
    z = torch.tensor([2.5, -2.0, 2.0])
    free, pulled = found(config(z, prior=0.0)), found(config(z, prior=0.05))
    assert np.linalg.norm(pulled.z) < 0.8 * np.linalg.norm(free.z)
    assert pulled.rmse > free.rmse


def test_the_result_is_a_minimum_of_the_loss() -> None:
    settings = config(torch.tensor([1.0, 1.0, -1.0]), prior=0.02, steps=600, starts=1)
    z = torch.from_numpy(found(settings).z).requires_grad_()
    misfit = (model().generate(z[None])[0] - settings.target).square().mean()
    (gradient,) = torch.autograd.grad(misfit + 0.02 * z.square().mean(), z)
    assert gradient.norm() < 1e-3  # the best picture alone, without the prior: .018


def test_the_same_seed_finds_the_same() -> None:
    z = model().latents(1, generator(3))[0]
    first, second = found(config(z, steps=30)), found(config(z, steps=30))
    assert np.array_equal(first.z, second.z)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image": b"123"}, "got 3"),
        ({"steps": 0}, "at least one step"),
        ({"starts": 0}, "at least one step"),
        ({"prior": -1.0}, "0 or more"),
    ],
)
def test_a_wrong_config_is_refused(wrong: dict, message: str) -> None:
    whole = {"dataset": "toy", "image": bytes(16), "shape": SHAPE} | wrong
    with pytest.raises(ValueError, match=message):
        inversion.Config(**whole)


def test_an_image_of_another_size_is_refused() -> None:
    settings = inversion.Config("toy", bytes(25), (1, 5, 5))
    with pytest.raises(ValueError, match="expected an image of shape"):
        next(inversion.run(settings, model()))
