"""Models of clipped images: shapes, gradients, and a threshold that only not-MIWAE learns."""

from __future__ import annotations

from itertools import count

import pytest
import torch
from torch import Tensor, nn

from dgm_core.distributions.likelihoods import GaussianLikelihood
from dgm_core.distributions.posteriors import DiagonalGaussian
from dgm_core.missing.clipped import clipped
from dgm_core.missing.processes import Clipping
from dgm_core.models.clipped import clipping_miwae, clipping_notmiwae
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.training import Schedule, fit
from dgm_core.training.losses import negative_completion_bound

SMALL = {"latent_dim": 3, "channels": 4, "hidden": 8}
MAKE = {"MIWAE": clipping_miwae, "not-MIWAE": clipping_notmiwae}


def built(kind: str, size: int = 28, channels: int = 1) -> MIWAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MAKE[kind](size, channels, **SMALL)


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3)])
def test_images_of_every_size_are_completed_with_gradients_for_every_parameter(
    kind: str, size: int, channels: int
) -> None:
    model = built(kind, size, channels)
    masked = clipped(torch.rand(2, channels, size, size, generator=generator(1)), generator(2))
    sample = weighted_completions(model, masked, 3, generator(3))
    assert sample.x.shape == (3, 2, channels, size, size)
    assert (sample.x == masked.x)[:, masked.observed].all()
    assert sample.terms.keys() == {"x_obs", "latent"} | (
        {"missing"} if kind == "not-MIWAE" else set()
    )
    negative_completion_bound(3)(model, masked, generator(4)).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        if "second" not in name and "first" not in name:  # residual blocks begin at 0
            assert parameter.grad.abs().max() > 0, name


def test_the_process_starts_at_the_given_values_away_from_the_true_ones() -> None:
    process = built("not-MIWAE").missing_process
    assert isinstance(process, Clipping)
    (start,) = process.interpret()
    assert (start.direction, start.threshold) == ("high", 0.5)
    assert start.slope == pytest.approx(20)
    (learned,) = clipping_notmiwae(28, 1, threshold=0.6, strength=5.0).missing_process.interpret()
    assert (learned.threshold, learned.slope) == (pytest.approx(0.6), pytest.approx(5))


def test_a_given_process_stays_as_it_is_while_the_networks_are_trained() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = clipping_notmiwae(28, 1, threshold=0.75, strength=50.0, given=True, **SMALL)
    masked = clipped(torch.rand(8, 1, 28, 28, generator=generator(1)), generator(2))
    before = {name: each.clone() for name, each in model.state_dict().items()}
    bound = negative_completion_bound(3)
    for _ in fit(model, bound, masked, lambda _: 0.0, Schedule(2, 4)):
        pass
    after = model.state_dict()
    for name in after:
        assert torch.equal(after[name], before[name]) == name.startswith("missing_process"), name
    assert torch.equal(model.missing_process.threshold, torch.tensor([0.75]))


class OneLevel(nn.Module):
    """z ↦ an image of one grey level, linear in z: pixels are equal except for noise."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Parameter(torch.tensor([0.1, 0.5]))

    def forward(self, z: Tensor) -> Tensor:
        level = self.line[0] * z[:, :1] + self.line[1]
        return level.expand(-1, 64).reshape(-1, 1, 8, 8)


def of_one_level(kind: str) -> MIWAE:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        posterior = DiagonalGaussian(1)
        parts = {
            "encoder": nn.Sequential(
                nn.Flatten(), nn.Linear(128, 32), nn.Tanh(), nn.Linear(32, posterior.features)
            ),
            "posterior": posterior,
            "decoder": OneLevel(),
            "likelihood": GaussianLikelihood(1, link=nn.Identity(), initial_scale=0.1),
            "latent_dim": 1,
        }
    if kind == "MIWAE":
        return MIWAE(**parts)
    return NotMIWAE(**parts, missing_process=Clipping(0.5, 20.0))


def test_not_miwae_finds_the_threshold_and_miwae_fills_in_too_little() -> None:
    """Images of one level N(.6, .15²) with noise .05, so that training takes seconds."""
    level = 0.6 + 0.15 * torch.randn(600, 1, 1, 1, generator=generator(0))
    x = level + 0.05 * torch.randn(600, 1, 8, 8, generator=generator(1))
    masked = clipped(x, generator(2))
    errors, schedule = {}, Schedule(epochs=60, batch_size=100, learning_rate=1e-2)
    for kind in MAKE:
        model, epochs = of_one_level(kind), count()  # as validation: the last weights are kept
        for _ in fit(
            model, negative_completion_bound(5), masked, lambda _, n=epochs: next(n), schedule
        ):
            pass
        with torch.no_grad():
            mean, _ = mean_and_variance(weighted_completions(model, masked, 100, generator(3)))
        errors[kind] = (mean - x)[~masked.observed].square().mean().sqrt().item()
    (found,) = model.missing_process.interpret()
    assert found.threshold == pytest.approx(0.75, abs=0.01)
    assert found.slope > 25
    assert errors["not-MIWAE"] < 0.08
    assert errors["MIWAE"] > 0.15
