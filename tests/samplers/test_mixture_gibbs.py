"""The Gibbs sampler of mixtures: Geweke's joint test, and assignments enumerated one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dgm_core.bench.clusters import public_sweep
from dgm_core.mixtures import GaussianMixture, GaussianWishartDirichlet, moments_of
from dgm_core.mixtures.prior import Posterior
from dgm_core.rng import Streams, generator, normal
from dgm_core.samplers.chains import run
from dgm_core.samplers.mixture_gibbs import MixtureState, mixture_gibbs
from dgm_core.types import Sampler
from tests.mixtures.toys import proper_prior, three_clusters

POINTS, CLUSTERS, DIM, CHAINS = 5, 2, 2, 20_000


def of_the_joint(mixture: GaussianMixture, assignment: Tensor, x: Tensor) -> Tensor:
    """Bounded functions of (π, μ, Σ, z, x), (chains, functions)."""
    log_det = 2 * mixture.scales.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    correlation = mixture.covariances[..., 0, 1] / mixture.variances.prod(-1).sqrt()
    return torch.cat(
        [
            mixture.weights,
            mixture.weights.square(),
            mixture.means.flatten(1).tanh(),
            mixture.means.flatten(1).square().tanh(),
            log_det.tanh(),
            correlation.square(),
            (mixture.means[..., 0] * log_det).tanh(),
            assignment.double().mean(1, keepdim=True),
            assignment.double().mean(1, keepdim=True).square(),
            x.square().flatten(1).tanh(),
        ],
        1,
    )


def joint_draws(prior: GaussianWishartDirichlet, source: torch.Generator) -> MixtureState:
    """Parameters from the prior, clusters and points from the parameters: independent chains."""
    mixture = prior.draw(CLUSTERS, source, (CHAINS,), torch.float64)
    x, assignment = mixture.sample(POINTS, source)
    return MixtureState(mixture, assignment, x, moments_of(x, assignment, CLUSTERS))


def geweke(sweeps: int = 6) -> Tensor:
    """|z| of each function: do sweeps that redraw the points keep the joint distribution?

    Chains are independent, so standard errors are plain (Geweke 2004).
    """
    prior, source = proper_prior(DIM), generator(0)
    exact = of_the_joint(*joint_draws(prior, source)[:3])
    state = joint_draws(prior, source)
    for _ in range(sweeps):
        sampler = mixture_gibbs(state.x, CLUSTERS, prior, CHAINS)
        state, _ = sampler.step(state, source)
        scales = state.mixture.scales.gather(
            1, state.assignment[..., None, None].expand(-1, -1, DIM, DIM)
        )
        means = state.mixture.means.gather(1, state.assignment[..., None].expand(-1, -1, DIM))
        eps = normal((CHAINS, POINTS, DIM, 1), source, torch.float64)
        x = means + (scales @ eps)[..., 0]
        state = state._replace(x=x, moments=moments_of(x, state.assignment, CLUSTERS))
    found = of_the_joint(state.mixture, state.assignment, state.x)
    error = ((exact.var(0) + found.var(0)) / CHAINS).sqrt()
    return (exact.mean(0) - found.mean(0)).abs() / error


def test_the_joint_distribution_is_invariant() -> None:
    assert geweke().max() < 4.5


MISTAKES: dict[str, Callable[[Posterior], Posterior]] = {
    "α left out": lambda p: p._replace(alpha=(p.alpha - 0.7).clamp(min=0.01)),
    "β left out": lambda p: p._replace(beta=p.beta - 0.6 + 1e-3),
    "ν one too large": lambda p: p._replace(dof=p.dof + 1),
    "W taken for W⁻¹": lambda p: p._replace(
        inverse_scale=p.inverse_scale + (0.3 - 1 / 0.3) * torch.eye(DIM, dtype=p.mean.dtype)
    ),
    "means displaced": lambda p: p._replace(mean=p.mean + 0.1),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_conditional_would_be_detected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = GaussianWishartDirichlet.posterior
    prior_itself = GaussianWishartDirichlet.draw

    def wrong(self: GaussianWishartDirichlet, moments: object) -> Posterior:
        return MISTAKES[name](right(self, moments))

    def draw(self: GaussianWishartDirichlet, *rest: object) -> GaussianMixture:
        with monkeypatch.context() as undone:
            undone.setattr(GaussianWishartDirichlet, "posterior", right)
            return prior_itself(self, *rest)

    monkeypatch.setattr(GaussianWishartDirichlet, "posterior", wrong)
    monkeypatch.setattr(GaussianWishartDirichlet, "draw", draw)
    assert geweke().max() > 8


def six_points() -> Tensor:
    return torch.tensor(
        [[-1.2, 0.1], [-0.8, 0.4], [-0.5, -0.6], [0.6, 0.2], [0.9, -0.3], [1.6, 0.5]],
        dtype=torch.float64,
    )


def frequencies(assignment: Tensor) -> Tensor:
    """Frequency of each of the 2⁶ assignments, from (chains, 6)."""
    code = (assignment * 2 ** torch.arange(5, -1, -1)).sum(-1)
    return torch.bincount(code, minlength=64) / len(code)


def test_assignments_have_the_frequencies_of_enumeration() -> None:
    x, prior = six_points(), proper_prior(2)
    z = torch.tensor(list(itertools.product(range(2), repeat=6)))
    exact = prior.log_evidence(moments_of(x, z, 2)).softmax(0)
    chains = 20_000
    sampler = mixture_gibbs(x, 2, prior, chains)
    start = frequencies(sampler.init(generator(0)).assignment)
    *_, last = run(sampler, generator(0), 30)
    found = frequencies(last.state.assignment)
    error = (exact * (1 - exact) / chains).sqrt()
    assert ((found - exact).abs() / error).max() < 4.5
    assert ((start - exact).abs() / error).max() > 50
    # A sweep reports p(z, x), and the state's moments are those of its points.
    torch.testing.assert_close(
        last.info.log_evidence, prior.log_evidence(moments_of(x, last.state.assignment, 2))
    )
    torch.testing.assert_close(last.info.log_likelihood, last.state.mixture.log_prob(x).sum(-1))


def test_uncertain_points_give_clusters_as_wide_as_their_draws() -> None:
    x, _ = three_clusters(400)
    variance = torch.full_like(x, 0.5)
    within = {}
    for name, each in {"means": None, "aggregate": variance}.items():
        sampler = mixture_gibbs(x, 1, GaussianWishartDirichlet(2), chains=50, variance=each)
        *_, last = run(sampler, generator(0), 5)
        within[name] = last.state.mixture.covariances[:, 0].mean(0)
    missing = within["aggregate"] - within["means"]
    torch.testing.assert_close(missing, 0.5 * torch.eye(2, dtype=x.dtype), rtol=0.1, atol=0.06)


def mean_log_prob(mixtures: list[GaussianMixture], x: Tensor) -> Tensor:
    """Mean of each chain over sweeps and points, (chains,)."""
    return torch.stack([mixture.log_prob(x).mean(-1) for mixture in mixtures]).mean(0)


def test_very_uncertain_points_keep_the_clusters_of_exact_multiple_imputation() -> None:
    """Compared with chains that keep one draw each; stale assignments are worse."""
    x, _ = three_clusters(400)
    variance = torch.full_like(x, 0.6)
    prior, chains = GaussianWishartDirichlet(2), 24

    def sampled_points(seed: int, rows: int) -> Tensor:
        return x + variance.sqrt() * normal((rows, *x.shape), generator(seed), x.dtype)

    def late(sampler: Sampler) -> list[GaussianMixture]:
        return [
            each.state.mixture for each in run(sampler, generator(0), 150) if each.number > 100
        ]

    source, stale = generator(0), []
    state = mixture_gibbs(x, 3, prior, chains, variance).init(source)
    for number in range(150):
        points = sampled_points(1000 + number, chains)
        moments = moments_of(points, state.assignment, 3)
        sampler = mixture_gibbs(points, 3, prior, chains)
        state, _ = sampler.step(state._replace(x=points, moments=moments), source)
        stale += [state.mixture] if number >= 100 else []

    fresh = sampled_points(1, 5).flatten(0, 1)
    exact = mean_log_prob(late(mixture_gibbs(sampled_points(2, chains), 3, prior, chains)), fresh)
    ours = mean_log_prob(late(mixture_gibbs(x, 3, prior, chains, variance)), fresh)
    assert abs(ours.mean() - exact.mean()) < 0.02
    assert mean_log_prob(stale, fresh).mean() < exact.mean() - 0.05


def test_the_clusters_are_found_and_surplus_ones_stay_nearly_empty() -> None:
    x, cluster = three_clusters(600)
    sampler = mixture_gibbs(x.float(), 8, chains=3)
    *_, last = run(sampler, generator(0), 100)
    best = int(last.info.log_evidence.argmax())
    own = moments_of(x, cluster, 3).means.float()
    assert torch.cdist(own, last.state.mixture.means[best]).min(1).values.max() < 0.4
    assert last.state.mixture.means.dtype == torch.float32
    of_true_clusters = GaussianWishartDirichlet(2).log_evidence(moments_of(x, cluster, 8))
    assert last.info.log_evidence[best] > of_true_clusters - 10


@pytest.mark.parametrize("kind", ["assignment", "mixture", "one each"])
def test_a_given_start_is_used(kind: str) -> None:
    x, cluster = three_clusters(100)
    mixture = proper_prior(2).draw(3, generator(1), (2,), x.dtype)
    start = {
        "assignment": cluster,
        "mixture": mixture[0],
        "one each": mixture,
    }[kind]
    wanted = cluster if kind == "assignment" else start.assign(x)
    state = mixture_gibbs(x, 3, chains=2, start=start).init(generator(0))
    assert torch.equal(state.assignment, wanted.expand(2, 100))


def test_several_streams_are_one_per_chain() -> None:
    x, _ = three_clusters(50)
    several = mixture_gibbs(x, 3, chains=2, variance=torch.full_like(x, 0.1))
    alone = mixture_gibbs(x, 3, chains=1, variance=torch.full_like(x, 0.1))
    *_, both = run(several, Streams.from_seeds([1, 2]), 3)
    *_, one = run(alone, Streams.from_seeds([2]), 3)
    assert torch.equal(both.state.assignment[1:], one.state.assignment)
    torch.testing.assert_close(both.state.mixture.means[1:], one.state.mixture.means)


def test_points_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="points of 3 dimensions, got 2"):
        mixture_gibbs(torch.zeros(5, 2), 2, GaussianWishartDirichlet(3))
    with pytest.raises(ValueError, match=r"\(N, D\) or \(4, N, D\), got shape \(3, 5, 2\)"):
        mixture_gibbs(torch.zeros(3, 5, 2), 2)


def test_the_reference_of_the_benchmark_has_the_same_conditionals() -> None:
    """The reference in the benchmark is correct: same moments, same distribution of clusters."""
    x, _ = three_clusters(60)
    prior = proper_prior(2)
    mixture = prior.draw(3, generator(1), (), torch.float64)
    z = []
    for seed in range(400):
        _, moments, each = public_sweep(x, mixture, prior, generator(seed))
        z.append(each)
    for found, exact in zip(moments, moments_of(x, each, 3), strict=True):
        torch.testing.assert_close(found, exact)
    fractions = torch.nn.functional.one_hot(torch.stack(z), 3).double().mean(0)
    exact = mixture.responsibilities(x)
    error = (exact * (1 - exact) / 400).sqrt().clamp(min=1e-3)
    assert ((fractions - exact).abs() / error).max() < 5
