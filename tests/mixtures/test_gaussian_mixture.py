"""Mixtures of Gaussians against `torch.distributions`, dense algebra and their own draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.mixtures import GaussianMixture, MixtureDistribution, gaussian_mixture
from dgm_core.rng import Streams, draw, generator, normal, uniform

K, D, N = 4, 3, 50
DOUBLE = torch.float64


def mixture(*chains: int, diagonal: bool = False, seed: int = 0) -> GaussianMixture:
    source = generator(seed)
    weights = normal((*chains, K), source, DOUBLE).softmax(-1)
    means = 2 * normal((*chains, K, D), source, DOUBLE)
    if diagonal:
        return GaussianMixture(weights, means, 0.3 + uniform(means.shape, source, DOUBLE))
    factor = normal((*chains, K, D, D), source, DOUBLE)
    covariances = factor @ factor.mT + 0.2 * torch.eye(D, dtype=DOUBLE)
    return GaussianMixture.of_covariances(weights, means, covariances)


def points(*shape: int) -> Tensor:
    return 3 * normal((*shape, D), generator(9), DOUBLE)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("at_once", [gaussian_mixture.ENTRIES_AT_ONCE, 7 * K * D])
def test_densities_are_those_of_torch(
    diagonal: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian_mixture, "ENTRIES_AT_ONCE", at_once)
    theta, x = mixture(diagonal=diagonal), points(N)
    dense = MultivariateNormal(theta.means, theta.covariances).log_prob(x[:, None])
    torch.testing.assert_close(theta.component_log_prob(x), dense)
    whole = (theta.weights * dense.exp()).sum(1).log()
    torch.testing.assert_close(theta.log_prob(x), whole)
    responsibilities = theta.weights * dense.exp() / whole.exp()[:, None]
    torch.testing.assert_close(theta.responsibilities(x), responsibilities)
    assert torch.equal(theta.assign(x), responsibilities.argmax(1))


@pytest.mark.parametrize("diagonal", [False, True])
def test_chains_are_mixtures_of_their_own(diagonal: bool) -> None:
    many, x = mixture(2, 3, diagonal=diagonal), points(N)
    own = points(2, 3, N)
    for c in range(2):
        for d in range(3):
            one = many[c, d]
            torch.testing.assert_close(many.log_joint(x)[c, d], one.log_joint(x))
            torch.testing.assert_close(many.log_joint(own)[c, d], one.log_joint(own[c, d]))
            torch.testing.assert_close(many.mean[c, d], one.mean)
            torch.testing.assert_close(
                many.marginal([2, 0]).covariances[c, d], one.covariances[:, [2, 0]][:, :, [2, 0]]
            )
    with pytest.raises(IndexError, match="single one"):
        mixture()[0]


def far_apart() -> tuple[GaussianMixture, Tensor]:
    """Clusters 10⁴ apart with unit variances, float32, and points near and between them."""
    means = torch.tensor([[-1e4, 0.0], [0.0, 0.0], [1e4, 0.0]])
    theta = GaussianMixture(torch.full((3,), 1 / 3), means, torch.eye(2).expand(3, 2, 2))
    between = torch.tensor([[5e3, 0.0], [4e3, 9e3], [3e7, 1.0]])
    return theta, torch.cat([means + 0.5, between])


def test_responsibilities_sum_to_one_however_far_the_clusters_are() -> None:
    theta, x = far_apart()
    found = theta.responsibilities(x)
    assert found.isfinite().all()
    torch.testing.assert_close(found.sum(1), torch.ones(len(x)))
    assert torch.equal(found[:3], torch.eye(3))
    torch.testing.assert_close(found[3], torch.tensor([0.0, 0.5, 0.5]))
    # Near its cluster a point keeps its density: the offset of 10⁴ has not cancelled any digits.
    torch.testing.assert_close(
        theta.component_log_prob(x[:3]).diagonal(),
        torch.full((3,), -0.25 - math.log(2 * math.pi)),
    )


def test_responsibilities_of_plain_densities_fail_there() -> None:
    theta, x = far_apart()
    plain = theta.weights * theta.component_log_prob(x).exp()
    assert (plain / plain.sum(1, keepdim=True)).isnan().any()


def test_the_expected_log_density_is_that_of_draws_and_not_the_density_of_the_mean() -> None:
    theta, m = mixture(), points(5)
    variance = 0.1 + uniform((5, D), generator(1), DOUBLE)
    eps = normal((40_000, 5, D), generator(2), DOUBLE)
    each = theta.component_log_prob(m + variance.sqrt() * eps)  # (draws, 5, K)
    error = each.std(0) / math.sqrt(len(each))
    off = (theta.expected_log_prob(m, variance) - each.mean(0)).abs() / error
    assert off.max() < 5
    without = (theta.component_log_prob(m) - each.mean(0)).abs() / error
    assert without.min() > 5
    assert without.max() > 50


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_expected_log_density_is_the_gaussian_cross_term(diagonal: bool) -> None:
    theta, m = mixture(2, diagonal=diagonal), points(N)
    variance = 0.1 + uniform((N, D), generator(1), DOUBLE)
    precision = torch.linalg.inv(theta.covariances)  # (2, K, D, D)
    trace = torch.einsum("ckde,nde->cnk", precision, torch.diag_embed(variance))
    torch.testing.assert_close(
        theta.expected_log_prob(m, variance), theta.component_log_prob(m) - trace / 2
    )
    torch.testing.assert_close(
        theta.responsibilities(m, variance),
        (theta.weights.log()[:, None] + theta.expected_log_prob(m, variance)).softmax(-1),
    )


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_draws_have_the_moments_of_their_clusters(diagonal: bool, temperature: float) -> None:
    theta, n = mixture(diagonal=diagonal), 40_000
    x, cluster = theta.sample(n, generator(3), temperature=temperature)
    fraction = torch.bincount(cluster, minlength=K) / n
    error = (theta.weights * (1 - theta.weights) / n).sqrt()
    assert ((fraction - theta.weights).abs() / error).max() < 5
    for k in range(K):
        of_k = x[cluster == k]
        error = of_k.std(0) / math.sqrt(len(of_k))
        assert ((of_k.mean(0) - theta.means[k]).abs() / error).max() < 5
        wanted = temperature * theta.covariances[k]
        scale = wanted.diagonal().sqrt()
        assert ((of_k.T.cov() - wanted) / (scale[:, None] * scale)).abs().max() < 0.1


def test_a_cluster_is_drawn_from_its_own_covariance_and_draws_at_temperature_0_are_means() -> None:
    theta = mixture()
    x, cluster = theta.sample(40_000, generator(4), cluster=2)
    assert (cluster == 2).all()
    scale = theta.covariances[2].diagonal().sqrt()
    off = (x.T.cov() - theta.covariances[2]).abs() / (scale[:, None] * scale)
    assert off.max() < 0.05
    # As in the public code: draws from N(μ, 0.1 I) for every cluster.
    of_source = theta.means[2] + 0.1**0.5 * normal((40_000, D), generator(4), DOUBLE)
    assert (
        (of_source.T.cov() - theta.covariances[2]).abs() / (scale[:, None] * scale)
    ).max() > 0.2
    cold = theta.sample(3, generator(4), cluster=torch.tensor([2, 0, 1]), temperature=0)
    assert torch.equal(cold.x, theta.means[[2, 0, 1]])
    with pytest.raises(ValueError, match="clusters in 0 … 3, got 4"):
        theta.sample(1, generator(0), cluster=4)


def test_a_marginal_has_the_moments_of_draws_and_is_not_a_conditional() -> None:
    theta, n = mixture(seed=5), 100_000
    plane = theta.marginal([2, 0])
    x = theta.sample(n, generator(5), cluster=1).x[:, [2, 0]]
    wanted = plane.covariances[1]
    # For n products of Gaussians: Var S_ij = (Σ_ii Σ_jj + Σ_ij²) / n.
    diagonal = wanted.diagonal()
    error = ((diagonal[:, None] * diagonal + wanted.square()) / n).sqrt()
    assert ((x.T.cov() - wanted).abs() / error).max() < 5
    precision = torch.linalg.inv(theta.covariances[1])[[2, 0]][:, [2, 0]]
    assert ((x.T.cov() - torch.linalg.inv(precision)).abs() / error).max() > 20


def test_moments_of_the_whole_are_those_of_draws() -> None:
    theta, n = mixture(), 40_000
    x = theta.sample(n, generator(6)).x
    error = (theta.variance / n).sqrt()
    assert ((x.mean(0) - theta.mean).abs() / error).max() < 5
    torch.testing.assert_close(x.var(0), theta.variance, rtol=0.05, atol=0)


@pytest.mark.parametrize("diagonal", [False, True])
def test_reordered_clusters_are_the_same_mixture(diagonal: bool) -> None:
    theta, x = mixture(2, diagonal=diagonal), points(N)
    order = torch.tensor([[2, 0, 3, 1], [0, 1, 3, 2]])
    found = theta.reordered(order)
    torch.testing.assert_close(found.log_prob(x), theta.log_prob(x))
    for chain in range(2):
        assert torch.equal(found.means[chain], theta.means[chain, order[chain]])
        assert torch.equal(found.scales[chain], theta.scales[chain, order[chain]])


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"weights of shape \(4,\), got \(3,\)"):
        GaussianMixture(torch.ones(3), torch.zeros(4, 2), torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"scales of shape \(4, 2\) or \(4, 2, 2\), got \(4, 3\)"):
        GaussianMixture(torch.ones(4), torch.zeros(4, 2), torch.ones(4, 3))
    with pytest.raises(ValueError, match=r"points \(…, N, 3\), got \(50, 2\)"):
        mixture().log_prob(torch.zeros(50, 2))


def test_the_distribution_is_the_mixture_and_draws_a_row_from_each_stream() -> None:
    theta = mixture()
    prior = MixtureDistribution(theta)
    z = points(6, 2)
    torch.testing.assert_close(prior.log_prob(z), theta.log_prob(z.flatten(0, 1)).view(6, 2))
    assert prior.expand((2,)).log_prob(z[0, 0]).shape == (2,)
    assert draw(prior, generator(0)).shape == (D,)
    assert draw(prior, generator(0), 5).shape == (5, D)
    rows = prior.expand((3,))
    assert draw(rows, generator(0), 5).shape == (5, 3, D)
    both = draw(rows, Streams.from_seeds([1, 2, 3]), 5)
    alone = draw(prior.expand((1,)), Streams.from_seeds([2]), 5)
    assert torch.equal(both[:, 1:2], alone)
    x = draw(prior, generator(1), 40_000)
    assert ((x.mean(0) - prior.mean).abs() / (prior.variance / 40_000).sqrt()).max() < 5


def test_the_gradients_of_the_distribution_pass_gradcheck() -> None:
    theta, z = mixture(), points(4).requires_grad_()
    assert torch.autograd.gradcheck(MixtureDistribution(theta).log_prob, (z,))
