"""The Gaussian by precision factor against torch's, and draws against their distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Distribution, Independent, MultivariateNormal, Normal

from dgm_core.distributions import BernoulliPixels, Gaussian, TriangularNormal, where
from dgm_core.distributions.gaussian import condition
from dgm_core.distributions.posteriors import DiagonalGaussian, FullGaussian
from dgm_core.rng import Streams, draw, generator


def triangular(batch: int = 3, size: int = 4) -> TriangularNormal:
    source = generator(0)
    below = torch.randn(batch, size, size, generator=source).tril(-1)
    mean, log_scale = torch.randn(2, batch, size, generator=source)
    return TriangularNormal(mean.double(), log_scale.double() * 0.3, below.double())


def test_triangular_density_equals_the_dense_one() -> None:
    distribution = triangular()
    dense = MultivariateNormal(distribution.mean, distribution.covariance_matrix)
    for shape in ((3, 4), (7, 3, 4)):
        z = torch.randn(shape, generator=generator(1), dtype=torch.float64)
        torch.testing.assert_close(distribution.log_prob(z), dense.log_prob(z))
    torch.testing.assert_close(distribution.variance, dense.variance)


@pytest.mark.parametrize(
    "distribution",
    [
        triangular(),
        Independent(Normal(torch.randn(3, 4).double(), torch.full((3, 4), 0.7).double()), 1),
        MultivariateNormal(torch.zeros(3, 4).double(), 2 * torch.eye(4).double()),
        BernoulliPixels(torch.linspace(-2, 2, 12).reshape(3, 4).double()),
    ],
    ids=lambda distribution: type(getattr(distribution, "base_dist", distribution)).__name__,
)
def test_draws_have_the_mean_and_covariance_of_the_distribution(
    distribution: Distribution,
) -> None:
    n = 40_000
    draws = draw(distribution, generator(2), n)
    assert draws.shape == (n, 3, 4)
    assert draw(distribution, generator(2)).shape == (3, 4)
    sd = (
        distribution.covariance_matrix.diagonal(dim1=-2, dim2=-1).sqrt()
        if hasattr(distribution, "covariance_matrix")
        else distribution.variance.sqrt()
    )
    assert ((draws.mean(0) - distribution.mean) / (sd / n**0.5)).abs().max() < 4.5
    if hasattr(distribution, "covariance_matrix"):
        for row in range(3):
            error = draws[:, row].T.cov() - distribution.covariance_matrix[row]
            assert (error.abs() / (sd[row][:, None] * sd[row])).max() < 0.05


def test_with_streams_each_row_gets_the_draws_it_would_get_alone() -> None:
    distribution = triangular()
    for draws in (None, 5):
        together = draw(distribution, Streams.from_seeds([7, 8, 9]), draws)
        for row in range(3):
            part = slice(row, row + 1)
            one = TriangularNormal(
                distribution.loc[part], distribution.log_scale[part], distribution.below[part]
            )
            alone = draw(one, Streams.from_seeds([7 + row]), draws)
            torch.testing.assert_close(together[..., part, :], alone)


def test_where_takes_each_row_from_its_distribution() -> None:
    a, b = BernoulliPixels(torch.zeros(3, 2)), BernoulliPixels(torch.ones(3, 2))
    chosen = where(a, torch.tensor([True, False, True]), b)
    assert chosen.logits[:, 0].tolist() == [0.0, 1.0, 0.0]
    x = torch.tensor([[1.0, 0.0]]).expand(3, 2)
    torch.testing.assert_close(chosen.log_prob(x), BernoulliPixels(chosen.logits).log_prob(x))
    low, high = (
        Independent(Normal(torch.full((2, 1), m), torch.ones(2, 1)), 1) for m in (0.0, 9.0)
    )
    assert where(low, torch.tensor([False, True]), high).mean[:, 0].tolist() == [9.0, 0.0]


def test_heads_agree_when_the_full_one_has_no_correlation() -> None:
    features = torch.randn(5, 6, generator=generator(3))
    full = torch.cat([features, torch.zeros(5, FullGaussian(3).features - 6)], 1)
    z = torch.randn(5, 3, generator=generator(4))
    torch.testing.assert_close(
        DiagonalGaussian(3)(features).log_prob(z), FullGaussian(3)(full).log_prob(z)
    )


def test_conditional_equals_a_regression_of_many_draws() -> None:
    root = torch.randn(3, 3, generator=generator(5), dtype=torch.float64)
    covariance = root @ root.T + torch.eye(3)
    mean = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    observed = torch.tensor([True, False, True])
    x = torch.tensor([0.3, 0.0, 1.2], dtype=torch.float64)
    exact = condition(mean, covariance, x, observed)
    draws = mean + torch.randn(200_000, 3, generator=generator(6), dtype=torch.float64) @ (
        torch.linalg.cholesky(covariance).T
    )
    design = torch.cat([torch.ones(len(draws), 1), draws[:, observed]], 1)
    fit = torch.linalg.lstsq(design, draws[:, 1:2])
    predicted = torch.tensor([1.0, 0.3, 1.2], dtype=torch.float64) @ fit.solution
    assert torch.allclose(predicted, exact.mean, atol=0.02)
    residual = (draws[:, 1:2] - design @ fit.solution).var()
    assert torch.allclose(residual, exact.covariance[0, 0], rtol=0.02)


def test_bernoulli_pixels_have_the_density_of_independent_bernoullis() -> None:
    logits = 12 * torch.randn(4, 1, 28, 28, generator=generator(7))
    x = (torch.rand(logits.shape, generator=generator(8)) < 0.4).float()
    expected = Independent(Bernoulli(logits=logits.double()), 3).log_prob(x.double())
    torch.testing.assert_close(
        BernoulliPixels(logits).log_prob(x).double(), expected, rtol=1e-6, atol=1e-3
    )


def test_full_gaussian_uses_every_feature_once() -> None:
    """Each feature below the diagonal appears exactly once in the factor."""
    features = torch.cat([torch.zeros(1, 10), torch.arange(1.0, 11.0)[None]], 1)
    below = FullGaussian(5)(features).below[0]
    assert sorted(below[below != 0].tolist()) == list(range(1, 11))
    assert torch.equal(below, below.tril(-1))


def test_the_fast_normal_is_the_normal() -> None:
    loc, x = (torch.randn(5, 4, 3, generator=generator(s), dtype=torch.float64) for s in (0, 1))
    scale = torch.rand(4, 3, generator=generator(2), dtype=torch.float64) + 0.1
    torch.testing.assert_close(Gaussian(loc, scale).log_prob(x), Normal(loc, scale).log_prob(x))
