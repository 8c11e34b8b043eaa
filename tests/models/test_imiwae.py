"""IM-IWAE against quadrature over one latent, against MIWAE, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from dgm_core.models.imiwae import IMIWAE
from dgm_core.models.miwae import MIWAE
from dgm_core.models.tabular import LinearPlusNetwork, tanh_networks
from dgm_core.rng import generator
from dgm_core.samplers.completions import Completions, weighted_completions
from dgm_core.samplers.estimates import mean_and_variance, median, sir_completions
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Masked
from tests.linear_table import LOADINGS, NOISE, OFFSET, SEEN, networks, rows, standard_errors_off


class Logistic(nn.Module):
    """g(z) of two columns: column 0 goes missing where z is high, column 1 where it is low."""

    def __init__(self, slopes: tuple[float, float] = (-2.5, 1.2)) -> None:
        super().__init__()
        self.slopes = nn.Parameter(torch.tensor(slopes, dtype=torch.float64))

    def forward(self, z: Tensor) -> Tensor:
        return self.slopes * (z - 0.4)


class Probit(Logistic):
    """The log-odds of P(observed) = Φ(slope (z − 0.4))."""

    def forward(self, z: Tensor) -> Tensor:
        a = super().forward(z)
        return torch.special.log_ndtr(a) - torch.special.log_ndtr(-a)


MASKS = {"logistic": Logistic, "probit": Probit}


def on_a_grid(masking: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x_1, s), and p(z | x_1, s) as a grid (n,) with weights (n,)."""
    z = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    seen = torch.tensor([False, True])
    with torch.no_grad():
        p = torch.sigmoid(masking(z[:, None]))
    log_p = (
        Normal(0.0, 1.0).log_prob(z)
        + Normal(LOADINGS[1] * z + OFFSET[1], NOISE).log_prob(torch.tensor(SEEN).double())
        + torch.where(seen, p, 1 - p).log().sum(1)
        + (z[1] - z[0]).log()
    )
    return log_p.logsumexp(0), z, log_p.softmax(0)


@torch.no_grad()
def drawn(masking: nn.Module, count: int, draws: int, stretch: float = 1.4) -> Completions:
    model = IMIWAE(**networks(stretch), masking=masking)
    return weighted_completions(model, rows(count), draws, generator(0))


@pytest.mark.parametrize("mask", MASKS)
def test_the_weights_average_to_p_of_values_and_mask(mask: str) -> None:
    """Weights without the mask, and weights of the opposite mask, are far off."""
    masking = MASKS[mask]()
    exact, _, _ = on_a_grid(masking)
    sample = drawn(masking, 50, 4000)
    assert standard_errors_off(sample.log_w.exp().mean(0), exact.exp()) < 5
    assert (sample.bound - exact).abs().max() < 0.1
    assert standard_errors_off(sample.without("mask").log_w.exp().mean(0), exact.exp()) > 50
    opposite = drawn(MASKS[mask]((2.5, -1.2)), 50, 4000)
    assert standard_errors_off(opposite.log_w.exp().mean(0), exact.exp()) > 50


@pytest.mark.parametrize("mask", MASKS)
def test_moments_median_and_draws_are_those_of_the_exact_conditional(mask: str) -> None:
    masking = MASKS[mask]()
    _, z, p = on_a_grid(masking)
    means = LOADINGS[0] * z + OFFSET[0]
    mean = (p * means).sum()
    variance = NOISE**2 + (p * (means - mean).square()).sum()
    x = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    below = (p * Normal(means, NOISE).cdf(x[:, None])).sum(1)
    middle = x[int((below < 0.5).sum())]
    sample = drawn(masking, 50, 4000)
    assert not sample.tilted
    ours, spread = mean_and_variance(sample)
    assert standard_errors_off(ours[:, 0], mean) < 5
    assert standard_errors_off(spread[:, 0], variance) < 5
    assert (median(sample)[:, 0].mean() - middle).abs() < 0.01
    many = drawn(masking, 4000, 400)
    draws = sir_completions(many, 1, generator(1))[0]
    assert standard_errors_off(draws[:, 0], mean) < 5
    assert draws[:, 0].var().item() == pytest.approx(variance.item(), rel=0.1)
    for each in (ours, draws):
        assert (each[:, 1] == SEEN).all()
    # The check can fail: weights without the mask give the mean of MIWAE.
    plain, _ = mean_and_variance(sample.without("mask"))
    assert standard_errors_off(plain[:, 0], mean) > 50


def test_a_constant_mask_adds_its_constant_and_nothing_else() -> None:
    class Constant(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.full((*z.shape[:-1], 2), 0.7, dtype=z.dtype)

    ours = drawn(Constant(), 5, 20)
    with torch.no_grad():
        plain = weighted_completions(MIWAE(**networks(1.4)), rows(5), 20, generator(0))
    constant = -math.log1p(math.exp(0.7)) - math.log1p(math.exp(-0.7))
    torch.testing.assert_close(ours.bound, plain.bound + constant, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.log_weights, plain.log_weights, rtol=1e-12, atol=1e-12)
    for mine, theirs in zip(mean_and_variance(ours), mean_and_variance(plain), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def small(entries: list[int] | None = None) -> IMIWAE:
    columns = 4 if entries is None else len(entries)
    source = generator(0)
    return IMIWAE(
        **tanh_networks(4, 2, 8, source=source),
        masking=LinearPlusNetwork(2, columns, 8, source),
        entries=entries,
    ).double()


def table(rows: int = 6) -> Masked:
    x = torch.randn(rows, 4, generator=generator(0), dtype=torch.float64)
    return Masked(x, torch.rand(x.shape, generator=generator(1)) < 0.6)


def test_gradients_of_the_bound_reach_every_parameter_and_are_right() -> None:
    model, objective = small(), negative_completion_bound(5)
    with torch.no_grad():  # the bend of g starts at 0, which stops the gradient of its inputs
        model.masking.bend[-1].weight.normal_(generator=generator(3))

    def loss() -> Tensor:
        return objective(model, table(), generator(2))

    loss().backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    for parameter in (model.masking.straight.weight, model.decoder[0].weight):
        slope, h = parameter.grad.flatten()[1].item(), 1e-6
        with torch.no_grad():
            parameter.view(-1)[1] += h
            above = loss().item()
            parameter.view(-1)[1] -= 2 * h
            below = loss().item()
            parameter.view(-1)[1] += h
        assert slope == pytest.approx((above - below) / (2 * h), rel=1e-5)


def test_entries_of_one_column_count_once() -> None:
    """Entries 1 to 3 are one column: its mask is read once, at its first entry."""
    model = small([0, 1])
    z = torch.randn(7, 6, 2, generator=generator(4), dtype=torch.float64)
    seen = table().observed
    seen = seen[:, [0, 1, 1, 1]]
    with torch.no_grad():
        found = model.latent_terms(Masked(table().x, seen), z)["mask"]
        missing = model.missing_probability(z)
    by_hand = torch.where(seen[:, :2], 1 - missing, missing).log().sum(-1)
    torch.testing.assert_close(found, by_hand)


def test_missing_values_are_not_drawn_in_training() -> None:
    sample = weighted_completions(small(), table(), 5, generator(0), completed=False)
    assert sample.drawn is None
    assert set(sample.terms) == {"x_obs", "latent", "mask"}
