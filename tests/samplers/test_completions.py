"""Weights with terms against quadrature, IWAE, closed forms, and exact gradients."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from dgm_core.bounds import importance_weighted
from dgm_core.distributions.columns import Binary, Categorical
from dgm_core.distributions.likelihoods import BernoulliLikelihood, MixedLikelihood
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.models.miwae import MIWAE, fully_connected_miwae
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.rng import generator
from dgm_core.samplers.completions import Completions, reweighted, weighted_completions
from dgm_core.samplers.importance import incomplete_log_weights
from dgm_core.types import Masked
from tests.linear_table import (
    Constant,
    SelfMasking,
    conditional_on_a_grid,
    log_p_seen,
    networks,
    rows,
    standard_errors_off,
)

PROCESS = ([2.5, 0.8], [0.2, -0.4])


@torch.no_grad()
def drawn(model: MIWAE, count: int, draws: int, seed: int = 0) -> Completions:
    return weighted_completions(model, rows(count), draws, generator(seed))


def test_with_everything_observed_the_bound_of_miwae_is_that_of_iwae() -> None:
    model = MIWAE(**networks(1.5))
    x = torch.randn(6, 2, generator=generator(0), dtype=torch.float64)
    complete = Masked(x, torch.ones_like(x, dtype=torch.bool))
    sample = weighted_completions(model, complete, 7, generator(1))
    iwae = importance_weighted.iwae_bound(
        importance_weighted.log_weights(model, x, 7, generator(1))
    )
    torch.testing.assert_close(sample.bound, iwae, rtol=1e-14, atol=1e-14)
    assert torch.equal(sample.x, x.expand(7, 6, 2))


def test_without_further_terms_the_weights_are_those_of_importance_sampling() -> None:
    model = MIWAE(**networks(1.5))
    ours = drawn(model, 5, 20).log_w
    torch.testing.assert_close(ours, incomplete_log_weights(model, rows(5), 20, generator(0)))


def test_a_constant_process_adds_its_constant_and_nothing_else() -> None:
    plain = drawn(MIWAE(**networks(1.5)), 5, 20)
    ours = drawn(NotMIWAE(**networks(1.5), missing_process=Constant(0.7, 2)), 5, 20)
    constant = -math.log1p(math.exp(0.7)) - math.log1p(math.exp(-0.7))
    torch.testing.assert_close(ours.bound, plain.bound + constant, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.log_weights, plain.log_weights, rtol=1e-12, atol=1e-12)


def test_with_the_exact_posterior_all_weights_are_log_p_of_observed_values() -> None:
    sample = drawn(MIWAE(**networks()), 4, 30)
    torch.testing.assert_close(sample.log_w, log_p_seen().expand(30, 4), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sample.effective_draws, torch.full((4,), 30.0).double())


def test_the_bound_of_not_miwae_tends_to_log_p_of_values_and_mask() -> None:
    """The integral over z and the hidden value by quadrature; a zero for that value is far off."""
    process = SelfMasking(*PROCESS)
    exact, _, _ = conditional_on_a_grid(process)
    sample = drawn(NotMIWAE(**networks(1.4), missing_process=process), 50, 4000)
    assert standard_errors_off(sample.log_w.exp().mean(0), exact.exp()) < 5
    assert (sample.bound - exact).abs().max() < 0.1
    zero_filled = rows(50).x.expand_as(sample.x)
    wrong = sample._replace(drawn=zero_filled)
    with torch.no_grad():
        wrong = reweighted(wrong, process)
    assert standard_errors_off(wrong.log_w.exp().mean(0), exact.exp()) > 50


def test_the_bound_grows_with_k_and_stays_below() -> None:
    process = SelfMasking(*PROCESS)
    exact, _, _ = conditional_on_a_grid(process)
    sample = drawn(NotMIWAE(**networks(1.4), missing_process=process), 20, 64 * 200)
    gap = exact - importance_weighted.iwae_curve(sample.log_w, [1, 4, 16, 64]).value.mean(1)
    assert (gap > 0).all()
    assert (gap[1:] < 0.5 * gap[:-1]).all()


def test_reweighting_equals_a_model_with_that_process() -> None:
    """Same noise, same draws: the weights of MIWAE's draws under an assumed process."""
    process = SelfMasking(*PROCESS)
    plain = drawn(MIWAE(**networks(1.4)), 6, 50)
    ours = drawn(NotMIWAE(**networks(1.4), missing_process=process), 6, 50)
    with torch.no_grad():
        assumed = reweighted(plain, process)
        again = reweighted(reweighted(plain, Constant(1.0, 2)), process)
    torch.testing.assert_close(assumed.log_w, ours.log_w)
    torch.testing.assert_close(again.log_w, ours.log_w)
    torch.testing.assert_close(ours.without("missing").log_w, plain.log_w)
    assert (assumed.effective_draws < plain.effective_draws).all()
    assert assumed.tilted
    assert not plain.tilted


