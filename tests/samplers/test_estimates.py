"""Estimates from weighted completions, against quadrature, sorted samples and plain sums."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal, StudentT

from dgm_core.distributions import BernoulliPixels
from dgm_core.distributions.columns import Binary, Layout, MixedRow, Numeric
from dgm_core.distributions.columns import Categorical as Levels
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import draw, generator
from dgm_core.samplers.completions import Completions, weighted_completions
from dgm_core.samplers.estimates import (
    mean_and_variance,
    mean_of_decoder,
    median,
    mixture,
    mixture_median,
    sir_completions,
    weighted_median,
)
from dgm_core.types import Masked
from tests.linear_table import (
    SelfMasking,
    conditional_on_a_grid,
    networks,
    rows,
    standard_errors_off,
)

PROCESS = SelfMasking([2.5, 0.8], [0.2, -0.4])
MODELS = {
    "MIWAE": (lambda: MIWAE(**networks(1.4)), None),
    "not-MIWAE": (lambda: NotMIWAE(**networks(1.4), missing_process=PROCESS), PROCESS),
}


@torch.no_grad()
def drawn(name: str, count: int, draws: int) -> Completions:
    return weighted_completions(MODELS[name][0](), rows(count), draws, generator(0))


@pytest.mark.parametrize("name", MODELS)
def test_mean_median_and_variance_are_those_of_the_exact_conditional(name: str) -> None:
    _, grid, p = conditional_on_a_grid(MODELS[name][1])
    exact_mean = (p * grid).sum()
    exact_variance = (p * (grid - exact_mean).square()).sum()
    exact_median = grid[int((p.cumsum(0) < 0.5).sum())]
    sample = drawn(name, 50, 4000)
    mean, variance = mean_and_variance(sample)
    assert standard_errors_off(mean[:, 0], exact_mean) < 5
    assert standard_errors_off(variance[:, 0], exact_variance) < 5
    assert standard_errors_off(median(sample)[:, 0], exact_median) < 5
    assert (mean[:, 1] == rows(50).x[:, 1]).all()
    assert (variance[:, 1] == 0).all()
    draws = sir_completions(drawn(name, 4000, 400), 1, generator(1))[0]
    assert standard_errors_off(draws[:, 0], exact_mean) < 5
    assert draws[:, 0].var().item() == pytest.approx(exact_variance.item(), rel=0.1)


def test_decoder_means_with_the_same_weights_miss_the_tilt_within_components() -> None:
    _, grid, p = conditional_on_a_grid(PROCESS)
    sample = drawn("not-MIWAE", 50, 4000)
    assert standard_errors_off(mean_of_decoder(sample)[:, 0], (p * grid).sum()) > 50
    plain = drawn("MIWAE", 5, 100)
    torch.testing.assert_close(mean_of_decoder(plain), mean_and_variance(plain)[0])


@pytest.mark.parametrize("name", MODELS)
def test_resampled_draws_average_to_the_weighted_mean(name: str) -> None:
    sample, n = drawn(name, 3, 60), 20_000
    mean, variance = mean_and_variance(sample)
    draws = sir_completions(sample, n, generator(2))
    error = (variance[:, 0] / n).sqrt()
    assert ((draws.mean(0) - mean)[:, 0].abs() < 5 * error).all()
    torch.testing.assert_close(draws.var(0)[:, 0], variance[:, 0], rtol=0.06, atol=0)
    assert (draws[..., 1] == rows(3).x[:, 1]).all()


def test_total_variance_is_within_plus_between_by_a_plain_sum() -> None:
    sample = drawn("MIWAE", 2, 30)
    means, variances = (
        sample.likelihood.mean.reshape(30, 2, 2),
        sample.likelihood.variance.reshape(30, 2, 2),
    )
    weights = sample.log_weights.exp()[..., None]
    mean = (weights * means).sum(0)
    by_hand = (weights * variances).sum(0) + (weights * (means - mean).square()).sum(0)
    assert (by_hand > (weights * variances).sum(0)).all()
    torch.testing.assert_close(mean_and_variance(sample)[1][:, 0], by_hand[:, 0])


def mixed_distributions() -> dict[str, Independent | BernoulliPixels | MixedRow]:
    source = generator(3)
    loc = 2 * torch.randn(3 * 2, 2, generator=source, dtype=torch.float64)
    scale = 0.2 + torch.rand(6, 2, generator=source, dtype=torch.float64)
    return {
        "Gaussian": Independent(Normal(loc, scale), 1),
        "Student-t": Independent(StudentT(torch.full_like(loc, 3.0), loc, scale), 1),
        "numeric columns": MixedRow(Layout([Numeric(), Numeric()]), loc, scale),
    }


@pytest.mark.parametrize("name", mixed_distributions())
def test_the_mixture_median_is_that_of_many_sorted_draws(name: str) -> None:
    distribution, n = mixed_distributions()[name], 20_000
    weights = torch.tensor([[0.2, 0.1], [0.5, 0.3], [0.3, 0.6]], dtype=torch.float64)
    means, variances = distribution.mean.reshape(3, 2, 2), distribution.variance.reshape(3, 2, 2)
    mean = (weights[..., None] * means).sum(0)
    var = (weights[..., None] * (variances + (means - mean).square())).sum(0)
    ours = mixture_median(distribution, weights.log(), mean, var)
    values = draw(distribution, generator(4), n).reshape(n, 3, 2, 2)
    below = (weights[..., None] * (values <= ours).double().mean(0)).sum(0)
    assert (below - 0.5).abs().max() < 4.5 * 0.5 / n**0.5


def test_the_mixture_median_of_two_gaussians_by_hand() -> None:
    """Equal halves at ±1 have it at 0; one component has its mean; decoder means would give ±1."""
    distribution = Independent(
        Normal(torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.5], [0.5]])), 1
    )
    mean, var = torch.zeros(1, 1), torch.full((1, 1), 1.25)
    half = torch.tensor([[0.5], [0.5]]).log()
    assert mixture_median(distribution, half, mean, var).item() == pytest.approx(0, abs=1e-5)
    alone = torch.tensor([[1.0], [0.0]]).log()
    one, quarter = torch.full((1, 1), -1.0), torch.full((1, 1), 0.25)
    assert mixture_median(distribution, alone, one, quarter).item() == pytest.approx(-1, abs=1e-5)


def test_the_weighted_median_by_hand_and_with_equal_weights() -> None:
    x = torch.tensor([3.0, 1.0, 2.0, 10.0])[:, None, None]
    weights = torch.tensor([0.1, 0.2, 0.15, 0.55])[:, None]
    assert weighted_median(x, weights.log()).item() == 10
    assert weighted_median(x[:3], weights[:3].log().log_softmax(0)).item() == 2
    many = torch.randn(51, 4, 3, generator=generator(5))
    equal = torch.full((51, 4), 1 / 51).log()
    torch.testing.assert_close(weighted_median(many, equal), many.median(0).values)


def sample_of(
    distribution: MixedRow | BernoulliPixels, terms: dict[str, Tensor], rows: int
) -> Completions:
    x = draw(distribution, generator(6)).unflatten(0, (-1, rows))
    nothing = Masked(torch.zeros_like(x[0]), torch.zeros_like(x[0], dtype=torch.bool))
    return Completions(nothing, torch.zeros(*x.shape[:2], 1), x, distribution, terms)


@pytest.mark.parametrize("further", [(), ("missing",)])
def test_discrete_columns_are_filled_with_their_likeliest_value(further: tuple[str, ...]) -> None:
    layout = Layout([Binary(), Levels(3)])
    outputs = torch.tensor([1.5, 0.8, 2.0, -1.0]).expand(400, 4)
    distribution = MixedRow(layout, outputs, torch.ones(()))
    terms = {name: torch.zeros(200, 2) for name in ("x_obs", "latent", *further)}
    sample = sample_of(distribution, terms, 2)
    assert torch.equal(median(sample), torch.tensor([1.0, 0.0, 1.0, 0.0]).expand(2, 4))
    draws = sir_completions(sample, 50, generator(7))
    assert ((draws == 0) | (draws == 1)).all()
    assert (draws[..., 1:].sum(-1) == 1).all()
    pixels = sample_of(BernoulliPixels(outputs), terms, 2)
    assert torch.equal(median(pixels), torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(2, 4))


def test_a_mixture_of_predictions_by_a_plain_sum() -> None:
    log_weights = torch.randn(5, 3, generator=generator(8)).double().log_softmax(0)
    weights = log_weights.exp()
    loc = torch.randn(5, 3, generator=generator(9)).double()
    distribution = mixture(Normal(loc, 0.5 + loc.square()), log_weights)
    y = torch.tensor([0.3, -1.0, 2.0]).double()
    by_hand = (weights * Normal(loc, 0.5 + loc.square()).log_prob(y).exp()).sum(0)
    torch.testing.assert_close(distribution.log_prob(y).exp(), by_hand)
    torch.testing.assert_close(distribution.mean, (weights * loc).sum(0))
    logits = torch.randn(5, 3, 4, generator=generator(10)).double()
    classes = mixture(Categorical(logits=logits), log_weights)
    by_hand = (weights[..., None] * logits.softmax(-1)).sum(0)
    torch.testing.assert_close(classes.probs, by_hand)
