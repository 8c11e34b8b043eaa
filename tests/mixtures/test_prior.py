"""The conjugate posterior and the evidence, against loops, integrals and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from dgm_core.mixtures import GaussianWishartDirichlet, moments_of
from dgm_core.mixtures.prior import Posterior
from dgm_core.rng import Streams, generator, normal
from tests.mixtures.toys import proper_prior, three_clusters

K, D = 4, 2


def problem() -> tuple[Tensor, Tensor]:
    """Points and two chains of assignments with one empty cluster."""
    x, cluster = three_clusters(30)
    return x, torch.stack([cluster, cluster.flip(0)])


def by_hand(x: Tensor, prior: GaussianWishartDirichlet) -> tuple[float, Tensor, Tensor, float]:
    """β, m, W⁻¹ and ν of one cluster in the scatter form (Murphy 2007, eq. 217-220)."""
    n, m0 = len(x), torch.full((D,), prior.mean, dtype=x.dtype)
    inverse_scale = torch.eye(D, dtype=x.dtype) / prior.scale
    if n:
        mean = x.mean(0)
        for row in x:
            inverse_scale = inverse_scale + torch.outer(row - mean, row - mean)
        shrunk = prior.beta * n / (prior.beta + n)
        inverse_scale = inverse_scale + shrunk * torch.outer(mean - m0, mean - m0)
    centre = (prior.beta * m0 + x.sum(0)) / (prior.beta + n)
    return prior.beta + n, centre, inverse_scale, prior.degrees + n


def test_the_posterior_is_that_of_each_cluster_alone() -> None:
    prior, (x, z) = proper_prior(D), problem()
    found = prior.posterior(moments_of(x, z, K))
    for chain, k in itertools.product(range(2), range(K)):
        own = x[z[chain] == k]
        beta, mean, inverse_scale, dof = by_hand(own, prior)
        assert found.alpha[chain, k].item() == pytest.approx(prior.alpha + len(own))
        assert found.beta[chain, k].item() == pytest.approx(beta)
        assert found.dof[chain, k].item() == pytest.approx(dof)
        torch.testing.assert_close(found.mean[chain, k], mean)
        torch.testing.assert_close(found.inverse_scale[chain, k], inverse_scale)


def test_the_defaults_are_those_of_the_study() -> None:
    prior = GaussianWishartDirichlet(12)
    nothing = moments_of(torch.zeros(0, 12), torch.zeros(0, dtype=torch.int64), 10)
    before = prior.posterior(nothing)
    assert (before.alpha == 0.3).all()
    assert (before.beta == 1).all()
    assert (before.dof == 12).all()
    torch.testing.assert_close(
        torch.linalg.inv(before.inverse_scale[0]), 0.55 * torch.eye(12, dtype=torch.float64)
    )


def test_draws_have_the_moments_of_the_posterior() -> None:
    prior, (x, z) = proper_prior(D), problem()
    one = prior.posterior(moments_of(x, z[0], K))
    n = 20_000
    many = Posterior(*(each.expand(n, *each.shape) for each in one))
    drawn = many.draw(generator(0), torch.float64)

    def off(values: Tensor, exact: Tensor) -> float:
        error = values.std(0) / math.sqrt(n)
        return ((values.mean(0) - exact).abs() / error).max().item()

    precision = torch.linalg.inv(drawn.covariances)
    scale = torch.linalg.inv(one.inverse_scale)
    assert off(precision, one.dof[:, None, None] * scale) < 5
    # For W(ν, W): Var Λ_ij = ν (W_ij² + W_ii W_jj).
    diagonal = scale.diagonal(dim1=-2, dim2=-1)
    outer = diagonal[..., :, None] * diagonal[..., None, :]
    spread = (one.dof[:, None, None] * (scale.square() + outer)).sqrt()
    torch.testing.assert_close(precision.std(0), spread, rtol=0.05, atol=0)
    # E Σ = W⁻¹ / (ν − D − 1), and Cov μ = E Σ / β.
    expected = one.inverse_scale / (one.dof - D - 1)[:, None, None]
    assert off(drawn.covariances, expected) < 5
    assert off(drawn.weights, one.alpha / one.alpha.sum()) < 5
    assert off(drawn.means, one.mean) < 5
    away = drawn.means - one.mean
    products = away[..., :, None] * away[..., None, :]
    assert off(products, expected / one.beta[:, None, None]) < 5
    assert off(products, expected / prior.beta) > 20  # β of the prior instead of β_k


def test_draws_are_lower_cholesky_factors_and_streams_are_chains() -> None:
    prior = proper_prior(3)
    drawn = prior.draw(K, Streams.from_seeds([1, 2]), (2,))
    assert torch.equal(drawn.scales, drawn.scales.tril())
    assert (drawn.scales.diagonal(dim1=-2, dim2=-1) > 0).all()
    alone = prior.draw(K, Streams.from_seeds([2]), (1,))
    torch.testing.assert_close(drawn.means[1:], alone.means)
    assert prior.draw(K, generator(0)).chains == ()


def test_the_evidence_of_one_cluster_is_its_integral() -> None:
    """∫∫ Π N(x_n; μ, 1/λ) N(μ; m, 1/(βλ)) Gamma(λ; ν/2, 1/(2W)) dμ dλ, on a grid."""
    prior = proper_prior(1)
    x = torch.tensor([[0.3], [1.1], [-0.4]], dtype=torch.float64)
    found = prior.log_evidence(moments_of(x, torch.zeros(3, dtype=torch.int64), 1))
    t = np.linspace(-12, 6, 1501)[:, None]  # log λ
    u = np.linspace(-12, 12, 1501)  # (μ − m) √λ
    precision = np.exp(t)
    mean = prior.mean + u / np.sqrt(precision)
    log_p = stats.gamma.logpdf(precision, prior.degrees / 2, scale=2 * prior.scale) + t
    log_p = log_p + stats.norm.logpdf(u, 0, 1 / np.sqrt(prior.beta))
    for value in x[:, 0].numpy():
        log_p = log_p + stats.norm.logpdf(value, mean, 1 / np.sqrt(precision))
    integral = np.exp(log_p).sum() * (t[1, 0] - t[0, 0]) * (u[1] - u[0])
    assert found.item() == pytest.approx(math.log(integral), abs=1e-5)


def test_the_evidence_is_a_product_of_predictive_distributions() -> None:
    """Point after point: its cluster by Pólya's urn, its position by a Student-t."""
    prior, (x, z) = proper_prior(D), problem()
    found = prior.log_evidence(moments_of(x, z, K))
    for chain in range(2):
        total = 0.0
        for n in range(len(x)):
            k, past = z[chain, n], z[chain, :n]
            own = x[:n][past == k]
            total += math.log((prior.alpha + len(own)) / (K * prior.alpha + n))
            beta, mean, inverse_scale, dof = by_hand(own, prior)
            df = dof - D + 1
            shape = (beta + 1) / (beta * df) * inverse_scale
            distribution = stats.multivariate_t(mean.numpy(), shape.numpy(), df)
            total += distribution.logpdf(x[n].numpy())
        assert found[chain].item() == pytest.approx(total, abs=1e-9)