def test_a_model_that_encodes_complete_data_only_is_refused() -> None:
    with torch.random.fork_rng():
        model = fully_connected_dlvm(2, 4)
    images = torch.zeros(1, 1, 28, 28)
    with pytest.raises(ValueError, match="completion"):
        weighted_completions(model, Masked(images, images == 0), 2, generator(0))


def test_images_work_like_tables() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = fully_connected_miwae(2, 8).double()
    ours = NotMIWAE(
        plain.encoder,
        plain.posterior,
        plain.decoder,
        plain.likelihood,
        2,
        missing_process=Constant(0.7, 784),
    )
    x = (torch.rand(3, 1, 28, 28, generator=generator(1)) < 0.3).double()
    masked = Masked(x, torch.rand(x.shape, generator=generator(2)) < 0.5)
    sample = weighted_completions(ours, masked, 6, generator(3))
    seen = masked.observed.flatten(1).sum(1).double()
    constant = -seen * math.log1p(math.exp(-0.7)) - (784 - seen) * math.log1p(math.exp(0.7))
    without = weighted_completions(plain, masked, 6, generator(3)).bound
    torch.testing.assert_close(sample.bound, without + constant)


HEADS = {
    "Bernoulli": (BernoulliLikelihood(), 3),
    "mixed": (MixedLikelihood([Binary(), Categorical(2)]), 3),
}


@pytest.mark.parametrize("head", HEADS)
def test_gradients_through_discrete_draws_are_those_of_the_enumerated_bound(head: str) -> None:
    """K = 2, decoder without z, all hidden: E bound is a finite sum over pairs of completions."""
    likelihood, features = HEADS[head]

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = nn.Parameter(torch.tensor([0.4, -0.8, 0.3], dtype=torch.float64))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.logits.expand(len(z), features)

    table, process = Table(), SelfMasking([1.5, -1.0, 2.0], [0.5, 0.2, 0.6])
    base = networks()
    model = NotMIWAE(
        base["encoder"], base["posterior"], table, likelihood.double(), 1, missing_process=process
    )

    class Standard(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.new_zeros(len(x), 2)

    model.encoder = Standard()
    masked = Masked(torch.zeros(1, features).double(), torch.zeros(1, features).bool())
    if head == "Bernoulli":
        values = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3))).double()
    else:
        values = torch.tensor([[a, b, 1 - b] for a in (0.0, 1.0) for b in (0.0, 1.0)]).double()
    distribution = model.decode(torch.zeros(len(values), 1).double())
    p = distribution.log_prob(values).exp()
    log_s = process.log_prob(torch.zeros_like(values).bool(), values)
    pairs = torch.logaddexp(log_s[:, None], log_s) - math.log(2)
    exact = torch.autograd.grad((p[:, None] * p * pairs).sum(), table.logits)[0]

    source, n = generator(4), 4000
    estimates = []
    for _ in range(20):
        bound = weighted_completions(model, masked.repeat(n), 2, source).bound
        estimates.append(torch.autograd.grad(bound.mean(), table.logits)[0])
    assert standard_errors_off(torch.stack(estimates), exact) < 5
    assert (exact.abs() > 0.01).any()


def test_unused_completions_can_be_left_undrawn() -> None:
    plain, with_process = (
        MIWAE(**networks(1.5)),
        NotMIWAE(**networks(1.5), missing_process=Constant(0.7, 2)),
    )
    without, whole = (
        weighted_completions(plain, rows(5), 20, generator(0), completed=completed)
        for completed in (False, True)
    )
    assert without.drawn is None
    assert whole.drawn is not None
    assert torch.equal(without.log_w, whole.log_w)
    needed = weighted_completions(with_process, rows(5), 20, generator(0), completed=False)
    assert needed.drawn is not None
