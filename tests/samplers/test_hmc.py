"""Hamiltonian Monte Carlo: its dynamics, its adaptation, and the cases that must fail."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor

from dgm_core.rng import generator
from dgm_core.samplers import metropolis_within_gibbs
from dgm_core.samplers.chains import run
from dgm_core.samplers.hamiltonian import StepSize, leapfrog, with_gradient
from dgm_core.samplers.hmc import Evaluated, hmc, window_ends
from dgm_core.samplers.observed import log_prob_observed
from dgm_core.types import Masked
from tests.samplers.test_exact import (
    bernoulli_problem,
    covariance_off,
    linear_gaussian_problem,
    standard_errors_off,
)
from tests.toys import LinearGaussian, SmallBernoulli

module = import_module("dgm_core.samplers.hmc")  # its function has the same name
WRONG = {"shift": 2.0, "stretch": 3.0}
"""An encoder from which Metropolis-within-Gibbs is still far off after as many iterations."""


def last_draws(model: object, masked: Masked, iterations: int, **settings: int) -> Tensor:
    sampler = hmc(model, masked, **settings)
    *_, last = run(sampler, generator(1), iterations)
    return last.state.x


def test_it_reaches_the_gaussian_conditional_with_a_wrong_encoder() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    draws = last_draws(LinearGaussian(**WRONG), masked, 120, warmup=60, leapfrogs=5)[:, hidden]
    assert standard_errors_off(draws, exact) < 5
    assert covariance_off(draws, exact) < 0.1


def test_langevin_steps_reach_it_too() -> None:
    masked, hidden, exact = linear_gaussian_problem()
    draws = last_draws(LinearGaussian(**WRONG), masked, 200, warmup=60, leapfrogs=1)[:, hidden]
    assert standard_errors_off(draws, exact) < 5


def test_it_reaches_the_enumerated_bernoulli_conditional() -> None:
    model = SmallBernoulli()
    row, observed = bernoulli_problem()
    masked = Masked(row[None], observed[None]).repeat(10_000)
    draws = last_draws(model, masked, 120, warmup=50, leapfrogs=5)[:, ~observed]
    assert (draws.mean(0) - model.pixel_marginals(row, observed)).abs().max() < 0.02


def test_accepting_every_trajectory_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    monkeypatch.setattr(
        module, "accept", lambda log_ratio, source: (log_ratio == log_ratio, log_ratio)
    )
    draws = last_draws(LinearGaussian(), masked, 120, warmup=0, leapfrogs=3)
    right = covariance_off(draws[:, hidden], exact)
    monkeypatch.setattr(module, "FIRST_STEP", 0.9)
    draws = last_draws(LinearGaussian(), masked, 120, warmup=0, leapfrogs=3)
    assert right < 0.1  # tiny steps need no test; large ones do
    assert covariance_off(draws[:, hidden], exact) > 0.2


def test_hidden_entries_in_the_target_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    masked, hidden, exact = linear_gaussian_problem()
    monkeypatch.setattr(
        module,
        "log_prob_observed",
        lambda distribution, masked: distribution.log_prob(masked.x),
    )
    draws = last_draws(LinearGaussian(), masked, 100, warmup=50, leapfrogs=5)[:, hidden]
    assert standard_errors_off(draws, exact) > 20


def bernoulli_target() -> tuple[SmallBernoulli, Masked]:
    row, observed = bernoulli_problem()
    return SmallBernoulli(), Masked(row[None], observed[None]).repeat(20)


def evaluated(z: Tensor) -> Evaluated:
    model, masked = bernoulli_target()
    value, slope = with_gradient(
        z, lambda z: log_prob_observed(model.decode(z), masked) + model.prior().log_prob(z)
    )
    return Evaluated(z, model.decode(z), value, slope)


def test_the_dynamics_are_reversible() -> None:
    source = generator(4)
    z = torch.randn(20, 2, generator=source, dtype=torch.float64)
    momentum = torch.randn(20, 2, generator=source, dtype=torch.float64)
    size = 0.1 + 0.2 * torch.rand(20, 2, generator=source, dtype=torch.float64)

    def end(point: Evaluated, momentum: Tensor) -> tuple[Evaluated, Tensor]:
        *_, last = leapfrog(evaluated, lambda each: each.slope, point, momentum, size, 25)
        return last

    there, turned = end(evaluated(z), momentum)
    assert (there.z - z).abs().max() > 0.5
    back, again = end(there, -turned)
    torch.testing.assert_close(back.z, z, atol=1e-10, rtol=0)
    torch.testing.assert_close(-again, momentum, atol=1e-10, rtol=0)


def test_the_dynamics_keep_volume() -> None:
    size = torch.full((1, 2), 0.3, dtype=torch.float64)

    def end(both: Tensor) -> Tensor:
        *_, (point, momentum) = leapfrog(
            evaluated_one,
            lambda each: each.slope,
            evaluated_one(both[None, :2]),
            both[None, 2:],
            size,
            4,
        )
        return torch.cat([point.z[0], momentum[0]])

    model, masked = bernoulli_target()

    def evaluated_one(z: Tensor) -> Evaluated:
        value, slope = with_gradient(
            z,
            lambda z: log_prob_observed(model.decode(z), masked[:1]) + model.prior().log_prob(z),
        )
        return Evaluated(z, model.decode(z), value, slope)

    at, width = torch.tensor([0.3, -0.4, 0.8, -0.2], dtype=torch.float64), 1e-5
    columns = [(end(at + width * e) - end(at - width * e)) / (2 * width) for e in torch.eye(4)]
    jacobian = torch.stack(columns, 1)
    assert abs(torch.linalg.det(jacobian).abs().item() - 1) < 1e-6


def test_smaller_steps_keep_the_energy() -> None:
    source = generator(4)
    z, momentum = torch.randn(2, 20, 2, generator=source, dtype=torch.float64)

    def error(count: int) -> float:
        size = torch.full((20, 2), 1.0 / count, dtype=torch.float64)
        start = evaluated(z)
        *_, (point, p) = leapfrog(evaluated, lambda each: each.slope, start, momentum, size, count)
        now = point.log_target - 0.5 * p.square().sum(1)
        before = start.log_target - 0.5 * momentum.square().sum(1)
        return (now - before).abs().mean().item()

    # The error falls with the square of the step.
    assert error(80) < 0.3 * error(40)


def test_the_warm_up_finds_the_step_and_the_scales_and_then_leaves_them() -> None:
    masked, _, _ = linear_gaussian_problem()
    masked = masked[:400]
    model = LinearGaussian(**WRONG)
    model.weights = model.weights * torch.tensor([0.02, 3.0])  # two very different scales
    steps = list(run(hmc(model, masked, warmup=200, leapfrogs=5), generator(1), 300))
    after = [step.state.tuning for step in steps[199:]]
    assert all(torch.equal(after[0].scale, each.scale) for each in after)
    assert all(torch.equal(after[0].step.log_mean, each.step.log_mean) for each in after)
    acceptance = torch.stack([step.info.accepted.double() for step in steps[200:]]).mean()
    assert 0.7 < acceptance < 0.97
    seen = masked.observed[0]
    precision = torch.eye(2) + model.weights[seen].T @ model.weights[seen] / model.noise**2
    exact = precision.inverse().diagonal().sqrt()
    found = after[0].scale.median(0).values
    assert ((found / exact).log().abs() < 0.3).all()
    assert exact[0] / exact[1] > 3


def test_dual_averaging_finds_the_wanted_acceptance() -> None:
    """Acceptance falls with the step as exp(−ε): 0.8 at ε = −log 0.8."""
    state = StepSize.start(torch.tensor([-4.0, 1.0], dtype=torch.float64))
    for _ in range(500):
        state = state.update((-state.log_step.exp()).exp())
    torch.testing.assert_close(
        (-state.log_mean.exp()).exp(), torch.full((2,), 0.8).double(), atol=0.01, rtol=0
    )


def test_a_worse_encoder_leaves_metropolis_behind() -> None:
    """What it is for: after as many decoder passes, Metropolis has not forgotten its start."""
    masked, hidden, exact = linear_gaussian_problem()
    wrong = LinearGaussian(shift=2.0, stretch=0.7)
    *_, last = run(metropolis_within_gibbs(wrong, masked), generator(1), 400)
    assert standard_errors_off(last.state.x[:, hidden], exact) > 20
    draws = last_draws(wrong, masked, 80, warmup=40, leapfrogs=3)[:, hidden]
    assert standard_errors_off(draws, exact) < 5


@pytest.mark.parametrize("warmup", [0, 5, 40, 150, 500, 1000])
def test_windows_double_and_leave_time_for_the_step(warmup: int) -> None:
    ends = window_ends(warmup)
    assert all(0 < end <= 0.9 * warmup for end in ends)
    assert ends == sorted(set(ends))
    if warmup >= 40:
        assert ends


def test_invalid_settings_are_refused() -> None:
    masked, _, _ = linear_gaussian_problem()
    with pytest.raises(ValueError, match="leapfrogs of at least 1, got 10 and 0"):
        hmc(LinearGaussian(), masked[:1], warmup=10, leapfrogs=0)
