"""Flow inpainting for Gaussian data: the twisted sampler is exact, the heuristics are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.models.flow_matching import GaussianVelocity, flow_matching_loss
from dgm_core.rng import generator
from dgm_core.samplers.flow_inpainting import Flowed, guided, replacement, twisted
from dgm_core.types import Masked

module = import_module("dgm_core.samplers.flow_inpainting")
MEAN = torch.tensor([0.5, -1.0, 0.3, 0.0], dtype=torch.float64)
COVARIANCE = torch.tensor(
    [[1.0, 0.8, -0.5, 0.3], [0.8, 1.2, -0.4, 0.5], [-0.5, -0.4, 0.8, 0.1], [0.3, 0.5, 0.1, 0.6]],
    dtype=torch.float64,
)
SEEN = torch.tensor([True, False, True, False])
X = torch.tensor([1.8, 0.0, -0.4, 0.0], dtype=torch.float64)
STEPS, NOISE, ROWS = 12, 0.3, 300
VELOCITY = GaussianVelocity(MEAN, COVARIANCE)


def problem(rows: int = ROWS) -> Masked:
    """The same row many times, so that rows are independent repetitions."""
    return Masked(X[None], SEEN[None]).repeat(rows)


def marginal(steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the model with K steps: all of them are linear."""
    size = len(MEAN)
    mean, covariance = torch.zeros_like(MEAN), torch.eye(size, dtype=MEAN.dtype)
    for number in range(steps):
        t, u = number / steps, (number + 1) / steps
        gain = (
            t
            * COVARIANCE
            @ torch.linalg.inv(
                t**2 * COVARIANCE + (1 - t) ** 2 * torch.eye(size, dtype=MEAN.dtype)
            )
        )
        a, b, spread = gain, MEAN - t * gain @ MEAN, NOISE
        if number + 1 < steps:
            spread = (1 - u) * (1 - (t * (1 - u) / (u * (1 - t))) ** 2) ** 0.5
            left = ((1 - u) ** 2 - spread**2) ** 0.5 / (1 - t)
            a = (u - left * t) * gain + left * torch.eye(size, dtype=MEAN.dtype)
            b = (u - left * t) * (MEAN - t * gain @ MEAN)
        mean = a @ mean + b
        covariance = a @ covariance @ a.T + spread**2 * torch.eye(size, dtype=MEAN.dtype)
    return mean, covariance


def conditional() -> tuple[Tensor, Tensor, float]:
    """Mean and covariance of the hidden entries given the observed ones, and log p(x_obs)."""
    mean, covariance = marginal()
    seen, hidden = SEEN, ~SEEN
    gain = covariance[hidden][:, seen] @ torch.linalg.inv(covariance[seen][:, seen])
    exact = MultivariateNormal(mean[seen], covariance[seen][:, seen])
    return (
        mean[hidden] + gain @ (X[seen] - mean[seen]),
        covariance[hidden][:, hidden] - gain @ covariance[seen][:, hidden],
        exact.log_prob(X[seen]).item(),
    )


def last(way: Callable, **settings: object) -> Flowed:
    *_, found = way(VELOCITY, problem(), generator(0), steps=STEPS, noise=NOISE, **settings)
    return found


def errors_off(found: Flowed) -> tuple[float, float]:
    """How far mean and second moments are from the exact ones, in standard errors over rows."""
    mean, covariance, _ = conditional()
    x = found.x[:, :, ~SEEN]  # (P, B, 2)
    second = ((x - mean)[..., :, None] * (x - mean)[..., None, :]).mean(0)
    return tuple(
        ((each.mean(0) - exact).abs() / (each.std(0) / ROWS**0.5)).max().item()
        for each, exact in ((x.mean(0), mean), (second, covariance))
    )


