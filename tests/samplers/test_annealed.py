"""Annealed importance sampling against Gaussian algebra and a grid, with wrong variants."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.bounds import Estimate, log_likelihood
from dgm_core.bounds.quadrature import log_evidence
from dgm_core.rng import draw, generator
from dgm_core.samplers import annealed, paths
from dgm_core.samplers.annealed import (
    anneal,
    annealed_bound,
    pilot_lengths,
    sigmoid_schedule,
)
from dgm_core.samplers.paths import Path, path_from_prior, path_from_proposal
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli

CHAINS = 6000


def problem() -> tuple[LinearGaussian, Masked, Tensor]:
    """Three rows, two of them incomplete, and log p(x_obs)."""
    model = LinearGaussian()
    x = torch.tensor([[1.5, -0.5, 0.8, 0.0, 2.0]], dtype=torch.float64).repeat(3, 1)
    observed = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 1, 1, 0, 1]]).bool()
    exact = [
        MultivariateNormal(model.offset[seen], model.covariance[seen][:, seen]).log_prob(row[seen])
        for row, seen in zip(x, observed, strict=True)
    ]
    return model, Masked(x * observed, observed), torch.stack(exact)


def weights(path: Path, steps: int = 6, length: float = 0.7) -> Tensor:
    """log w of many short runs, (C, B): their mean must be correct nevertheless."""
    lengths = torch.full((steps, len(path.masked)), length, dtype=torch.float64)
    betas = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    *_, last = anneal(path, betas, generator(1), lengths=lengths, chains=CHAINS, leapfrogs=2)
    return last.log_w


def standard_errors_off(log_w: Tensor, exact: Tensor) -> Tensor:
    """How far the mean of w is from p, in its standard errors."""
    relative = (log_w - exact).exp()
    return (relative.mean(0) - 1) / (relative.std(0) / len(log_w) ** 0.5)


def both_paths() -> dict[str, Path]:
    model, masked, _ = problem()
    q = LinearGaussian(shift=0.3, stretch=1.3).encode(masked.x)
    return {
        "prior": path_from_prior(model, masked, q),
        "proposal": path_from_proposal(model, masked, q),
    }


@pytest.mark.parametrize("name", ["prior", "proposal"])
def test_the_mean_weight_is_the_evidence_for_any_number_of_temperatures(name: str) -> None:
    _, _, exact = problem()
    log_w = weights(both_paths()[name])
    assert standard_errors_off(log_w, exact).abs().max() < 5
    found = log_likelihood(log_w)
    assert ((found.value - exact) / found.standard_error).abs().max() < 5
    # The mean of log w is a lower bound, not an estimate.
    low = (log_w.mean(0) - exact) / (log_w.std(0) / CHAINS**0.5)
    assert (low < -20).all()


def test_omitting_the_metropolis_test_would_be_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, exact = problem()
    always = torch.ones(1, dtype=torch.bool)
    monkeypatch.setattr(
        paths, "accept", lambda log_ratio, source: (always.expand_as(log_ratio), log_ratio)
    )
    assert standard_errors_off(weights(both_paths()["prior"]), exact).abs().max() > 10


def test_weighting_after_the_step_instead_of_before_would_be_detected() -> None:
    """log w += (β_t − β_(t−1)) log f_1/f_0 uses the point before the step at β_t."""
    path, (_, _, exact) = both_paths()["prior"], problem()
    betas = torch.linspace(0, 1, 7, dtype=torch.float64)
    lengths = torch.full((6, 3), 0.7, dtype=torch.float64)
    log_w = torch.zeros(CHAINS, 3, dtype=torch.float64)
    for now in anneal(path, betas, generator(1), lengths=lengths, chains=CHAINS, leapfrogs=2):
        log_0, log_1 = path.log_ends(now.z)
        log_w += (log_1 - log_0) / 6
    assert standard_errors_off(log_w, exact).abs().max() > 20


def test_final_states_follow_the_posterior_and_more_temperatures_tighten() -> None:
    model, masked, exact = problem()
    path = both_paths()["prior"]
    results = [_run(path, steps) for steps in (5, 100)]
    loose, tight = (log_likelihood(last.log_w) for last in results)
    assert (tight.standard_error < 0.5 * loose.standard_error).all()
    gaps = [(exact - last.log_w.mean(0)) for last in results]
    assert (gaps[1] < 0.5 * gaps[0]).all()
    precision = torch.eye(2) + model.weights.T @ model.weights / model.noise**2
    mean = (masked.x[0] - model.offset) @ model.weights @ precision.inverse() / model.noise**2
    draws = results[1].z[:, 0]
    error = precision.inverse().diagonal().sqrt() / len(draws) ** 0.5
    assert ((draws.mean(0) - mean) / error).abs().max() < 5


def _run(path: Path, steps: int, chains: int = 400) -> annealed.Annealed:
    betas = sigmoid_schedule(steps)
    lengths = pilot_lengths(path, betas, generator(2), chains=8)
    *_, last = anneal(path, betas, generator(3), lengths=lengths, chains=chains)
    return last


def test_the_pilot_run_finds_lengths_with_the_target_acceptance() -> None:
    path, betas = both_paths()["prior"], sigmoid_schedule(60)
    lengths = pilot_lengths(path, betas, generator(2), chains=8)
    seen = [
        now.acceptance for now in anneal(path, betas, generator(3), lengths=lengths, chains=200)
    ]
    late = torch.stack(seen[30:]).mean(0)
    assert ((late > 0.65) & (late < 0.99)).all()


def test_both_bounds_enclose_the_evidence_of_model_images() -> None:
    """Over many images drawn from the model; an upward chain started at z would not bound it."""
    model = SmallBernoulli()
    z = draw(model.prior().expand((300,)), generator(5))
    x = draw(model.decode(z), generator(6))
    masked = Masked(x, torch.ones_like(x, dtype=torch.bool))
    exact = log_evidence(model, masked, tolerance=1e-7).value
    path = path_from_prior(model, masked, model.encode(x))
    *_, below = annealed_bound(path, 4, generator(7), chains=2)
    *_, above = annealed_bound(path, 4, generator(8), chains=2, draws=z)
    for estimate, sign in ((below, 1), (above, -1)):
        assert isinstance(estimate, Estimate)
        gap = sign * (exact - estimate.value)
        assert gap.mean() / (gap.std() / 300**0.5) > 5
    # Its reciprocal weights are unbiased, too, averaged over the model's images.
    lengths = torch.full((4, 300), 0.8, dtype=torch.float64)
    betas = sigmoid_schedule(4).flip(0)
    *_, last = anneal(
        path, betas, generator(9), lengths=lengths, chains=40, start=z.expand(40, *z.shape)
    )
    relative = (last.log_w + exact).exp().mean(0)
    assert abs(relative.mean() - 1) < 5 * relative.std() / 300**0.5


@pytest.mark.parametrize("moves", [annealed.MOVES, 0])
def test_the_error_of_the_upper_bound_covers_if_each_chain_has_its_own_start(moves: int) -> None:
    """The stated error beside the true spread, over rows whose evidence is known exactly."""
    model, rows = LinearGaussian(shift=0.5), 3000
    z = draw(model.prior().expand((rows,)), generator(5))
    x = draw(model.decode(z), generator(6))
    exact = MultivariateNormal(model.offset, model.covariance).log_prob(x)
    path = path_from_proposal(
        model, Masked(x, torch.ones_like(x, dtype=torch.bool)), model.encode(x)
    )
    *_, above = annealed_bound(path, 10, generator(7), chains=16, draws=z, moves=moves)
    assert isinstance(above, Estimate)
    spread = (above.value - exact).std() / above.standard_error.square().mean().sqrt()
    if moves:
        assert spread < 1.06
    else:  # 16 chains from one start count as 16 independent ones
        assert spread > 1.12


def test_more_temperatures_narrow_the_gap_between_the_bounds() -> None:
    model = SmallBernoulli()
    z = draw(model.prior().expand((200,)), generator(5))
    x = draw(model.decode(z), generator(6))
    path = path_from_prior(model, Masked(x, torch.ones_like(x, dtype=torch.bool)), model.encode(x))

    def width(steps: int) -> float:
        *_, below = annealed_bound(path, steps, generator(7), chains=2)
        *_, above = annealed_bound(path, steps, generator(8), chains=2, draws=z)
        return (above.value - below.value).mean().item()

    narrow = width(60)
    assert width(4) > 4 * narrow
    assert narrow < 0.35


def test_invalid_settings_are_refused() -> None:
    path, betas = both_paths()["prior"], sigmoid_schedule(3)
    lengths = torch.ones(3, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="betas from 0 without a start"):
        next(anneal(path, betas.flip(0), generator(0), lengths=lengths))
    with pytest.raises(ValueError, match="expected lengths for 3 steps, got 2"):
        next(anneal(path, betas, generator(0), lengths=lengths[:2]))
    with pytest.raises(ValueError, match="at least 1 step"):
        sigmoid_schedule(0)


def test_the_schedule_rises_from_0_to_1_and_is_dense_at_the_ends() -> None:
    betas = sigmoid_schedule(50)
    assert betas[0] == 0
    assert betas[-1] == 1
    steps = betas.diff()
    assert (steps > 0).all()
    assert steps[0] < 0.2 * steps[25]
    torch.testing.assert_close(steps, steps.flip(0))
