"""Estimates against closed forms, in standard errors, and the standard errors themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from dgm_core.studies.theory.probit_masking import (
    MECHANISMS,
    TRUTH,
    Config,
    by_regression,
    complete_case,
    draw,
    limits,
    probability,
    selected,
)

MANY = 400_000


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("strength", [0.5, 4.0])
def test_estimates_tend_to_their_limits(mechanism: str, strength: float) -> None:
    config = Config(mechanism, strength, rows=MANY, seed=1)
    found, (x, observed) = limits(config), draw(config)
    seen, line = complete_case(x, observed), by_regression(x, observed)
    assert abs(seen.mean - found.complete_case) < 4 * seen.error
    assert abs(line.filled.mean - found.regression) < 4 * line.filled.error
    assert line.slope == pytest.approx(found.slope, abs=0.01)
    assert line.intercept == pytest.approx(line.filled.mean, abs=0.01)


def test_which_estimates_are_consistent() -> None:
    right = {"MCAR": (True, True), "MAR": (False, True), "MNAR": (False, False)}
    for mechanism, wanted in right.items():
        config = Config(mechanism, 2.0, rows=MANY, seed=2)
        x, observed = draw(config)
        both = complete_case(x, observed), by_regression(x, observed).filled
        away = [abs(each.mean - TRUTH) / each.error for each in both]
        assert tuple(each < 4 for each in away) == wanted, (mechanism, away)
        assert all(each > 100 for each, fine in zip(away, wanted, strict=True) if not fine)


def test_the_mean_under_self_masking_is_that_of_a_skew_normal() -> None:
    for strength in (0.3, 1.0, 5.0):
        distribution = stats.skewnorm(-strength)  # 2 φ(x) Φ(−a x)
        config = Config("MNAR", strength, correlation=0.4)
        mean, covariance = selected(config.covariance, config.weights)
        assert mean[1].item() == pytest.approx(distribution.mean())
        assert covariance[1, 1].item() == pytest.approx(distribution.var())
        assert mean[0].item() == pytest.approx(0.4 * distribution.mean())
        closed = -strength / math.sqrt(1 + strength**2) * math.sqrt(2 / math.pi)
        assert limits(config).complete_case == pytest.approx(closed)


def test_moments_of_observed_rows_are_the_integrals() -> None:
    covariance = torch.tensor([[1.0, -0.5], [-0.5, 2.0]], dtype=torch.float64)
    weights = torch.tensor([0.7, -1.3], dtype=torch.float64)
    axis = np.linspace(-12, 12, 801)
    first, second = np.meshgrid(axis, axis, indexing="ij")
    x = np.stack([first, second], -1)
    density = stats.multivariate_normal([0, 0], covariance.numpy()).pdf(x)
    density = density * probability(torch.tensor(x), weights).numpy()

    def integral(values: np.ndarray) -> float:
        return integrate.simpson(integrate.simpson(values, x=axis), x=axis)

    assert integral(density) == pytest.approx(0.5)
    mean = np.array([integral(2 * density * x[..., i]) for i in range(2)])
    second_moments = [
        [integral(2 * density * x[..., i] * x[..., j]) for j in range(2)] for i in range(2)
    ]
    found = selected(covariance, weights)
    np.testing.assert_allclose(found[0], mean, rtol=1e-8)
    np.testing.assert_allclose(found[1], second_moments - np.outer(mean, mean), rtol=1e-7)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_errors_are_the_spread_of_many_samples(mechanism: str) -> None:
    config = Config(mechanism, 2.0)
    found, scores = limits(config), []
    for seed in range(500):
        x, observed = draw(Config(mechanism, 2.0, seed=seed))
        seen, line = complete_case(x, observed), by_regression(x, observed).filled
        scores.append(
            (
                (seen.mean - found.complete_case) / seen.error,
                (line.mean - found.regression) / line.error,
            )
        )
    for each in np.array(scores).T:
        assert abs(each.mean()) < 4 / math.sqrt(500)
        # Under MNAR the residuals are neither even nor normal; the error is near enough.
        assert each.std() == pytest.approx(1, abs=0.15)


def test_the_regression_is_least_squares_and_ignores_hidden_values() -> None:
    x, observed = draw(Config("MAR", 1.0, rows=60))
    line = by_regression(x, observed)
    fit = stats.linregress(x[observed, 0], x[observed, 1])
    assert (line.slope, line.intercept) == pytest.approx((fit.slope, fit.intercept))
    other = torch.where(observed, x[:, 1], math.nan)
    hidden = torch.stack([x[:, 0], other], 1)
    assert by_regression(hidden, observed) == line
    assert complete_case(hidden, observed) == complete_case(x, observed)


def test_samples_do_not_change_with_the_mechanism() -> None:
    assert all(torch.equal(draw(Config(m, 3.0))[0], draw(Config())[0]) for m in MECHANISMS)
    x, observed = draw(Config("MNAR", 100.0))
    assert (observed == (x[:, 1] < 0)).float().mean() > 0.97


def test_wrong_arguments_are_errors() -> None:
    x, _ = draw(Config(rows=5))
    with pytest.raises(ValueError, match="at least 3 observed rows, got 2"):
        complete_case(x, torch.tensor([True, True, False, False, False]))
    with pytest.raises(ValueError, match="expected a mechanism among MCAR"):
        Config("other")
    with pytest.raises(ValueError, match="a strength in 0"):
        Config(strength=-1)
    with pytest.raises(ValueError, match="3 to 1,000,000 rows"):
        Config(rows=2)
