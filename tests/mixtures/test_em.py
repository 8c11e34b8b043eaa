"""EM: monotone in its own objective, equal to scikit-learn's, and robust to collapse."""

from __future__ import annotations

import itertools

import pytest
import torch
from sklearn.mixture import GaussianMixture as Sklearn
from torch import Tensor

from dgm_core.mixtures import (
    GaussianMixture,
    contingency,
    em,
    em_steps,
    kmeans_plus_plus,
    moments_of,
    nearest_centre,
    seeded_mixture,
    variational_mixture,
)
from dgm_core.rng import Streams, generator, normal, uniform
from tests.mixtures.toys import three_clusters


def spread(x: Tensor) -> Tensor:
    return 0.05 + 0.5 * uniform(tuple(x.shape), generator(7), x.dtype)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("uncertain", [False, True])
@pytest.mark.parametrize("floor", [1e-6, 0.2])
def test_no_step_lowers_the_objective(diagonal: bool, uncertain: bool, floor: float) -> None:
    x, _ = three_clusters(200)
    x = torch.cat([x, x[:1].expand(5, 2)])  # where a cluster would shrink without the floor
    variance = spread(x) if uncertain else None
    # More clusters than there are, and seeds that violate a floor.
    start = seeded_mixture(x, 6, generator(0), chains=(4,), floor=1e-6)
    steps = em_steps(x, start, floor=floor, variance=variance, diagonal=diagonal)
    trace = []
    for mixture, log_likelihood in itertools.islice(steps, 60):
        trace.append(log_likelihood)
        least = torch.linalg.eigvalsh(mixture.covariances).min()
        assert least > floor * (1 - 1e-6)
        by_hand = mixture.weights.log()[:, None] + (
            mixture.component_log_prob(x)
            if variance is None
            else mixture.expected_log_prob(x, variance)
        )
        torch.testing.assert_close(by_hand.logsumexp(-1).sum(-1), log_likelihood)
    gains = torch.stack(trace).diff(dim=0)
    assert gains.min() > -1e-8
    assert gains[0].min() > 1


def wide_and_narrow() -> tuple[Tensor, Tensor]:
    """Points (400, 1) of N(0, 0.1) and N(1, 4), and a variance for them between the two."""
    eps = normal((400, 1), generator(3), torch.float64)
    wide = torch.arange(400)[:, None] % 2
    return torch.where(wide == 1, 1 + 2 * eps, 0.1**0.5 * eps), torch.full_like(eps, 0.3)


def test_responsibilities_of_the_means_would_lower_the_objective_of_uncertain_points() -> None:
    """The error to avoid: moments with the variance, but an E-step without it."""
    x, variance = wide_and_narrow()
    start = seeded_mixture(x, 2, generator(0))
    *_, best = itertools.islice(em_steps(x, start, variance=variance), 500)
    plain, matched = (best.mixture.responsibilities(x, each) for each in (None, variance))
    assert (plain - matched).abs().max() > 0.01  # for equal clusters it would be 0

    def after(responsibilities: Tensor) -> float:
        moments = moments_of(x, responsibilities, 2, variance)
        covariances = moments.scatters / moments.counts[:, None, None]
        weights = moments.counts / len(x)
        mixture = GaussianMixture.of_covariances(weights, moments.means, covariances)
        return mixture.log_joint(x, variance).logsumexp(-1).sum().item()

    assert after(matched) >= best.log_likelihood.item() - 1e-9
    assert after(plain) < best.log_likelihood.item() - 0.01


def aggregate(x: Tensor, variance: Tensor, seed: int, draws: int = 20) -> Tensor:
    """Draws of q_n = N(x_n, diag variance_n), (draws, N, D)."""
    return x + variance.sqrt() * normal((draws, *x.shape), generator(seed), x.dtype)


def test_the_objective_of_uncertain_points_is_a_lower_bound() -> None:
    x, variance = wide_and_narrow()
    *_, fit = itertools.islice(
        em_steps(x, seeded_mixture(x, 2, generator(0)), variance=variance), 50
    )
    each = fit.mixture.log_prob(aggregate(x, variance, 1, 2000)).sum(1)
    error = each.std() / len(each) ** 0.5
    assert fit.log_likelihood < each.mean() - 5 * error


