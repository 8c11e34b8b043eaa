"""The bound of a VAE with a mixture prior: below log p(x), and computed per image."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from dgm_core.bounds import estimate_log_likelihood, log_weights
from dgm_core.mixtures import GaussianMixture, MixtureDistribution
from dgm_core.models.vae_gmm import MixtureVAE, mixture_vae
from dgm_core.rng import Streams, draw, generator, normal, uniform
from dgm_core.training import Schedule, fit, latest_weights
from dgm_core.training.losses import negative_mixture_bound
from dgm_core.types import LabelledImages, LatentVariableModel

SIDE, K, L = 4, 3, 2


def mixture(diagonal: bool = False, dim: int = L) -> GaussianMixture:
    """K clusters of different weights and shapes, float64."""
    source = generator(5)
    means = 1.5 * normal((K, dim), source, torch.float64)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    if diagonal:
        return GaussianMixture(weights, means, 0.4 + uniform((K, dim), source, torch.float64))
    factor = normal((K, dim, dim), source, torch.float64)
    covariances = 0.3 * factor @ factor.mT + 0.2 * torch.eye(dim, dtype=torch.float64)
    return GaussianMixture.of_covariances(weights, means, covariances)


def untrained(side: int = SIDE, clusters: int = K) -> MixtureVAE:
    return mixture_vae(L, 8, clusters, side=side, source=generator(1)).double()


def bytes_of(count: int, side: int = SIDE) -> Tensor:
    """Bars with varying position and brightness, uint8."""
    rows = torch.randint(side, (count, 1, 1, 1), generator=generator(2))
    bars = (torch.arange(side)[:, None] == rows) * torch.ones(side)
    light = 0.7 + 0.3 * uniform((count, 1, 1, 1), generator(3))
    return (255 * (0.1 + 0.8 * light * bars)).round().to(torch.uint8)


def pixels(count: int) -> Tensor:
    return bytes_of(count).double() / 255


@pytest.fixture(scope="module")
def trained() -> MixtureVAE:
    """A model whose q(z|x) is near the posterior, so that errors in a bound are visible."""
    model = mixture_vae(L, 16, K, side=SIDE, source=generator(1))
    model.adopt(mixture())
    x = bytes_of(300)
    images = LabelledImages(x, torch.zeros(len(x), dtype=torch.int64))
    schedule = Schedule(40, batch_size=50, learning_rate=1e-2)
    for _ in fit(model, negative_mixture_bound(), images, latest_weights(), schedule):
        pass
    return model.double().requires_grad_(False)


def in_errors(draws: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the first dimension, and its standard error."""
    return draws.mean(0), draws.std(0) / len(draws) ** 0.5


def test_it_is_a_latent_variable_model_whose_prior_is_the_mixture() -> None:
    model = untrained()
    assert isinstance(model, LatentVariableModel)
    z = normal((5, L), generator(0), torch.float64)
    standard = Independent(Normal(torch.zeros(L).double(), 1.0), 1)
    torch.testing.assert_close(model.prior().log_prob(z), standard.log_prob(z))
    for diagonal in (False, True):
        distribution = mixture(diagonal)
        model.adopt(distribution)
        assert isinstance(model.prior(), MixtureDistribution)
        torch.testing.assert_close(model.prior().log_prob(z), distribution.log_prob(z))
        latents = model.latents(pixels(5))
        torch.testing.assert_close(
            model.responsibilities(pixels(5)), distribution.responsibilities(*latents)
        )
    second = untrained()
    second.load_state_dict(model.state_dict())
    assert torch.equal(second.mixture.means, model.mixture.means)
    assert all(not each.requires_grad for each in (model.weights, model.means, model.scales))


def test_a_mixture_of_another_size_is_refused() -> None:
    for other in (mixture(dim=L + 1), mixture().reordered([0, 1])):
        shape = tuple(other.means.shape)
        with pytest.raises(ValueError, match=rf"of shape \({K}, {L}\), got \({shape[0]}, "):
            untrained().adopt(other)


def test_the_bound_is_below_log_p_and_a_plausible_error_is_above(trained: MixtureVAE) -> None:
    x = pixels(6).round()
    log_p = estimate_log_likelihood(trained, x, 20_000, generator(1))
    many = 4000
    terms = trained.bound_terms(x.repeat(many, 1, 1, 1), generator(2))
    ours, ours_error = in_errors(terms.elbo.view(many, -1))
    # Between the two lies the bound that does not commit to one cluster per q(z|x).
    ordinary, ordinary_error = in_errors(log_weights(trained, x, many, generator(3)))
    assert (ours < ordinary + 4 * torch.hypot(ours_error, ordinary_error)).all()
    error = torch.hypot(ours_error, log_p.standard_error)
    assert (ours < log_p.value + 4 * error).all()
    assert (log_p.value - ours).mean() < 1
    # The mixture's density at the mean of q(z|x) ignores its spread.
    distribution = trained.encode(x)
    mistaken = ours - terms.message.view(many, len(x), K)[0].logsumexp(1)
    mistaken = mistaken + trained.mixture.log_prob(distribution.mean)
    assert (mistaken > log_p.value + 5 * error).any()


