"""Low-rank mixtures of Gaussians against dense algebra."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from dgm_core.distributions.gaussian import LowRankMixture, condition, low_rank_conditional
from dgm_core.rng import Streams, draw, generator

B, M, D, R = 5, 3, 7, 2


def parameters(rows: int = B, seed: int = 0) -> dict[str, Tensor]:
    source = generator(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    return {
        "log_weights": normal(rows, M),
        "mean": normal(rows, M, D),
        "loadings": normal(rows, M, D, R),
        "noise": 0.05 + normal(rows, M, D).square(),
    }


def patterns(rows: int = B) -> Tensor:
    """Masks of the hidden entries: all of the first row, none of the last one, others random."""
    hidden = torch.rand(rows, D, generator=generator(1)) < 0.5
    hidden[0], hidden[-1] = True, False
    return hidden


def values(rows: int = B) -> Tensor:
    return torch.randn(rows, D, generator=generator(2), dtype=torch.float64)


def covariance(loadings: Tensor, noise: Tensor) -> Tensor:
    return loadings @ loadings.mT + torch.diag_embed(noise)


def dense_log_prob(theta: dict[str, Tensor], x: Tensor, inside: Tensor) -> Tensor:
    """One row, one component, one matrix at a time; probabilities are added directly."""
    out = []
    for b in range(len(x)):
        weights = theta["log_weights"][b].exp()
        keep, total = inside[b], torch.zeros((), dtype=torch.float64)
        for m in range(len(weights)):
            if keep.any():
                full = covariance(theta["loadings"][b, m], theta["noise"][b, m])
                distribution = MultivariateNormal(theta["mean"][b, m, keep], full[keep][:, keep])
                density = distribution.log_prob(x[b, keep]).exp()
            else:
                density = 1.0
            total = total + weights[m] / weights.sum() * density
        out.append(total.log())
    return torch.stack(out)


def dense_moments(theta: dict[str, Tensor], b: int) -> tuple[Tensor, Tensor]:
    """Mean (D,) and covariance (D, D) of row b."""
    weights = theta["log_weights"][b].softmax(0)
    mean = weights @ theta["mean"][b]
    second = sum(
        weights[m]
        * (
            covariance(theta["loadings"][b, m], theta["noise"][b, m])
            + torch.outer(theta["mean"][b, m], theta["mean"][b, m])
        )
        for m in range(M)
    )
    return mean, second - torch.outer(mean, mean)


@pytest.mark.parametrize("hidden", [None, patterns()], ids=["all", "hidden"])
def test_log_prob_equals_that_of_dense_gaussians(hidden: Tensor | None) -> None:
    theta, x = parameters(), values()
    inside = torch.ones(B, D, dtype=torch.bool) if hidden is None else hidden
    mixture = LowRankMixture(**theta, hidden=hidden)
    expected = dense_log_prob(theta, x, inside)
    torch.testing.assert_close(mixture.log_prob(x), expected, rtol=1e-9, atol=1e-9)


def test_values_outside_the_event_do_not_matter() -> None:
    theta, hidden = parameters(), patterns()
    mixture = LowRankMixture(**theta, hidden=hidden)
    changed = torch.where(hidden, values(), torch.nan)
    assert torch.equal(mixture.log_prob(changed), mixture.log_prob(values()))
    assert mixture.log_prob(values())[-1] == 0  # nothing hidden, nothing to predict


def test_the_mixture_is_a_logsumexp_and_not_a_mean_of_component_losses() -> None:
    mixture = LowRankMixture(**parameters())
    log_p = mixture.component_log_prob(values())
    weights = mixture.log_weights.exp()
    torch.testing.assert_close(mixture.log_prob(values()), (weights * log_p.exp()).sum(-1).log())
    # Σ π_m log N_m is lower (Jensen), here by many nats: training on it would be detected.
    assert (mixture.log_prob(values()) - (weights * log_p).sum(-1) > 1).all()


def test_a_component_without_weight_does_not_count() -> None:
    theta = parameters()
    theta["log_weights"][:, 1] = -torch.inf
    mixture = LowRankMixture(**theta)
    others = LowRankMixture(**{name: each[:, [0, 2]] for name, each in theta.items()})
    torch.testing.assert_close(mixture.log_prob(values()), others.log_prob(values()))
    torch.testing.assert_close(mixture.variance, others.variance)


def test_mean_and_variance_equal_those_of_dense_gaussians() -> None:
    theta, hidden = parameters(), patterns()
    mixture = LowRankMixture(**theta, hidden=hidden)
    for b in range(B):
        mean, full = dense_moments(theta, b)
        torch.testing.assert_close(mixture.mean[b], mean * hidden[b])
        torch.testing.assert_close(mixture.variance[b], full.diagonal() * hidden[b])


def in_standard_errors(draws: Tensor, mean: Tensor, full: Tensor) -> float:
    """The largest error of the first and second moments of draws (n, D), in standard errors."""
    centred = draws - mean
    products = centred[:, :, None] * centred[:, None, :]
    first = centred.mean(0) / (draws.std(0) / len(draws) ** 0.5)
    second = (products.mean(0) - full) / (products.std(0) / len(draws) ** 0.5)
    return max(first.abs().max().item(), second.abs().max().item())


def test_draws_have_the_moments_of_the_mixture() -> None:
    theta = parameters(2)
    draws = draw(LowRankMixture(**theta), generator(4), 40_000)
    assert draws.shape == (40_000, 2, D)
    for b in range(2):
        assert in_standard_errors(draws[:, b], *dense_moments(theta, b)) < 5


def test_draws_without_noise_vary_by_the_factors_alone() -> None:
    theta = {name: each[:, :1] for name, each in parameters(1).items()}
    mixture = LowRankMixture(**theta)
    loadings, mean = theta["loadings"][0, 0], theta["mean"][0, 0]
    smooth = mixture.sample_with(generator(5), 40_000, noisy=False)[:, 0]
    noisy = mixture.sample_with(generator(5), 40_000)[:, 0]
    assert in_standard_errors(smooth, mean, loadings @ loadings.T) < 5
    assert in_standard_errors(noisy, mean, loadings @ loadings.T) > 50
    assert in_standard_errors(noisy, mean, covariance(loadings, theta["noise"][0, 0])) < 5


def test_draws_are_zero_outside_and_each_row_can_have_its_own_stream() -> None:
    theta, hidden = parameters(), patterns()
    together = LowRankMixture(**theta, hidden=hidden).sample_with(
        Streams.from_seeds(range(B)), draws=3
    )
    assert (together[:, ~hidden] == 0).all()
    one = slice(2, 3)
    alone = LowRankMixture(**{name: each[one] for name, each in theta.items()}, hidden=hidden[one])
    torch.testing.assert_close(together[:, one], alone.sample_with(Streams.from_seeds([2]), 3))


def shared_parameters() -> dict[str, Tensor]:
    return {name: each[0] for name, each in parameters(1).items()}


def test_conditional_is_the_joint_over_the_marginal() -> None:
    theta, x, hidden = shared_parameters(), values(), patterns()
    everywhere = {name: each.expand(B, *each.shape) for name, each in theta.items()}
    conditional = low_rank_conditional(**theta, x=x, observed=~hidden)
    joint = dense_log_prob(everywhere, x, torch.ones_like(hidden))
    marginal = dense_log_prob(everywhere, x, ~hidden)
    torch.testing.assert_close(conditional.log_prob(x), joint - marginal, rtol=1e-9, atol=1e-9)


def test_conditional_does_not_look_at_hidden_entries() -> None:
    theta, x, hidden = shared_parameters(), values(), patterns()
    clean = low_rank_conditional(**theta, x=x, observed=~hidden)
    changed = low_rank_conditional(**theta, x=torch.where(hidden, torch.nan, x), observed=~hidden)
    assert torch.equal(clean.mean, changed.mean)
    assert torch.equal(clean.log_weights, changed.log_weights)


def test_one_component_has_the_textbook_conditional() -> None:
    theta = {name: each[:1] for name, each in shared_parameters().items()}
    x, hidden = values(), patterns()
    low_rank = low_rank_conditional(**theta, x=x, observed=~hidden)
    full = covariance(theta["loadings"][0], theta["noise"][0])
    for b in range(B):
        if not hidden[b].any():
            continue
        dense = condition(theta["mean"][0], full, x[b], ~hidden[b])
        torch.testing.assert_close(low_rank.mean[b, hidden[b]], dense.mean)
        mine = covariance(low_rank.loadings[b, 0], low_rank.noise[b, 0])
        torch.testing.assert_close(mine[hidden[b]][:, hidden[b]], dense.covariance)


def test_gradients_pass_gradcheck() -> None:
    theta, hidden = parameters(2), patterns(3)[:2]
    arguments = [each.requires_grad_() for each in theta.values()]

    def log_prob(*each: Tensor) -> Tensor:
        return LowRankMixture(*each[:-1], hidden=hidden).log_prob(each[-1])

    assert torch.autograd.gradcheck(log_prob, [*arguments, values(2).requires_grad_()])


def image_like() -> tuple[dict[str, Tensor], Tensor]:
    """784 entries at the noise floor of the image models, and draws."""
    source = generator(6)
    theta = {
        "log_weights": torch.zeros(2, dtype=torch.float64),
        "mean": torch.rand(2, 784, generator=source, dtype=torch.float64),
        "loadings": 0.2 * torch.randn(2, 784, 6, generator=source, dtype=torch.float64),
        "noise": torch.full((2, 784), 1e-4, dtype=torch.float64),
    }
    everywhere = {name: each.expand(4, *each.shape) for name, each in theta.items()}
    return theta, draw(LowRankMixture(**everywhere), source)


def test_single_precision_is_enough_at_the_noise_floor_of_images() -> None:
    theta, x = image_like()
    observed = torch.ones(4, 28, 28, dtype=torch.bool)
    observed[:, 7:21, 7:21] = False
    observed = observed.flatten(1)
    exact = low_rank_conditional(**theta, x=x, observed=observed)
    single = {name: each.float() for name, each in theta.items()}
    rounded = low_rank_conditional(**single, x=x.float(), observed=observed)
    hidden = ~observed
    assert (rounded.mean - exact.mean)[hidden].abs().max() < 1e-4
    assert (rounded.log_prob(x.float()) - exact.log_prob(x)).abs().max() < 0.05
    torch.testing.assert_close(rounded.variance.double(), exact.variance, rtol=1e-3, atol=1e-7)


def cancelling_log_prob(distribution: LowRankMixture, x: Tensor) -> Tensor:
    """The usual form, rᵀ D⁻¹ r − |root⁻¹ Aᵀ D⁻¹ r|²: mathematically the same number."""
    residual = x[:, None] - distribution.component_mean
    scaled = distribution.loadings / distribution.noise[..., None]
    eye = torch.eye(scaled.shape[-1], dtype=x.dtype)
    root = torch.linalg.cholesky(eye + distribution.loadings.mT @ scaled)
    explained = torch.linalg.solve_triangular(root, scaled.mT @ residual[..., None], upper=False)
    square = (residual.square() / distribution.noise).sum(-1) - explained.square().sum((-2, -1))
    log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1) + distribution.noise.log().sum(-1)
    return -0.5 * (square + log_det + x.shape[-1] * math.log(2 * math.pi))


def test_a_sum_of_squares_does_not_cancel_in_single_precision() -> None:
    theta, x = image_like()
    theta = {name: each.expand(4, *each.shape) for name, each in theta.items()}
    exact = LowRankMixture(**theta)
    rounded = LowRankMixture(**{name: each.float() for name, each in theta.items()})
    double = exact.component_log_prob(x)
    torch.testing.assert_close(cancelling_log_prob(exact, x), double, rtol=1e-6, atol=0)
    error = ((rounded.component_log_prob(x.float()) - double) / double).abs().max()
    cancelling = ((cancelling_log_prob(rounded, x.float()) - double) / double).abs().max()
    assert error < 1e-6
    assert cancelling > 1e-4