def test_the_evidence_of_all_assignments_sums_to_that_of_the_points() -> None:
    """Σ_z p(x, z) = E Π_n Σ_k π_k N(x_n; μ_k, Σ_k) over draws from the prior."""
    prior = proper_prior(1)
    x = torch.tensor([[-0.5], [0.2], [0.6], [1.9]], dtype=torch.float64)
    z = torch.tensor(list(itertools.product(range(2), repeat=4)))
    found = prior.log_evidence(moments_of(x, z, 2)).logsumexp(0).exp().item()
    drawn = prior.draw(2, generator(0), (200_000,), torch.float64)
    each = drawn.log_prob(x).sum(1).exp()
    error = each.std().item() / math.sqrt(len(each))
    assert abs(found - each.mean().item()) < 5 * error
    assert error < 0.02 * found


def test_renaming_clusters_does_not_change_the_evidence() -> None:
    prior, (x, z) = proper_prior(D), problem()
    order = torch.tensor([2, 3, 0, 1])
    torch.testing.assert_close(
        prior.log_evidence(moments_of(x, order[z], K)), prior.log_evidence(moments_of(x, z, K))
    )


def test_the_centre_consists_of_expectations() -> None:
    prior, (x, z) = proper_prior(D), problem()
    after = prior.posterior(moments_of(x, z, K))
    centre = after.centre(torch.float64)
    torch.testing.assert_close(centre.weights, (after.alpha / after.alpha.sum(-1)[:, None]))
    precision = after.dof[..., None, None] * torch.linalg.inv(after.inverse_scale)
    torch.testing.assert_close(centre.covariances, torch.linalg.inv(precision))


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", 0.0), ("beta", -1.0), ("scale", 0.0), ("dof", 1.0)]
)
def test_parameters_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"expected {name} above"):
        GaussianWishartDirichlet(2, **{name: value})


