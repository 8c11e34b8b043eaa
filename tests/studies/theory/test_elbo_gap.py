"""log p(x) = ELBO + KL, each computed by its own integral."""

from __future__ import annotations

import math

import pytest
import torch

from dgm_core.studies.theory import elbo_gap
from dgm_core.studies.theory.elbo_gap import AXIS, Config

PLACES = [
    Config(1.0),
    Config(-1.2),
    Config(3.5),
    Config(1.0, -2.0, 0.3),
    Config(2.0, 0.5, 1.5),
    Config(0.0, 0.1, 0.05),
]


@pytest.mark.parametrize("config", PLACES, ids=str)
def test_the_gap_is_the_divergence(config: Config) -> None:
    found = elbo_gap.run(config)
    assert found.elbo + found.divergence == pytest.approx(found.log_p, abs=1e-6)
    assert found.log_p == pytest.approx(
        found.elbo + found.amortisation + found.approximation, abs=1e-12
    )
    assert found.divergence > 0
    # The divergence in the other direction is a different number, so this test can fail.
    log_q, log_p = found.density.log().clamp_min(-300), found.posterior.log().clamp_min(-300)
    other = elbo_gap.divergence(log_p, log_q, float(AXIS[1] - AXIS[0]))
    assert abs(found.elbo + float(other) - found.log_p) > 1e-3


def test_the_densities_are_densities() -> None:
    found = elbo_gap.run(Config(0.7))
    for each in (found.posterior, found.density):
        assert float(torch.trapezoid(each, AXIS)) == pytest.approx(1, abs=1e-8)


def test_a_posterior_that_is_gaussian_has_no_gap() -> None:
    """For z ~ N(0, 1) and x | z ~ N(z, ½²), q = N(0.8 x, 0.2) is the posterior."""
    log_joint = -0.5 * AXIS.square() - 2 * (1.0 - AXIS).square()
    log_joint = log_joint - math.log(2 * math.pi * 0.5)
    log_q = -0.5 * (AXIS - 0.8).square() / 0.2 - 0.5 * math.log(2 * math.pi * 0.2)
    log_p = -0.5 / 1.25 - 0.5 * math.log(2 * math.pi * 1.25)
    spacing = float(AXIS[1] - AXIS[0])
    assert float(elbo_gap.divergence(log_q, log_joint - log_p, spacing)) == pytest.approx(
        0, abs=1e-9
    )


@pytest.mark.parametrize("x", [-1.0, 0.5, 1.0, 2.5, 4.0])
def test_no_gaussian_is_better_than_the_best(x: float) -> None:
    mean, sd = elbo_gap.best_gaussian(x)
    pairs = torch.cartesian_prod(torch.linspace(-3, 3, 121), torch.linspace(0.05, 2, 79)).double()
    flat = (pairs[:, 0], pairs[:, 1].log())
    every = elbo_gap.elbo(torch.full_like(flat[0], x), *flat)
    own = elbo_gap.elbo(*torch.tensor([[x], [mean], [math.log(sd)]]).double())
    assert float(own) >= float(every.max())
    assert float(own) - float(every.max()) < 0.03  # the grid is fine


def test_the_encoder_is_optimal_on_average_but_not_for_each_x() -> None:
    a, b, c = elbo_gap.encoder()
    assert b > 0
    assert elbo_gap.run(Config(1.0)).amortisation > 0.01

    def mean_elbo(a: float, b: float, c: float) -> float:
        source = torch.Generator().manual_seed(0)
        z, noise = torch.randn(2, 5000, generator=source, dtype=torch.float64)
        x = z + elbo_gap.BEND * z.square() + elbo_gap.NOISE * noise
        return float(elbo_gap.elbo(x, a + b * x, torch.full_like(x, math.log(c))).mean())

    best = mean_elbo(a, b, c)
    for worse in ((a + 0.2, b, c), (a, b + 0.15, c), (a, b, 1.3 * c), (a, b, c / 1.3)):
        assert mean_elbo(*worse) < best


def test_iwae_rises_from_the_elbo_to_the_evidence() -> None:
    found = elbo_gap.run(Config(1.0, draws=200_000))
    value, error = found.iwae
    assert abs(value[0] - found.elbo) < 4 * error[0]
    assert (value <= found.log_p + 4 * error).all()
    assert (value.diff() > -4 * error[:-1]).all()
    assert found.log_p - value[-1] < 0.5 * found.divergence


def test_wrong_settings_are_errors() -> None:
    for bad in ({"x": 20.0}, {"mean": 0.0}, {"mean": 0.0, "sd": 0.01}):
        with pytest.raises(ValueError, match="expected"):
            Config(**bad)