def test_very_uncertain_points_merge_clusters_that_their_draws_separate() -> None:
    """The known limit of the bound: the noise is as wide as the clusters."""
    x, _ = three_clusters()
    start = seeded_mixture(x, 3, generator(0))
    advantages = {}
    for level in (0.1, 1.2):
        variance = torch.full_like(x, level)
        *_, bound = itertools.islice(em_steps(x, start, variance=variance), 400)
        places = aggregate(x, variance, 1).flatten(0, 1)
        *_, draws = itertools.islice(em_steps(places, start), 100)
        fresh = aggregate(x, variance, 2).flatten(0, 1)
        apart = torch.pdist(bound.mixture.means).min()
        loss = (draws.mixture.log_prob(fresh) - bound.mixture.log_prob(fresh)).mean()
        advantages[level] = loss.item()
        assert (apart > 0.5) == (level == 0.1)
        assert torch.pdist(draws.mixture.means).min() > 0.5
    assert abs(advantages[0.1]) < 2e-3
    assert advantages[1.2] > 0.03


@pytest.mark.parametrize(("diagonal", "kind"), [(False, "full"), (True, "diag")])
def test_from_the_same_start_it_is_scikit_learns(diagonal: bool, kind: str) -> None:
    x, _ = three_clusters()
    start = seeded_mixture(x, 3, generator(1))
    if diagonal:
        start = GaussianMixture(start.weights, start.means, start.variances.sqrt())
    precisions = (1 / start.variances) if diagonal else torch.linalg.inv(start.covariances)
    theirs = Sklearn(
        3,
        covariance_type=kind,
        tol=0,
        max_iter=25,
        reg_covar=0,
        weights_init=start.weights,
        means_init=start.means.numpy(),
        precisions_init=precisions.numpy(),
    )
    with pytest.warns(Warning, match="did not converge"):
        theirs.fit(x.numpy())
    steps = em_steps(x, start, floor=1e-9, diagonal=diagonal)
    ours = next(itertools.islice(steps, 25, None)).mixture
    torch.testing.assert_close(ours.means, torch.as_tensor(theirs.means_))
    covariances = torch.as_tensor(theirs.covariances_)
    found = ours.variances if diagonal else ours.covariances
    torch.testing.assert_close(found, covariances)
    torch.testing.assert_close(ours.log_prob(x), torch.as_tensor(theirs.score_samples(x.numpy())))


def test_uncertain_points_are_fitted_like_their_draws() -> None:
    """One cluster: its covariance is that of the aggregate posterior, not of the means."""
    x, _ = three_clusters()
    variance = spread(x)
    start = seeded_mixture(x, 1, generator(0))
    found = next(itertools.islice(em_steps(x, start, variance=variance), 2, None)).mixture
    eps = normal((400, *x.shape), generator(1), x.dtype)
    aggregate = (x + variance.sqrt() * eps).flatten(0, 1)
    torch.testing.assert_close(found.covariances[0], aggregate.T.cov(), rtol=0.01, atol=0.01)
    of_means = next(itertools.islice(em_steps(x, start), 2, None)).mixture
    missing = (found.covariances - of_means.covariances)[0]
    torch.testing.assert_close(missing, torch.diag(variance.mean(0)))


def test_the_best_of_the_restarts_is_kept_and_finds_the_clusters() -> None:
    x, cluster = three_clusters()
    fit = em(x, 3, generator(0), restarts=4)
    assert fit.log_likelihood == pytest.approx(fit.trace[-1].max().item())
    assert fit.mixture.log_prob(x).sum().item() == pytest.approx(fit.log_likelihood)
    assert fit.converged.all()
    own = moments_of(x, cluster, 3).means
    assert torch.cdist(own, fit.mixture.means).min(1).values.max() < 0.3
    short = em(x, 3, generator(0), restarts=4, iterations=2)
    assert len(short.trace) == 3
    assert not short.converged.all()


