"""Importance weights between Gaussians against closed forms, in standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from dgm_core.metrics.diagnostics import pareto_k
from dgm_core.rng import generator, normal
from dgm_core.studies.theory.importance_weights import (
    DIMENSIONS,
    Config,
    log_weight_density,
    log_weights,
    run,
    second_moment,
    tail_shape,
)

MANY = 200_000


def drawn(dim: int, scale: float, seed: int = 0) -> torch.Tensor:
    """log w in 1 … D dimensions, (K, D)."""
    return log_weights(normal((MANY, dim), generator(seed), torch.float64), scale)


@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_weights_are_ratios_of_densities(scale: float) -> None:
    noise = normal((50, 4), generator(0), torch.float64)
    target = stats.multivariate_normal(np.zeros(4), np.eye(4))
    proposal = stats.multivariate_normal(np.zeros(4), scale**2 * np.eye(4))
    ratio = target.logpdf(scale * noise) - proposal.logpdf(scale * noise)
    np.testing.assert_allclose(log_weights(noise, scale)[:, -1], ratio, atol=1e-12)


@pytest.mark.parametrize("scale", [0.75, 0.9, 1.3, 2.0])
def test_the_second_moment_is_the_integral(scale: float) -> None:
    def integrand(x: float) -> float:
        return math.exp(2 * stats.norm.logpdf(x) - stats.norm.logpdf(x, scale=scale))

    one = integrate.quad(integrand, -40, 40)[0]
    assert second_moment(1, scale).item() == pytest.approx(one)
    np.testing.assert_allclose(second_moment(torch.tensor([2, 7]), scale), [one**2, one**7])


def test_below_half_the_variance_the_second_moment_is_infinite() -> None:
    assert second_moment(3, 0.7).item() == math.inf
    assert math.isfinite(second_moment(3, 0.708).item())


@pytest.mark.parametrize(("dim", "scale"), [(1, 0.9), (5, 1.2), (10, 1.5)])
def test_both_moments_are_within_their_standard_errors(dim: int, scale: float) -> None:
    w = drawn(dim, scale)[:, -1].exp()
    for power, expected in ((1, 1.0), (2, second_moment(dim, scale).item())):
        each = w**power
        error = each.std().item() / math.sqrt(MANY)
        assert abs(each.mean().item() - expected) < 4 * error
    # In one dimension fewer it would be another number.
    other = second_moment(dim - 1, scale).item()
    assert abs((w**2).mean().item() - other) > 5 * (w**2).std().item() / math.sqrt(MANY)


@pytest.mark.parametrize(("dim", "scale"), [(1, 0.6), (3, 0.9), (20, 1.4)])
def test_log_weights_have_the_density_in_the_figure(dim: int, scale: float) -> None:
    log_w = drawn(dim, scale)[:, -1].numpy()
    mean = dim * (math.log(scale) - (scale**2 - 1) / 2)
    sd = math.sqrt(dim / 2) * abs(scale**2 - 1)
    assert abs(log_w.mean() - mean) < 4 * sd / math.sqrt(MANY)
    grid = np.linspace(mean - 12 * sd, mean + 12 * sd, 40_001)
    density = log_weight_density(torch.tensor(grid), dim, scale).numpy()
    assert density.min() == 0
    if dim > 1:  # of one dimension it is infinite at its end
        cdf = integrate.cumulative_trapezoid(density, grid, initial=0)
        assert cdf[-1] == pytest.approx(1, abs=1e-3)
        distance = np.abs(np.interp(np.sort(log_w), grid, cdf) - np.arange(MANY) / MANY).max()
        assert distance < 1.95 / math.sqrt(MANY) + 1e-4  # Kolmogorov: one in a thousand
    edge = dim * math.log(scale)
    assert (log_w.max() <= edge) if scale > 1 else (log_w.min() >= edge)


def test_pareto_k_is_the_shape_of_the_tail() -> None:
    # In two dimensions χ² is exponential, so that w is exactly Pareto.
    for scale in (0.5, 0.7):
        noise = normal((20_000, 10, 2), generator(0), torch.float64)
        k = pareto_k(log_weights(noise, scale)[..., -1])
        error = k.std().item() / math.sqrt(10)
        pulled = 10 * 0.25 / (3 * math.sqrt(20_000))  # towards ½, by the prior of k̂
        assert abs(k.mean().item() - tail_shape(2, scale)) < 4 * error + pulled
    assert run(Config(2, 1.5)).k.max() < 0.3
    assert tail_shape(10, 2.0) == -0.2
    assert math.isnan(tail_shape(10, 1.0))


def test_runs_agree_with_one_another_and_with_the_closed_form() -> None:
    found = run(Config(5, 1.2, draws=4_000, runs=40))
    assert found.running.shape == found.log_w.shape == (4_000, 40)
    scores = (found.running[-1] - 1) / found.error
    assert abs(scores.mean().item()) < 4 / math.sqrt(40)
    assert scores.std().item() == pytest.approx(1, abs=0.35)
    at = DIMENSIONS.index(5)
    fractions = found.effective_fractions[at]
    error = fractions.std().item() / math.sqrt(40)
    assert abs(fractions.mean().item() - 1 / second_moment(5, 1.2).item()) < 5 * error + 1e-3
    assert (found.effective_fractions.mean(1).diff() < 0).all()


def test_in_many_dimensions_most_runs_miss_the_mass() -> None:
    found = run(Config(100, 0.7))
    assert found.running[-1].median() < 0.3
    assert found.effective_fractions[-1].mean() < 0.01


def test_the_target_as_proposal_gives_equal_weights() -> None:
    found = run(Config(10, 1.0))
    torch.testing.assert_close(found.running, torch.ones_like(found.running))
    assert second_moment(10, 1.0).item() == 1
    with pytest.raises(ValueError, match="not the target"):
        log_weight_density(torch.zeros(3), 10, 1.0)


def test_wrong_arguments_are_errors() -> None:
    for wrong, message in (
        ({"dim": 0}, "1 to 100 dimensions"),
        ({"scale": 0.0}, "a scale from"),
        ({"draws": 3}, "25 to 100,000 draws"),
    ):
        with pytest.raises(ValueError, match=message):
            Config(**wrong)
