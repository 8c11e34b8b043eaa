"""Rows of mixed columns and Student-t heads against torch.distributions and their own draws."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, OneHotCategorical, StudentT

from dgm_core.distributions.columns import Binary, Categorical, Layout, MixedRow, Numeric
from dgm_core.distributions.likelihoods import (
    GaussianRowLikelihood,
    MixedLikelihood,
    StudentTLikelihood,
)
from dgm_core.rng import Streams, draw, generator
from dgm_core.samplers.observed import log_prob_observed, take
from dgm_core.types import Masked

COLUMNS = [Numeric(), Categorical(3), Binary(), Numeric(), Categorical(2)]  # 8 entries


def mixed_row(rows: int = 4) -> MixedRow:
    outputs = torch.randn(rows, 8, generator=generator(0), dtype=torch.float64)
    scale = torch.tensor([0.5, 1, 1, 1, 1, 2, 1, 1], dtype=torch.float64)
    return MixedRow(Layout(COLUMNS), outputs, scale)


def test_the_density_of_a_mixed_row_is_the_product_of_its_columns() -> None:
    ours = mixed_row()
    outputs = torch.randn(4, 8, generator=generator(0), dtype=torch.float64)
    x = draw(ours, generator(1))
    by_hand = (
        Normal(outputs[:, 0], 0.5).log_prob(x[:, 0])
        + OneHotCategorical(logits=outputs[:, 1:4]).log_prob(x[:, 1:4])
        + Bernoulli(logits=outputs[:, 4]).log_prob(x[:, 4])
        + Normal(outputs[:, 5], 2.0).log_prob(x[:, 5])
        + OneHotCategorical(logits=outputs[:, 6:]).log_prob(x[:, 6:])
    )
    torch.testing.assert_close(ours.log_prob(x), by_hand)


def test_hidden_columns_of_a_mixed_row_are_integrated_out() -> None:
    ours, x = mixed_row(), draw(mixed_row(), generator(1))
    outputs = torch.randn(4, 8, generator=generator(0), dtype=torch.float64)
    observed = torch.tensor([True, False, False, False, True, False, True, True]).expand(4, 8)
    by_hand = (
        Normal(outputs[:, 0], 0.5).log_prob(x[:, 0])
        + Bernoulli(logits=outputs[:, 4]).log_prob(x[:, 4])
        + OneHotCategorical(logits=outputs[:, 6:]).log_prob(x[:, 6:])
    )
    torch.testing.assert_close(log_prob_observed(ours, Masked(x, observed)), by_hand)
    chosen = torch.tensor([2, 0, 2])
    torch.testing.assert_close(take(ours, chosen).log_prob(x[chosen]), ours.log_prob(x)[chosen])


def test_draws_of_a_mixed_row_have_its_mean_and_variance_and_are_valid() -> None:
    ours, n = mixed_row(), 20_000
    draws = draw(ours, generator(2), n)
    error = (ours.variance / n).sqrt()
    assert ((draws.mean(0) - ours.mean).abs() < 4.5 * error).all()
    torch.testing.assert_close(draws.var(0), ours.variance, rtol=0.06, atol=1e-3)
    for block in ours.layout.blocks:
        assert (draws[..., block].sum(-1) == 1).all()
    assert ((draws[..., 4] == 0) | (draws[..., 4] == 1)).all()


def test_gradients_pass_through_numeric_draws_alone() -> None:
    outputs = torch.zeros(2, 8, requires_grad=True)
    draw(MixedRow(Layout(COLUMNS), outputs, torch.ones(8)), generator(3)).sum().backward()
    assert (outputs.grad[:, [0, 5]] == 1).all()
    assert (outputs.grad[:, [1, 2, 3, 4, 6, 7]] == 0).all()


def test_student_draws_follow_the_distribution_of_torch() -> None:
    n = 40_000
    student = StudentT(
        torch.tensor([2.5, 5.0, 30.0]).double(), torch.ones(3).double(), torch.tensor(2.0).double()
    )
    ours = draw(student, generator(4), n)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = student.sample((n,))
    levels = torch.linspace(0.01, 0.99, 25).double()
    fractions = (ours[:, None] <= theirs.quantile(levels, 0)).double().mean(0)
    error = (2 * levels * (1 - levels) / n).sqrt()[:, None]  # of both samples
    assert ((fractions - levels[:, None]).abs() < 4.5 * error).all()
    both = Streams.from_seeds([7, 8, 9])
    assert torch.isfinite(draw(student, both, 5)).all()


def test_student_draws_move_with_their_degrees_of_freedom() -> None:
    freedom = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    at = [draw(StudentT(freedom + h, 0.0, 1.0), generator(6), 50) for h in (-1e-5, 0.0, 1e-5)]
    slope = torch.autograd.grad(at[1].sum(), freedom)[0]
    torch.testing.assert_close(slope, ((at[2] - at[0]).sum() / 2e-5)[None], rtol=1e-5, atol=1e-8)


def test_the_student_head_is_that_of_torch_with_its_floors() -> None:
    head = StudentTLikelihood(3, scale_floor=0.05, least_freedom=2.2).double()
    outputs = torch.randn(4, 3, generator=generator(7), dtype=torch.float64)
    x = torch.randn(4, 3, generator=generator(8), dtype=torch.float64)
    freedom = 2.2 + nn.functional.softplus(head.freedom.raw)
    scale = 0.05 + nn.functional.softplus(head.scale.raw)
    by_hand = StudentT(freedom, outputs, scale).log_prob(x)
    torch.testing.assert_close(head(outputs).log_prob(x), by_hand.sum(1))
    observed = x > 0
    torch.testing.assert_close(
        log_prob_observed(head(outputs), Masked(x, observed)), (by_hand * observed).sum(1)
    )
    with torch.no_grad():
        head.freedom.raw.fill_(-50)
        head.scale.raw.fill_(-50)
    assert (head(outputs).base_dist.df >= 2.2).all()
    assert (head(outputs).base_dist.scale >= 0.05).all()
    assert torch.isfinite(head(outputs).variance).all()
    with pytest.raises(ValueError, match="above 2"):
        StudentTLikelihood(3, least_freedom=2.0)


def test_the_heads_of_tables_have_their_scale_and_its_floor() -> None:
    outputs = torch.tensor([[1.0, -2.0, 0.0, -60.0]])
    gaussian = GaussianRowLikelihood(scale_floor=0.01)(outputs).base_dist
    assert gaussian.loc.tolist() == [[1.0, -2.0]]
    expected = torch.tensor([[0.01 + torch.tensor(2.0).log(), 0.01]])
    torch.testing.assert_close(gaussian.scale, expected)
    head = MixedLikelihood(COLUMNS)
    with torch.no_grad():
        head.scale.raw.fill_(-60)
    assert head.scale.raw.shape == (2,)
    variance = head(torch.zeros(2, 8)).variance[0]
    torch.testing.assert_close(variance[[0, 5]], torch.full((2,), 1e-6))
    torch.testing.assert_close(variance[4], torch.tensor(0.25))
    assert MixedLikelihood([Binary()])(torch.zeros(1, 1)).mean.item() == 0.5
