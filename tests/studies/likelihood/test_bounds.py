"""ELBO ≤ IWAE ≤ log p ≤ best mixture, where all are known exactly, and on a shipped model."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core import zoo
from dgm_core.distributions.likelihoods import (
    BernoulliLikelihood,
    GaussianLikelihood,
    GaussianPixelLikelihood,
    StudentTLikelihood,
)
from dgm_core.mixtures.nonparametric import Family
from dgm_core.studies.likelihood import bounds
from dgm_core.studies.likelihood.bounds import (
    Config,
    Frame,
    Line,
    Result,
    generated_images,
    is_ordered,
)
from dgm_core.studies.likelihood.upper_bounds import best_mixture, empirical, family_of
from tests.toys import LinearGaussian, SmallBernoulli

SMALL = Config(draws=(1, 10, 100, 1000, 4000), temperatures=20, chains=16, tolerance=1e-6)


def gaussian_rows(count: int) -> tuple[LinearGaussian, Tensor, Tensor, Tensor]:
    """A model with a poor encoder, rows drawn from it, their latents and their exact log p(x)."""
    model = LinearGaussian(shift=0.3, stretch=1.3)
    x, z = generated_images(model, count, seed=2)
    return model, x, z, MultivariateNormal(model.offset, model.covariance).log_prob(x)


def measured(config: Config, *args: object, **more: object) -> tuple[list[Frame], Result]:
    *frames, last = bounds.run(config, *args, **more)
    return frames, last


def test_all_lines_of_a_gaussian_model_are_in_order_around_the_exact_value() -> None:
    model, x, z, exact = gaussian_rows(12)
    family = Family(model.noise**2, model.noise**2)
    frames, found = measured(SMALL, model, x, latents=z, family=family)
    log_p = exact.mean().item()
    (integral,), (upper,) = found.of("quadrature"), found.of("best mixture")
    assert abs(integral.mean - log_p) < 1e-6
    torch.testing.assert_close(integral.each, exact, rtol=0, atol=1e-6)
    (below,), (above,) = found.of("AIS"), found.of("AIS backwards")
    assert abs(below.mean - log_p) < 4 * below.error + 0.02
    assert below.mean - 4 * below.error < log_p < above.mean + 4 * above.error
    curve = [*found.of("ELBO"), *found.of("IWAE")]
    assert [line.effort for line in curve] == [1, 10, 100, 1000, 4000]
    assert all(b.mean > a.mean - 3 * (a.error + b.error) for a, b in pairwise(curve))
    assert curve[0].mean < log_p - 5 * curve[0].error
    assert abs(curve[-1].mean - log_p) < 4 * curve[-1].error
    assert upper.mean > log_p
    assert is_ordered(found.lines)
    assert [frame.done for frame in frames] == sorted(frame.done for frame in frames)
    assert math.isclose(frames[-1].done, 1.0)
    assert frames[-1].lines == found.lines


def test_a_line_on_the_wrong_side_is_detected() -> None:
    model, x, z, _ = gaussian_rows(12)
    family = Family(model.noise**2, model.noise**2)
    _, found = measured(SMALL, model, x, latents=z, family=family)
    for wrong in (
        Line(
            "mean of log w taken for log of the mean, upside down",
            "above",
            1,
            found.of("ELBO")[0].mean,
            found.of("ELBO")[0].error,
        ),
        Line("EM stopped at one atom, without its gap", "above", 1, _one_atom(x, family), 0.0),
        Line(
            "log of the mean weight of AIS run backwards, as below",
            "below",
            1,
            found.of("best mixture")[0].mean + 0.01,
            0.0,
        ),
    ):
        assert not is_ordered((*found.lines, wrong)), wrong.method


def _one_atom(x: Tensor, family: Family) -> float:
    distribution = torch.distributions.Normal(x.mean(0), family.floor**0.5)
    return distribution.log_prob(x).sum(1).mean().item()


def test_with_a_mask_all_lines_refer_to_the_observed_entries() -> None:
    model, x, z, _ = gaussian_rows(4)
    observed = torch.tensor([True, False, True, False, False]).expand_as(x)
    _, found = measured(SMALL, model, x, observed=observed, latents=z)
    seen = observed[0]
    distribution = MultivariateNormal(model.offset[seen], model.covariance[seen][:, seen])
    exact = distribution.log_prob(x[:, seen])
    torch.testing.assert_close(found.of("quadrature")[0].each, exact, rtol=0, atol=1e-6)
    best = found.of("IWAE")[-1]
    assert abs(best.mean - exact.mean()) < 5 * best.error
    assert not found.of("best mixture")
    assert is_ordered(found.lines)


def test_a_discrete_model_is_below_the_empirical_distribution() -> None:
    model = SmallBernoulli()
    x, z = generated_images(model, 40, seed=1)
    _, found = measured(SMALL, model, x, latents=z)
    (upper,) = found.of("empirical")
    assert upper.effort == len(x.unique(dim=0)) < 40
    log_p = found.of("quadrature")[0].mean
    assert -math.log(40) < upper.mean
    assert log_p < upper.mean
    assert is_ordered(found.lines)


def test_the_empirical_bound_is_minus_the_entropy_of_the_counts() -> None:
    x = torch.tensor([[0.0], [1.0], [1.0], [1.0]])
    found = empirical(x)
    expected = 0.25 * math.log(0.25) + 0.75 * math.log(0.75)
    assert math.isclose(found.per_point, expected, rel_tol=1e-6)
    assert found.components == 2


def test_a_family_has_the_variances_that_the_head_can_output() -> None:
    one = GaussianLikelihood(2, 0.02)
    scale = one.scale(torch.zeros(1, 2, 1, 1)).detach().flatten().double().square()
    family = family_of(one)
    assert math.isclose(family.floor, scale.min().item(), rel_tol=1e-6)
    assert math.isclose(family.ceiling, scale.max().item(), rel_tol=1e-6)
    distribution = GaussianPixelLikelihood(0.05)(torch.full((1, 4, 3, 3), -50.0))
    assert distribution.variance.min() >= family_of(GaussianPixelLikelihood(0.05)).floor
    assert family_of(GaussianPixelLikelihood(0.05)).ceiling == math.inf
    assert family_of(StudentTLikelihood(2)) is None
    assert family_of(BernoulliLikelihood()) is None


def test_a_trained_gaussian_model_is_below_its_bound() -> None:
    """Faces: four images of 12,288 values; the bound by pairs closes the gap."""
    model = zoo.load("celeba-dlvm")
    x, _ = generated_images(model, 4)
    config = Config(draws=(1, 20), temperatures=0)
    _, found = measured(config, model, x)
    (upper,) = found.of("best mixture")
    assert upper.mean > found.of("IWAE")[0].mean
    family = family_of(model.likelihood)
    mixture = best_mixture(x.flatten(1), family)
    assert mixture.per_point - mixture.reached < 1e-6
    assert is_ordered(found.lines)


def test_runs_are_reproducible_and_share_their_draws() -> None:
    model, x, _, _ = gaussian_rows(2)
    config = Config(draws=(1, 7, 30), temperatures=3, chains=2, most_points=0)
    a, b = (measured(config, model, x)[1].lines for _ in "ab")
    assert [line.mean for line in a] == [line.mean for line in b]
    assert {line.method for line in a} == {"ELBO", "IWAE", "AIS"}
    other = measured(Config(draws=(1, 7, 30), temperatures=3, chains=2, seed=1), model, x)[1]
    assert other.lines[0].mean != a[0].mean


@pytest.mark.parametrize(
    "bad", [{"draws": ()}, {"draws": (0,)}, {"temperatures": -1}, {"chains": 1}]
)
def test_settings_out_of_range_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        Config(**bad)


def test_a_row_and_a_sentence_have_the_same_numbers() -> None:
    line = Line("IWAE", "below", 10, -88.123456, 0.0123, torch.zeros(1), torch.zeros(1))
    row = line.row("mnist-dlvm", "test", 5)
    assert row == {
        "model": "mnist-dlvm",
        "of": "test",
        "images": 5,
        "method": "IWAE",
        "kind": "below",
        "effort": 10,
        "mean": -88.1235,
        "error": 0.0123,
    }
    assert "log p(x) ≥    -88.123 ± 0.012" in line.sentence()