def test_a_cluster_without_points_keeps_its_shape() -> None:
    x, _ = three_clusters(50)
    far = GaussianMixture(
        torch.tensor([0.5, 0.5]).double(),
        torch.tensor([[0.0, 0.0], [1e6, 1e6]]).double(),
        torch.ones(2, 2).double(),
    )
    last = next(itertools.islice(em_steps(x, far), 5, None)).mixture
    torch.testing.assert_close(last.means[1], far.means[1])
    assert last.weights[1] == 0
    assert last.log_prob(x).isfinite().all()


def test_a_floor_must_be_positive() -> None:
    x, _ = three_clusters(20)
    with pytest.raises(ValueError, match="floor above 0, got 0"):
        next(em_steps(x, seeded_mixture(x, 2, generator(0)), floor=0))


def test_seeds_lie_apart_more_often_than_uniform_ones() -> None:
    x = torch.cat([torch.zeros(95, 2), torch.full((5, 2), 100.0)]) + normal((100, 2), generator(0))
    centres = kmeans_plus_plus(x, 2, generator(1), (2000,))
    both = (centres[..., 0] > 50).any(1) & (centres[..., 0] < 50).any(1)
    assert both.double().mean() > 0.99  # for uniform seeds 0.096
    assert (centres.flatten(0, 1)[:, None] == x).all(-1).any(1).all()
    # The first is uniform: 5 % of the points are in the small group.
    fraction = (centres[:, 0, 0] > 50).double().mean()
    assert abs(fraction - 0.05) < 5 * (0.05 * 0.95 / 2000) ** 0.5


def test_seeds_of_few_distinct_points_and_of_streams() -> None:
    x = torch.zeros(6, 2)
    assert torch.equal(kmeans_plus_plus(x, 3, generator(0)), torch.zeros(3, 2))
    y, _ = three_clusters(40)
    both = kmeans_plus_plus(y, 3, Streams.from_seeds([1, 2]), (2,))
    assert torch.equal(both[1:], kmeans_plus_plus(y, 3, Streams.from_seeds([2]), (1,)))
    with pytest.raises(ValueError, match="at least 7 points, got 6"):
        kmeans_plus_plus(x, 7, generator(0))


def test_the_nearest_centre_is_that_of_a_loop() -> None:
    x, _ = three_clusters(40)
    centres = kmeans_plus_plus(x, 5, generator(0), (2,))
    assert torch.equal(nearest_centre(x, centres), torch.cdist(x, centres).argmin(-1))


def test_variational_bayes_finds_the_clusters_and_empties_the_rest() -> None:
    x, cluster = three_clusters()
    found = variational_mixture(x, 6, seed=0, iterations=2000)
    own = moments_of(x, cluster, 3).means
    assert torch.cdist(own, found.means).min(1).values.max() < 0.3
    assert found.weights.sum().item() == pytest.approx(1)
    assert (found.weights > 0.05).sum() == 3
    assert found.means.dtype == x.dtype


def test_latents_that_the_decoder_ignores_do_not_hide_the_clusters() -> None:
    """An unused latent has q(z|x) near N(0, 1): its means hardly differ, its variance is 1.

    Seeds as narrow as the means would be off by hundreds of nats there, and would lose clusters.
    """
    x, true_clusters = three_clusters(300)
    unused = 0.03 * normal((len(x), 4), generator(1), x.dtype)
    points = torch.cat([x, unused], 1)
    variance = torch.cat([torch.full_like(x, 0.01), torch.ones_like(unused)], 1)

    def ends(start: GaussianMixture) -> Tensor:
        steps = em_steps(points, start, variance=variance)
        *_, last = itertools.islice(steps, 100)
        return last.log_likelihood

    right = seeded_mixture(points, 3, generator(0), chains=(6,), variance=variance)
    wrong = seeded_mixture(points, 3, generator(0), chains=(6,))
    fitted = em(points, 3, generator(0), restarts=6, variance=variance).mixture
    found = fitted.assign(points, variance)
    matched = contingency(true_clusters, found, 3, 3).amax(0).sum() / len(x)
    assert matched > 0.95
    assert ends(right).min() > ends(wrong).max() + 10
