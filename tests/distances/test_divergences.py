"""The variational forms against closed forms of two Gaussians."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.data.pairs import PAIRS
from dgm_core.distances.divergences import DIVERGENCES, Divergence
from dgm_core.rng import generator

THETA = 1.3

CLOSED_FORMS = {
    "hellinger": 2 * (1 - math.exp(-(THETA**2) / 8)),
    "total variation": math.erf(THETA / 2 / math.sqrt(2)),
    "kullback-leibler": THETA**2 / 2,
}

F_DIVERGENCES = [name for name, each in DIVERGENCES.items() if not each.is_wasserstein]


def estimate(measure: Divergence, factor: float, offset: float = 0.0) -> tuple[float, float]:
    """Estimate with the best critic, or with one that is `factor` times it plus `offset`."""
    pair, thetas = PAIRS["Gaussians"], torch.tensor([THETA])
    x, y = (points[0].double() for points in pair.sample(thetas, 200_000, generator(3)))
    on_p, on_q = (
        factor * measure.best(pair.log_ratio(points, THETA)) + offset for points in (x, y)
    )
    found = measure.estimate(on_p, on_q)
    return found.value.item(), found.standard_error.item()


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_integral_is_the_closed_form(name: str) -> None:
    true_value = PAIRS["Gaussians"].true_value(DIVERGENCES[name], THETA)
    assert true_value == pytest.approx(CLOSED_FORMS[name], rel=1e-3)


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_the_best_critic_reaches_the_divergence_and_others_do_not(name: str) -> None:
    measure = DIVERGENCES[name]
    true_value = PAIRS["Gaussians"].true_value(measure, THETA)
    value, error = estimate(measure, 1.0)
    assert abs(value - true_value) < 4 * error
    worse, error = estimate(measure, 0.4)
    assert worse < true_value - 10 * error


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_the_integrand_is_that_of_the_best_critic(name: str) -> None:
    measure = DIVERGENCES[name]
    log_p, log_q = torch.randn(2, 50, dtype=torch.float64, generator=generator(0))
    best = measure.best(log_p - log_q)
    gained = log_p.exp() * measure.on_p(best) + log_q.exp() * measure.on_q(best)
    # Equal up to multiples of p − q, whose integral is 0.
    difference = gained - measure.density(log_p, log_q)
    ratio = difference / (log_p.exp() - log_q.exp())
    torch.testing.assert_close(ratio, torch.full_like(ratio, ratio[0].item()))


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_without_overlap_the_maximum_is_reached(name: str) -> None:
    measure = DIVERGENCES[name]
    far = measure.best(torch.tensor([math.inf], dtype=torch.float64))
    assert measure.gain(far, -far).item() == pytest.approx(measure.most)
    assert measure.gain(0 * torch.ones(1), torch.zeros(1)).item() == pytest.approx(0, abs=1e-7)


def test_a_critic_stays_in_its_range_with_slope_one_at_zero() -> None:
    for measure in DIVERGENCES.values():
        raw = torch.tensor([0.0, 1e-3, 1e6])
        value = measure.critic(raw)
        assert value[1].item() == pytest.approx(1e-3, rel=1e-4)
        assert measure.range is None or value[2].item() <= measure.range


def test_the_error_is_that_of_many_repetitions() -> None:
    measure = DIVERGENCES["hellinger"]
    v = torch.randn(2, 2_000, 100, generator=generator(1)) / 3
    found = measure.estimate(v[0], v[1])
    assert found.standard_error.mean() == pytest.approx(found.value.std().item(), rel=0.05)
