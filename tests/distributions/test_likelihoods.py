"""Heads against naive formulas, sums over all levels, and draws in standard errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from dgm_core.distributions import DiscretisedLogistic, where
from dgm_core.distributions.likelihoods import (
    BernoulliLikelihood,
    DiscretisedLogisticLikelihood,
    GaussianLikelihood,
)
from dgm_core.rng import Streams, draw, generator

LEVELS = torch.arange(256, dtype=torch.float64) / 255


def logistic_of_every_kind() -> DiscretisedLogistic:
    """Means at, near and beyond both ends and inside; scales from half a level to half of all."""
    loc = torch.tensor([-0.3, -0.002, 0.0, 0.003, 0.3, 0.5, 0.997, 1.0, 1.4]).double()
    scale = torch.tensor([0.002, 0.02, 0.5]).double()
    return DiscretisedLogistic(loc.repeat(3, 1), scale[:, None])


def mass(distribution: DiscretisedLogistic) -> Tensor:
    """Probability of each level, (256, B, D)."""
    return distribution.log_prob_each(
        LEVELS[:, None, None].expand(256, *distribution.loc.shape)
    ).exp()


def test_probabilities_of_the_256_levels_sum_to_one() -> None:
    total = mass(logistic_of_every_kind()).sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def test_discretised_log_prob_is_the_difference_of_two_logistic_cdfs() -> None:
    distribution = logistic_of_every_kind()
    edges = (torch.arange(257, dtype=torch.float64) - 0.5)[:, None, None] / 255
    edges[0], edges[-1] = -torch.inf, torch.inf
    cumulative = torch.sigmoid((edges - distribution.loc) / distribution.scale)
    torch.testing.assert_close(mass(distribution), cumulative.diff(dim=0), rtol=1e-9, atol=1e-15)
    x = LEVELS[torch.randint(256, distribution.loc.shape, generator=generator(0))]
    torch.testing.assert_close(distribution.log_prob(x), distribution.log_prob_each(x).sum(1))


def test_discretised_log_prob_stays_finite_where_the_difference_is_zero_in_floats() -> None:
    """White pixel, confident black mean: the plain difference is log 0, the true value −x/s."""
    distribution = DiscretisedLogistic(torch.zeros(1, 1, requires_grad=True), torch.tensor(0.002))
    value = distribution.log_prob(torch.tensor([[0.9]]))
    assert value.item() == pytest.approx(-0.9 / 0.002, rel=0.01)
    value.backward()
    assert torch.isfinite(distribution.loc.grad).all()


def test_mean_and_variance_are_those_of_the_256_levels() -> None:
    distribution = logistic_of_every_kind()
    p, x = mass(distribution), LEVELS[:, None, None]
    mean = (p * x).sum(0)
    variance = (p * (x - mean).square()).sum(0)
    assert (distribution.mean - mean).abs().max() < 0.03 / 255
    torch.testing.assert_close(distribution.variance, variance, rtol=0.05, atol=(0.05 / 255) ** 2)


def test_draws_are_levels_with_the_probabilities_of_the_distribution() -> None:
    n = 40_000
    distribution = DiscretisedLogistic(
        torch.tensor([[0.004, 0.5, 1.1]]).double(), torch.tensor(0.01)
    )
    draws = draw(distribution, generator(1), n)
    assert draws.shape == (n, 1, 3)
    level = draws * 255
    assert (level - level.round()).abs().max() < 1e-9
    assert draw(distribution, generator(1)).shape == (1, 3)
    for entry, p in enumerate(mass(distribution)[:, 0].T):
        fraction = torch.bincount(level[:, 0, entry].round().long(), minlength=256) / n
        likely = n * p > 50
        error = (p * (1 - p) / n).sqrt()
        assert ((fraction - p)[likely].abs() < 4.5 * error[likely].clamp_min(1e-9)).all()
        assert fraction[~likely].sum() < p[~likely].sum() + 0.01


def test_with_streams_each_row_gets_the_draws_it_would_get_alone() -> None:
    distribution = logistic_of_every_kind()
    together = draw(distribution, Streams.from_seeds([7, 8, 9]), 4)
    for row in range(3):
        one = DiscretisedLogistic(
            distribution.loc[row : row + 1], distribution.scale[row : row + 1]
        )
        assert torch.equal(together[:, row : row + 1], draw(one, Streams.from_seeds([7 + row]), 4))


def test_where_takes_each_row_from_its_distribution() -> None:
    a = DiscretisedLogistic(torch.zeros(2, 3), torch.tensor(0.1))
    b = DiscretisedLogistic(torch.ones(2, 3), torch.tensor(0.2))
    chosen = where(a, torch.tensor([True, False]), b)
    x = torch.full((2, 3), 0.2)
    expected = torch.stack([a.log_prob(x)[0], b.log_prob(x)[1]])
    torch.testing.assert_close(chosen.log_prob(x), expected)


def test_gaussian_density_is_the_sum_over_pixels_with_one_scale_per_channel() -> None:
    head = GaussianLikelihood(channels=3, scale_floor=0.02).double()
    with torch.no_grad():
        head.scale.raw.copy_(torch.tensor([-1.0, 0.0, 1.0]))
    outputs = torch.randn(2, 3, 4, 4, generator=generator(2)).double()
    x = torch.rand(2, 3, 4, 4, generator=generator(3)).double()
    by_hand = torch.zeros(2).double()
    for channel in range(3):
        scale = 0.02 + torch.log1p(head.scale.raw[channel].exp())
        mean = torch.sigmoid(outputs[:, channel])
        by_hand += Normal(mean, scale).log_prob(x[:, channel]).sum((1, 2))
    distribution = head(outputs)
    assert distribution.batch_shape == (2,)
    torch.testing.assert_close(distribution.log_prob(x), by_hand)


def test_a_gaussian_on_a_table_keeps_the_decoder_output_as_mean() -> None:
    distribution = GaussianLikelihood(5, scale_floor=1e-3, link=nn.Identity())(
        torch.full((4, 5), 3.0)
    )
    assert distribution.batch_shape == (4,)
    assert distribution.event_shape == (5,)
    assert (distribution.mean == 3).all()


@pytest.mark.parametrize("head", [GaussianLikelihood, DiscretisedLogisticLikelihood])
def test_no_training_takes_the_scale_below_its_floor(head: type[nn.Module]) -> None:
    """A decoder without errors drives s → 0, where a Gaussian density has no upper bound."""
    likelihood = head(1, scale_floor=0.05)
    x = torch.full((1, 1, 2, 2), 0.5)
    perfect_output = torch.zeros(1, 1, 2, 2)  # both links map 0 to .5
    step = torch.optim.SGD(likelihood.parameters(), lr=1.0)
    begin = likelihood(perfect_output).log_prob(x).item()
    for _ in range(300):
        step.zero_grad()
        (-likelihood(perfect_output).log_prob(x)).sum().backward()
        step.step()
    scale = likelihood.scale(x)
    assert (scale >= 0.05).all()
    assert (scale < 0.06).all()
    assert likelihood(perfect_output).log_prob(x).item() > begin


def test_a_floor_at_or_above_the_first_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="floor"):
        GaussianLikelihood(1, scale_floor=0.3)


@pytest.mark.parametrize(
    "likelihood",
    [BernoulliLikelihood(), GaussianLikelihood(2), DiscretisedLogisticLikelihood(2)],
    ids=lambda head: type(head).__name__,
)
def test_the_distribution_of_each_head_agrees_with_its_draws(likelihood: nn.Module) -> None:
    n = 20_000
    distribution = likelihood.double()(torch.linspace(-1.2, 1.2, 16).double().reshape(2, 2, 2, 2))
    draws = draw(distribution, generator(4), n)
    assert draws.shape == (n, 2, 2, 2, 2)
    error = (distribution.variance / n).sqrt()
    assert ((draws.mean(0) - distribution.mean).abs() < 4.5 * error).all()
    torch.testing.assert_close(draws.var(0), distribution.variance, rtol=0.06, atol=1e-6)