def test_the_closed_form_velocity_minimises_the_loss() -> None:
    draws = MultivariateNormal(MEAN, COVARIANCE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = draws.sample((20_000,))

    def loss(change: Callable[[Tensor, Tensor], Tensor]) -> float:
        def velocity(x: Tensor, t: Tensor) -> Tensor:
            return VELOCITY(x, t) + change(x, t)

        return flow_matching_loss(velocity, x, generator(1)).item()

    best = loss(lambda x, t: torch.zeros_like(x))
    for change in (
        lambda x, t: torch.full_like(x, 0.1),
        lambda x, t: torch.full_like(x, -0.1),
        lambda x, t: 0.1 * x,
        lambda x, t: -0.1 * x,
        lambda x, t: 0.2 * t[:, None] * x,
    ):
        assert loss(change) > best
    # With data and noise of unit variance, halfway, x_t does not tell them apart.
    unit = GaussianVelocity(torch.zeros(2), torch.eye(2))
    assert unit(torch.ones(1, 2), torch.tensor([0.5])).abs().max() == 0


def test_without_observations_all_draw_from_the_model() -> None:
    """Mean and covariance are those of the linear steps, which come to the data's as K grows."""
    mean, covariance = marginal()
    torch.testing.assert_close(mean, MEAN, rtol=0, atol=1e-9)
    few, many = (
        (marginal(steps)[1] - NOISE**2 * torch.eye(4, dtype=MEAN.dtype) - COVARIANCE).abs().max()
        for steps in (STEPS, 10 * STEPS)
    )
    assert many < few / 5
    nothing = Masked(torch.zeros(ROWS, 4).double(), torch.zeros(ROWS, 4, dtype=torch.bool))
    for way in (replacement, guided, twisted):
        *_, found = way(VELOCITY, nothing, generator(0), steps=STEPS, noise=NOISE)
        x = found.x.flatten(0, 1)
        off = (x.mean(0) - mean).abs() / (covariance.diagonal() / len(x)).sqrt()
        assert off.max() < 5
        assert (torch.cov(x.T) - covariance).abs().max() < 0.1


def test_the_twisted_sampler_reaches_the_exact_conditional() -> None:
    found = last(twisted, particles=256)
    assert max(errors_off(found)) < 5
    assert (found.x[:, :, SEEN] == X[SEEN]).all()
    assert (found.ess >= 1).all()
    assert (found.ess <= 256).all()


@pytest.mark.parametrize("particles", [4, 32])
def test_the_estimate_of_the_evidence_has_no_bias(particles: int) -> None:
    evidence = last(twisted, particles=particles).log_evidence.exp()
    exact = math.exp(conditional()[2])
    assert ((evidence.mean() - exact).abs() / (evidence.std() / ROWS**0.5)).item() < 5
    assert evidence.mean().item() == pytest.approx(exact, rel=0.2)


def test_the_error_falls_with_the_number_of_particles() -> None:
    exact = conditional()[0]
    bias = [
        (last(twisted, particles=count).x[:, :, ~SEEN].mean((0, 1)) - exact).norm().item()
        for count in (1, 256)
    ]
    assert bias[1] < bias[0] / 4


@pytest.mark.parametrize(
    ("way", "settings"), [(replacement, {}), (replacement, {"jumps": 3}), (guided, {})]
)
def test_the_heuristics_are_seen_to_be_biased(way: Callable, settings: dict) -> None:
    found = last(way, draws=256, **settings)
    assert max(errors_off(found)) > 20
    assert (found.x[:, :, SEEN] == X[SEEN]).all()
    assert found.log_evidence.isnan().all()


@pytest.mark.parametrize("mistake", ["no weights", "no gradient in the ratio"])
def test_a_wrong_weight_would_be_detected(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twist = module._twist

    def wrong(*arguments: object) -> tuple[Tensor, Tensor, Tensor]:
        guess, slope, log_twist = twist(*arguments)
        if mistake == "no weights":
            return guess, slope, torch.zeros_like(log_twist)
        return guess, 2 * slope, log_twist + 0.5 * slope.square().sum(1)

    monkeypatch.setattr(module, "_twist", wrong)
    assert max(errors_off(last(twisted, particles=256))) > 20


def test_rows_and_draws_keep_their_places() -> None:
    """Each row is completed given its own observations."""
    x = torch.tensor([[3.0, 0.0, 0.0, 0.0], [-2.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    masked = Masked(x, torch.tensor([[True, False, False, False]] * 2))
    for way in (replacement, guided, twisted):
        *_, found = way(VELOCITY, masked, generator(0), steps=STEPS, noise=NOISE)
        assert found.x.shape == (16, 2, 4)
        assert (found.x[:, :, 0] == x[:, 0]).all()
        assert (found.x[:, 0, 1].mean() - found.x[:, 1, 1].mean()) > 1
        assert found.number == STEPS


@pytest.mark.parametrize("settings", [{"steps": 1}, {"noise": 0.0}, {"jumps": 0}, {"draws": 0}])
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match="expected at least 1 draw"):
        list(replacement(VELOCITY, problem(2), generator(0), **settings))
