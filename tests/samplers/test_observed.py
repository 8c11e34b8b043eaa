"""The density of the observed entries alone, against torch's distributions entry by entry."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, MultivariateNormal, Normal

from dgm_core.distributions import BernoulliPixels, DiscretisedLogistic
from dgm_core.rng import generator
from dgm_core.samplers.observed import log_prob_observed, log_prob_observed_at_each, take
from dgm_core.types import Masked

SHAPE = (7, 2, 4, 3)


def problem(binary: bool) -> Masked:
    source = generator(0)
    x = torch.rand(SHAPE, generator=source, dtype=torch.float64)
    x = (x < 0.4).double() if binary else (255 * x).round() / 255
    observed = torch.rand(SHAPE, generator=source) < torch.linspace(0, 1, 7)[:, None, None, None]
    return Masked(x, observed)


def numbers(seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(SHAPE, generator=generator(seed), dtype=torch.float64)


NORMAL = Normal(numbers(1), numbers(2).exp())
LOGISTIC = DiscretisedLogistic(numbers(1), torch.tensor([0.1, 0.3]).double()[:, None, None])
DISTRIBUTIONS: dict[str, tuple[Distribution, bool]] = {
    "Bernoulli": (BernoulliPixels(numbers(1, 30.0)), True),  # probabilities down to e⁻⁹⁰
    "Gaussian": (Independent(NORMAL, 3), False),
    "discretised logistic": (LOGISTIC, False),
}


def entry_by_entry(distribution: Distribution, x: Tensor) -> Tensor:
    if isinstance(distribution, BernoulliPixels):
        return Bernoulli(logits=distribution.logits).log_prob(x)
    if isinstance(distribution, DiscretisedLogistic):
        return distribution.log_prob_each(x)
    return distribution.base_dist.log_prob(x)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_it_is_the_sum_over_observed_entries(name: str) -> None:
    distribution, binary = DISTRIBUTIONS[name]
    masked = problem(binary)
    each = entry_by_entry(distribution, masked.x)
    expected = torch.stack(
        [terms[seen].sum() for terms, seen in zip(each, masked.observed, strict=True)]
    )
    torch.testing.assert_close(log_prob_observed(distribution, masked), expected)
    assert (
        log_prob_observed(distribution, masked) - distribution.log_prob(masked.x)
    ).abs().max() > 1


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_row_has_its_density_under_every_distribution(name: str) -> None:
    distribution, binary = DISTRIBUTIONS[name]
    masked = problem(binary)[:4]
    found = log_prob_observed_at_each(distribution, masked)
    for number in range(7):
        alone = take(distribution, torch.full((4,), number))
        torch.testing.assert_close(found[number], log_prob_observed(alone, masked))


def test_every_row_under_narrow_gaussians_keeps_its_digits() -> None:
    """Squares of a million cancel: in float32 they would leave nothing."""
    loc = torch.linspace(0.9, 1.1, 20)[:, None].expand(20, 3)
    distribution = Independent(Normal(loc, torch.full_like(loc, 1e-3)), 1)
    masked = Masked(torch.full((2, 3), 1.0005), torch.tensor([[True] * 3, [True, False, True]]))
    found = log_prob_observed_at_each(distribution, masked)
    for number in range(20):
        exact = -0.5 * ((1.0005 - loc[number, 0].double()) / 1e-3) ** 2 - math.log(
            1e-3 * math.sqrt(2 * math.pi)
        )
        for row, seen in enumerate((3, 2)):
            assert math.isclose(found[number, row], seen * exact, rel_tol=1e-4)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_with_everything_observed_it_is_log_prob(name: str) -> None:
    distribution, binary = DISTRIBUTIONS[name]
    masked = Masked(problem(binary).x, torch.ones(SHAPE, dtype=torch.bool))
    torch.testing.assert_close(
        log_prob_observed(distribution, masked), distribution.log_prob(masked.x)
    )


def test_hidden_binary_pixels_are_summed_out() -> None:
    """Σ over all values of the hidden pixels of p(x) is p(x_obs)."""
    distribution = BernoulliPixels(numbers(3)[:1, 0, :1])
    x, observed = (
        torch.tensor([[[1.0, 0.0, 1.0]]]).double(),
        torch.tensor([[[True, False, False]]]),
    )
    patterns = [torch.tensor([[[1.0, a, b]]]).double() for a in (0.0, 1.0) for b in (0.0, 1.0)]
    total = torch.stack([distribution.log_prob(pattern) for pattern in patterns]).logsumexp(0)
    torch.testing.assert_close(log_prob_observed(distribution, Masked(x, observed)), total)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_take_gives_the_distributions_of_the_chosen_rows(name: str) -> None:
    distribution, binary = DISTRIBUTIONS[name]
    chosen = torch.tensor([3, 3, 0, 6])
    x = problem(binary).x
    torch.testing.assert_close(
        take(distribution, chosen).log_prob(x[chosen]), distribution.log_prob(x)[chosen]
    )
    torch.testing.assert_close(take(distribution, chosen).mean, distribution.mean[chosen])


def test_distributions_without_a_rule_are_refused_with_advice() -> None:
    eye = torch.eye(2)
    distribution = MultivariateNormal(torch.zeros(3, 2), eye)
    masked = Masked(torch.zeros(3, 2), torch.ones(3, 2, dtype=torch.bool))
    with pytest.raises(NotImplementedError, match=r"MultivariateNormal.*register"):
        log_prob_observed(distribution, masked)
    with pytest.raises(NotImplementedError, match=r"MultivariateNormal.*register"):
        take(distribution, torch.tensor([0]))
    # Entries that depend on each other cannot be summed separately.
    pairs = Masked(torch.zeros(3, 4, 2), torch.ones(3, 4, 2, dtype=torch.bool))
    with pytest.raises(NotImplementedError, match="distribution of single entries"):
        log_prob_observed(Independent(MultivariateNormal(torch.zeros(3, 4, 2), eye), 1), pairs)


def test_a_hidden_entry_outside_the_support_adds_nothing() -> None:
    distribution = Independent(Normal(torch.zeros(1, 2), torch.tensor([[1.0, math.inf]])), 1)
    masked = Masked(torch.zeros(1, 2), torch.tensor([[True, False]]))
    assert log_prob_observed(distribution, masked).item() == pytest.approx(
        -0.5 * math.log(2 * math.pi)
    )