def test_moments_are_those_of_a_loop() -> None:
    source = generator(3)
    x = normal((50, D), source, torch.float64)
    variance = normal((50, D), source, torch.float64).square()
    r = normal((2, 50, K), source, torch.float64).softmax(-1)
    found = moments_of(x, r, K, variance)
    for chain, k in itertools.product(range(2), range(K)):
        square = torch.zeros(D, D, dtype=x.dtype)
        for n in range(50):
            second = torch.outer(x[n], x[n]) + torch.diag(variance[n])
            square += r[chain, n, k] * second
        torch.testing.assert_close(found.squares[chain, k], square)
        torch.testing.assert_close(found.sums[chain, k], r[chain, :, k] @ x)
        torch.testing.assert_close(found.counts[chain, k], r[chain, :, k].sum())


def test_moments_of_assignments_are_those_of_certain_responsibilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, z = problem()
    sure = torch.nn.functional.one_hot(z, K).double()
    whole = moments_of(x, sure, K)
    monkeypatch.setattr("dgm_core.mixtures.moments.POINTS_AT_ONCE", 7)
    for a, b in zip(moments_of(x, z, K), whole, strict=True):
        torch.testing.assert_close(a, b)
    own = torch.stack([x, x + 1])
    for chain in range(2):
        for a, b in zip(moments_of(own, z, K), moments_of(own[chain], z[chain], K), strict=True):
            torch.testing.assert_close(a[chain], b)


def test_scatters_keep_their_digits_far_from_the_origin() -> None:
    x = torch.tensor([[1e4], [1e4 + 1], [1e4 + 2]], dtype=torch.float32)
    found = moments_of(x, torch.zeros(3, dtype=torch.int64), 1).scatters
    torch.testing.assert_close(found, torch.full((1, 1, 1), 2.0, dtype=torch.float64))
    plain = (x.square().sum() - x.sum().square() / 3).item()  # in float32: no digits remain
    assert abs(plain - 2) > 1


def test_moments_of_another_number_of_points_are_refused() -> None:
    with pytest.raises(ValueError, match="got \\(4,\\)"):
        moments_of(torch.zeros(5, 2), torch.zeros(4, dtype=torch.int64), K)
    with pytest.raises(ValueError, match="got \\(5, 3\\)"):
        moments_of(torch.zeros(5, 2), torch.zeros(5, 3), K)


def test_uncertain_points_have_the_moments_of_their_draws() -> None:
    x, z = three_clusters(400)
    variance = 0.1 + normal((400, D), generator(5), x.dtype).square()
    eps = normal((2000, 400, D), generator(6), x.dtype)
    each = moments_of(x + variance.sqrt() * eps, z.expand(2000, 400), 3).squares
    error = each.std(0) / math.sqrt(2000)
    exact = moments_of(x, z, 3, variance).squares
    assert ((each.mean(0) - exact).abs() / error).max() < 5
    assert ((each.mean(0) - moments_of(x, z, 3).squares).abs() / error).max() > 20