@pytest.mark.parametrize("clusters", [1, 4])
def test_if_all_clusters_are_the_standard_normal_it_is_the_ordinary_elbo(clusters: int) -> None:
    model, x = untrained(clusters=clusters), pixels(7)
    distribution = model.encode(x)
    standard = Independent(Normal(torch.zeros(L).double(), torch.ones(L).double()), 1)
    log_likelihood = model.decode(draw(distribution, generator(4))).log_prob(x)
    by_hand = log_likelihood - kl_divergence(
        Independent(Normal(distribution.base_dist.loc, distribution.base_dist.scale), 1), standard
    )
    found = model.bound_terms(x, generator(4)).elbo
    torch.testing.assert_close(found, by_hand, rtol=0, atol=1e-12)


def test_entropy_and_message_of_one_diagonal_cluster_are_minus_its_divergence() -> None:
    model, x = untrained(clusters=1), pixels(7)
    m, v = torch.tensor([0.7, -1.2]).double(), torch.tensor([0.3, 2.0]).double()
    model.adopt(GaussianMixture(torch.ones(1).double(), m[None], v.sqrt()[None]))
    mean, s2 = model.latents(x)
    divergence = 0.5 * (s2 / v + (m - mean).square() / v + v.log() - s2.log() - 1).sum(1)
    terms = model.bound_terms(x, generator(0))
    found = terms.entropy + terms.message.logsumexp(1)
    torch.testing.assert_close(found, -divergence, rtol=0, atol=1e-12)


def test_no_other_choice_of_clusters_gives_a_higher_bound(trained: MixtureVAE) -> None:
    """q(c|x) enters as Σ_c q(c|x) (message_c − log q(c|x))."""
    x = pixels(8)
    terms = trained.bound_terms(x, generator(0))

    def bound(q: Tensor) -> Tensor:
        own = (q * terms.message + torch.special.entr(q)).sum(-1)
        return terms.reconstruction + terms.entropy + own

    best = trained.responsibilities(x)
    torch.testing.assert_close(bound(best), terms.elbo, rtol=0, atol=1e-10)
    exponential = -uniform((5000, 8, K), generator(1), torch.float64).log()
    simplex = exponential / exponential.sum(-1, keepdim=True)
    corners = torch.eye(K).double()[:, None].expand(K, 8, K)
    near = (1 - 1e-3) * best + 1e-3 * simplex
    for others in (simplex, corners, near):
        assert (bound(others) <= terms.elbo + 1e-12).all()
    # The responsibilities of the mean are different.
    plain = trained.mixture.responsibilities(trained.latents(x).mean)
    assert (terms.elbo - bound(plain)).max() > 1e-3


def test_the_order_of_images_does_not_change_their_bounds() -> None:
    """The error to avoid: using the cluster of the image with the same index within the batch."""
    model, grey = untrained().float(), bytes_of(6)
    model.adopt(mixture())
    own, seeds = torch.tensor([0, 1, 2, 2, 1, 0]), torch.arange(6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    batch = 1  # its index in the epoch

    def bounds(rows: Tensor, cluster: Tensor) -> Tensor:
        terms = model.bound_terms(grey[rows] / 255, Streams.from_seeds(seeds[rows].tolist()))
        message = terms.message.gather(1, cluster[:, None])[:, 0]
        return terms.reconstruction + terms.entropy + message

    found = bounds(seeds, own)
    torch.testing.assert_close(bounds(order, own[order]), found[order], rtol=0, atol=1e-4)
    mistaken = bounds(seeds, own[batch].expand(6))
    again = bounds(order, own[order][batch].expand(6))
    assert (again - mistaken[order]).abs().max() > 1
    assert (mistaken.mean() - found.mean()).abs() > 1
    # Training minimises the first of the two, in any order.
    for rows in (seeds, order):
        images = LabelledImages(grey[rows], own[rows])
        source = Streams.from_seeds(seeds[rows].tolist())
        loss = negative_mixture_bound(hard=True)(model, images, source)
        torch.testing.assert_close(loss, -found.mean(), rtol=0, atol=1e-4)


def test_grey_levels_give_the_mean_over_all_binary_images() -> None:
    model = untrained(side=2)
    grey = torch.tensor([[[[0.0, 51.0], [102.0, 255.0]]]], dtype=torch.uint8)
    x = grey.double() / 255
    z = draw(model.encode(x), generator(6))
    mean = torch.zeros(1, dtype=torch.float64)
    for each in itertools.product([0.0, 1.0], repeat=4):
        binary = torch.tensor(each).double().view(1, 1, 2, 2)
        chance = torch.where(binary == 1, x, 1 - x).prod()
        mean += chance * model.decode(z).log_prob(binary)
    terms = model.bound_terms(x, generator(6))
    torch.testing.assert_close(terms.reconstruction, mean, rtol=0, atol=1e-12)
    assert (model.decode(z).log_prob(x.round()) - mean).abs() > 0.01
