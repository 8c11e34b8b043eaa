"""Importance sampling against conditionals known in closed form, and weights that must fail."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from dgm_core.bounds import iwae_bound, iwae_curve, log_likelihood, log_weights
from dgm_core.distributions import gaussian
from dgm_core.rng import Streams, generator
from dgm_core.samplers.importance import (
    MixtureMoments,
    importance_sample,
    incomplete_log_weights,
    log_density,
    proposal_for,
    resample,
    sir_draws,
)
from dgm_core.types import Masked
from tests.toys import LinearGaussian, SmallBernoulli

ROW = torch.tensor([1.5, -0.5, 0.8, 0.0, 2.0], dtype=torch.float64)
OBSERVED = torch.tensor([True, False, True, False, False])
HIDDEN = ~OBSERVED


class Incomplete(LinearGaussian):
    """Encodes incomplete data with a wrong proposal: shifted mean, too wide."""

    def encode_incomplete(self, masked: Masked) -> Distribution:
        seen = torch.where(masked.observed, masked.x - self.offset, 0)
        mean = seen @ self.gain.T + 0.4
        return Independent(Normal(mean, torch.full_like(mean, 1.3)), 1)


def problem(copies: int) -> tuple[Incomplete, Masked, gaussian.Conditional]:
    model = Incomplete()
    exact = gaussian.condition(model.offset, model.covariance, ROW, OBSERVED)
    return model, Masked(ROW[None], OBSERVED[None]).repeat(copies), exact


def log_p_observed(model: LinearGaussian) -> Tensor:
    covariance = model.covariance[OBSERVED][:, OBSERVED]
    return MultivariateNormal(model.offset[OBSERVED], covariance).log_prob(ROW[OBSERVED])


def standard_errors_off(estimates: Tensor, exact: Tensor) -> float:
    """Largest distance of the mean of independent estimates (n, D) from `exact`, in SE."""
    error = estimates.std(0) / len(estimates) ** 0.5
    return ((estimates.mean(0) - exact) / error).abs().max().item()


def test_the_posterior_mean_and_variance_are_those_of_the_exact_conditional() -> None:
    model, masked, exact = problem(40)
    sample = importance_sample(model, masked, 10_000, generator(1), decoded_at_once=50_000)
    assert standard_errors_off(sample.mean[:, HIDDEN], exact.mean) < 4
    assert standard_errors_off(sample.variance[:, HIDDEN], exact.covariance.diagonal()) < 4


def test_weights_without_the_proposal_miss_it() -> None:
    model, masked, exact = problem(40)
    sample = importance_sample(model, masked, 2000, generator(1), decoded_at_once=50_000)
    wrong = sample.log_w + proposal_for(model, masked).log_prob(sample.z)
    distribution = model.decode(sample.z)
    mixture = MixtureMoments()
    mixture.add(wrong, distribution.mean, distribution.variance)
    assert standard_errors_off(mixture.mean[:, HIDDEN], exact.mean) > 20
    right = MixtureMoments()
    right.add(sample.log_w, distribution.mean, distribution.variance)
    assert standard_errors_off(right.mean[:, HIDDEN], exact.mean) < 4


def test_moments_are_those_of_the_mixture_by_a_plain_sum() -> None:
    model, masked, _ = problem(3)
    sample = importance_sample(model, masked, 50, generator(2), decoded_at_once=21)
    weights = torch.softmax(sample.log_w, 0)
    mean, square = torch.zeros(3, 5).double(), torch.zeros(3, 5).double()
    for k in range(50):
        distribution = model.decode(sample.z[k])
        mean += weights[k, :, None] * distribution.mean
        square += weights[k, :, None] * (distribution.variance + distribution.mean.square())
    torch.testing.assert_close(sample.mean[:, HIDDEN], mean[:, HIDDEN])
    torch.testing.assert_close(sample.variance[:, HIDDEN], (square - mean.square())[:, HIDDEN])
    torch.testing.assert_close(sample.bound, iwae_bound(sample.log_w))


def test_observed_entries_come_back_bit_identical() -> None:
    model, masked, _ = problem(4)
    sample = importance_sample(model, masked, 20, generator(3))
    assert torch.equal(sample.mean[masked.observed], masked.x[masked.observed])
    assert (sample.variance[masked.observed] == 0).all()
    assert (sample.variance[~masked.observed] > 0).all()
    for completed in sir_draws(sample, model, 5, generator(4)):
        assert torch.equal(completed[masked.observed], masked.x[masked.observed])


def test_the_size_of_the_pieces_does_not_change_the_result() -> None:
    model, masked, _ = problem(3)
    true_values = ROW.expand(3, 5)
    whole = importance_sample(model, masked, 40, generator(5), decoded_at_once=10**6)
    dense = log_density(whole, model, true_values, decoded_at_once=10**6)
    for size in (1, 7, 60):
        pieces = importance_sample(model, masked, 40, generator(5), decoded_at_once=size)
        for name in ("z", "log_w", "mean", "variance"):
            torch.testing.assert_close(getattr(pieces, name), getattr(whole, name))
        torch.testing.assert_close(
            log_density(pieces, model, true_values, decoded_at_once=size), dense
        )
    log_w = incomplete_log_weights(model, masked, 40, generator(5), decoded_at_once=7)
    torch.testing.assert_close(log_w, whole.log_w)


def test_log_p_of_the_observed_entries_is_reached_within_its_standard_error() -> None:
    model, masked, _ = problem(8)
    estimate = log_likelihood(incomplete_log_weights(model, masked, 20_000, generator(6)))
    exact = log_p_observed(model)
    assert (((estimate.value - exact) / estimate.standard_error).abs() < 4).all()


def test_the_bound_grows_with_k_and_its_gap_shrinks() -> None:
    model, masked, _ = problem(20)
    log_w = incomplete_log_weights(model, masked, 64 * 500, generator(7))
    bounds = iwae_curve(log_w, [1, 4, 16, 64]).value.mean(1)
    gap = log_p_observed(model) - bounds
    assert (gap > 0).all()
    assert (gap[1:] < 0.5 * gap[:-1]).all()


def test_with_everything_observed_the_weights_are_those_of_complete_data() -> None:
    model = LinearGaussian(shift=0.2, stretch=1.2)
    x = torch.randn(6, 5, generator=generator(9), dtype=torch.float64)
    masked = Masked(x, torch.ones_like(x, dtype=torch.bool))
    ours = incomplete_log_weights(model, masked, 30, generator(10), completion=x)
    assert torch.equal(ours, log_weights(model, x, 30, generator(10)))


def test_with_everything_hidden_the_weights_average_to_one() -> None:
    """log p(nothing) = 0 for every model; the mean is that of the marginal distribution."""
    model, masked, _ = problem(40)
    masked = Masked(masked.x, torch.zeros_like(masked.observed))
    sample = importance_sample(model, masked, 10_000, generator(11), decoded_at_once=50_000)
    assert standard_errors_off(sample.log_w.exp().mean(0)[:, None], torch.ones(1)) < 4
    assert standard_errors_off(sample.mean, model.offset) < 4
    assert standard_errors_off(sample.variance, model.covariance.diagonal()) < 4


def test_sir_draws_have_the_exact_conditional_distribution() -> None:
    """One draw from each of many independent samples; unweighted draws are far off."""
    model, masked, exact = problem(4000)
    sample = importance_sample(model, masked, 500, generator(12), decoded_at_once=500_000)
    draws = sir_draws(sample, model, 1, generator(13))[0][:, HIDDEN]
    assert standard_errors_off(draws, exact.mean) < 4.5
    scale = exact.covariance.diagonal().sqrt()
    assert ((draws.T.cov() - exact.covariance).abs() / (scale[:, None] * scale)).max() < 0.1
    unweighted = sample._replace(log_w=torch.zeros_like(sample.log_w))
    unweighted_draws = sir_draws(unweighted, model, 1, generator(13))[0][:, HIDDEN]
    assert standard_errors_off(unweighted_draws, exact.mean) > 20


def test_resampling_chooses_with_the_weights() -> None:
    weights = torch.tensor([[0.1, 0.0], [0.6, 0.25], [0.3, 0.75]], dtype=torch.float64)
    n = 40_000
    chosen = resample(weights.log() + 700, n, generator(14))
    fraction = torch.stack([(chosen == k).double().mean(0) for k in range(3)])
    error = (weights * (1 - weights) / n).sqrt()
    assert ((fraction - weights).abs() <= 4.5 * error).all()


def test_the_log_density_of_the_true_values_is_that_of_the_exact_conditional() -> None:
    model, masked, exact = problem(40)
    sample = importance_sample(model, masked, 10_000, generator(15), decoded_at_once=50_000)
    true_values = MultivariateNormal(exact.mean, exact.covariance).log_prob(ROW[HIDDEN])
    estimates = log_density(sample, model, ROW.expand(40, 5), decoded_at_once=50_000)
    assert standard_errors_off(estimates[:, None], true_values) < 4


def test_the_exact_posterior_gives_the_full_sample_size() -> None:
    model = LinearGaussian()
    model.weights, _ = torch.linalg.qr(model.weights)  # so the posterior is diagonal, like q
    precision = 1 + model.noise**-2
    model.gain = model.weights.T / model.noise**2 / precision
    model.scale = torch.full((2,), precision**-0.5, dtype=torch.float64)
    x = ROW.expand(3, 5)
    complete = Masked(x, torch.ones_like(x, dtype=torch.bool))
    sample = importance_sample(model, complete, 60, generator(16), completion=x)
    torch.testing.assert_close(sample.effective_draws, torch.full((3,), 60.0).double())
    wrong, masked, _ = problem(3)
    sample = importance_sample(wrong, masked, 400, generator(16))
    assert ((sample.effective_draws > 1) & (sample.effective_draws < 300)).all()
    assert sample.pareto_k.shape == (3,)


def test_pareto_k_detects_a_proposal_that_is_too_narrow() -> None:
    model, masked, _ = problem(5)
    wide = importance_sample(model, masked, 4000, generator(17))

    class Narrow(Incomplete):
        def encode_incomplete(self, masked: Masked) -> Distribution:
            base = super().encode_incomplete(masked).base_dist
            return Independent(Normal(base.loc, base.scale / 10), 1)

    narrow = importance_sample(Narrow(), masked, 4000, generator(17))
    assert (wide.pareto_k < 0.5).all()
    assert (narrow.pareto_k > 0.7).all()


def test_bernoulli_pixels_reach_the_enumerated_marginals() -> None:
    model = SmallBernoulli()
    row = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    observed = torch.tensor([True, False, True, False, True, False])
    exact = model.pixel_marginals(row, observed)
    masked = Masked(row[None], observed[None]).repeat(30)
    completion = torch.full_like(masked.x, 0.5)
    sample = importance_sample(
        model, masked, 5000, generator(18), completion=completion, decoded_at_once=50_000
    )
    mean = sample.mean[:, ~observed]
    assert standard_errors_off(mean, exact) < 4
    torch.testing.assert_close(sample.variance[:, ~observed], mean * (1 - mean))
    draws = sir_draws(sample, model, 300, generator(19))
    assert ((draws == 0) | (draws == 1)).all()
    assert (draws[..., ~observed].mean((0, 1)) - exact).abs().max() < 0.025


def test_a_model_that_encodes_complete_data_needs_a_completion() -> None:
    _, masked, _ = problem(2)
    with pytest.raises(ValueError, match="completion"):
        importance_sample(LinearGaussian(), masked, 10, generator(20))


def test_a_row_with_its_stream_gets_the_result_it_would_get_alone() -> None:
    model, _, _ = problem(1)
    x = torch.stack([ROW, -ROW, 0.5 * ROW])
    masked = Masked(x, torch.stack([OBSERVED, ~OBSERVED, torch.zeros(5, dtype=torch.bool)]))
    sources = Streams.from_seeds([7, 8, 9])
    together = importance_sample(model, masked, 30, sources)
    draws = sir_draws(together, model, 4, sources)
    for row in range(3):
        source = Streams.from_seeds([7 + row])
        alone = importance_sample(model, masked[row : row + 1], 30, source)
        torch.testing.assert_close(together.mean[row], alone.mean[0])
        torch.testing.assert_close(together.log_w[:, row], alone.log_w[:, 0])
        torch.testing.assert_close(draws[:, row], sir_draws(alone, model, 4, source)[:, 0])
