"""Both estimators are unbiased and have the variances of the closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from dgm_core.studies.theory import gradient_estimators
from dgm_core.studies.theory.gradient_estimators import INTEGRANDS, Config, variances

PLACES = [(1.0, 1.0), (-0.7, 0.4), (0.3, 1.6)]


@pytest.mark.parametrize("name", INTEGRANDS)
@pytest.mark.parametrize("baseline", [False, True])
def test_both_are_unbiased(name: str, baseline: bool) -> None:
    config = Config(name, -0.7, 0.6, draws=20, repeats=20_000, baseline=baseline)
    found = gradient_estimators.run(config)
    for each in (found.pathwise, found.score_function):
        error = each.std() / math.sqrt(len(each))
        assert abs(each.mean() - found.gradient) < 4 * error


@pytest.mark.parametrize("name", INTEGRANDS)
def test_variances_are_those_of_the_draws(name: str) -> None:
    found = gradient_estimators.run(Config(name, 0.3, 1.2, draws=5, repeats=40_000))
    for each, expected in zip(
        (found.pathwise, found.score_function), found.variances, strict=True
    ):
        squares = (each - found.gradient).square()
        error = squares.std() / math.sqrt(len(squares))
        assert abs(squares.mean() - expected) < 4 * error
        assert (
            abs(squares.mean() - 1.2 * expected) > 4 * error
        )  # an error of 20 % would be detected


@pytest.mark.parametrize(("mean", "sd"), PLACES)
def test_variances_of_the_square_in_closed_form(mean: float, sd: float) -> None:
    path, score = variances("square", mean, sd)
    assert path == pytest.approx(4 * sd**2, rel=1e-10)
    assert score == pytest.approx(mean**4 / sd**2 + 14 * mean**2 + 15 * sd**2, rel=1e-10)
    _, least = variances("square", mean, sd, with_baseline=True)
    assert least == pytest.approx(score - (mean**2 + 3 * sd**2) ** 2 / sd**2, rel=1e-10)


@pytest.mark.parametrize(("mean", "sd"), PLACES)
def test_variance_of_the_path_of_the_sine_in_closed_form(mean: float, sd: float) -> None:
    path, _ = variances("sine", mean, sd)
    second = 0.5 * (1 + math.cos(6 * mean) * math.exp(-18 * sd**2))
    gradient = INTEGRANDS["sine"].gradient(mean, sd)
    assert path == pytest.approx(9 * second - gradient**2, rel=1e-10)


@pytest.mark.parametrize("name", INTEGRANDS)
@pytest.mark.parametrize(("mean", "sd"), PLACES)
def test_the_gradient_is_that_of_the_mean_by_quadrature(name: str, mean: float, sd: float) -> None:
    nodes = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    weights = torch.exp(-0.5 * nodes.square()) / math.sqrt(2 * math.pi) * (nodes[1] - nodes[0])
    f, gradient = INTEGRANDS[name]
    up, down = (float(weights @ f(mean + by + sd * nodes)) for by in (1e-5, -1e-5))
    assert gradient(mean, sd) == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", INTEGRANDS)
def test_no_constant_is_a_better_baseline(name: str) -> None:
    f, nodes = INTEGRANDS[name].f, gradient_estimators._NODES
    best = gradient_estimators.best_baseline(f, 1.0, 0.8)

    def scatter(baseline: float) -> float:
        return gradient_estimators.variance(
            gradient_estimators.score_function(f, 1.0, 0.8, nodes, baseline)
        )

    assert scatter(best) < min(scatter(best - 0.05), scatter(best + 0.05), scatter(0.0))


def test_each_estimator_can_have_the_smaller_variance() -> None:
    path, score = variances("square", 1.0, 0.2)
    assert path < score / 100
    path, score = variances("step", 1.0, 1.0)
    assert path > 2 * score


def test_wrong_settings_are_errors() -> None:
    for bad in ({"integrand": "cube"}, {"sd": 0.0}, {"draws": 0}):
        with pytest.raises(ValueError, match="expected"):
            replace(Config(), **bad)
