"""Noise per row: rows that use the same noise, and rows that do not."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Dirichlet, Gamma, Normal

from dgm_core.rng import (
    SameNoise,
    Streams,
    categorical,
    draw,
    generator,
    normal,
    standard_gamma,
    uniform,
)


@pytest.mark.parametrize("distribution", [normal, uniform])
def test_identical_rows_get_the_noise_of_a_single_row(distribution: object) -> None:
    alone = distribution((3, 4, 2), generator(0))
    together = distribution((3 * 5, 4, 2), SameNoise(generator(0), 5)).unflatten(0, (3, 5))
    assert torch.equal(together, alone[:, None].expand(3, 5, 4, 2))


def test_several_draws_for_identical_rows() -> None:
    distribution = Normal(torch.zeros(5, 2), torch.ones(5, 2))
    drawn = draw(distribution, SameNoise(generator(0), 5), 7)
    assert drawn.shape == (7, 5, 2)
    assert torch.equal(drawn, drawn[:, :1].expand(7, 5, 2))
    assert len(drawn[:, 0, 0].unique()) == 7
    by_row = draw(distribution, Streams.from_seeds(range(5)), 7)
    assert len(by_row.unique()) == by_row.numel()


def test_rows_come_in_whole_blocks() -> None:
    with pytest.raises(ValueError, match="multiple of 4 rows, got 6"):
        normal((6, 2), SameNoise(generator(0), 4))


DISTRIBUTIONS = {
    "gamma": Gamma(torch.tensor([0.3, 2.0]).double(), torch.tensor([1.0, 4.0]).double()),
    "Dirichlet": Dirichlet(torch.tensor([0.3, 1.0, 4.0]).double()),
    "batch of Dirichlets": Dirichlet(torch.tensor([[0.3, 1.0, 4.0], [1.0, 1.0, 1.0]]).double()),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_gammas_and_dirichlets_have_their_moments(name: str) -> None:
    distribution, n = DISTRIBUTIONS[name], 40_000
    drawn = draw(distribution, generator(0), n)
    assert drawn.shape == (n, *distribution.batch_shape, *distribution.event_shape)
    assert (
        (drawn.mean(0) - distribution.mean).abs() / (distribution.variance / n).sqrt()
    ).max() < 5
    torch.testing.assert_close(drawn.var(0), distribution.variance, rtol=0.1, atol=0)
    assert draw(distribution, generator(0)).shape == drawn.shape[1:]


def test_indices_come_in_proportion_to_their_weights_and_never_where_they_are_zero() -> None:
    weights = torch.tensor([[0.0, 3.0, 1.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    n = 40_000
    for drawn in (
        categorical(weights.expand(n, 2, 4), generator(0)),
        draw(Categorical(weights), generator(0), n),
    ):
        fractions = torch.stack([torch.bincount(of, minlength=4) / n for of in drawn.T])
        exact = weights / weights.sum(1, keepdim=True)
        error = (exact * (1 - exact) / n).sqrt()
        assert ((fractions - exact).abs() <= 5 * error).all()


@pytest.mark.parametrize(
    "distribution",
    [
        Gamma(torch.ones(3, 2), torch.ones(3, 2)),
        Dirichlet(torch.ones(3, 4)),
        Categorical(torch.ones(3, 50)),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
def test_rows_of_these_distributions_use_their_own_streams_or_the_same_noise(
    distribution: object,
) -> None:
    for draws in (None, 5):
        together = draw(distribution, Streams.from_seeds([1, 2, 3]), draws)
        again = draw(distribution, Streams.from_seeds([3, 2, 1]), draws)
        at = 0 if draws is None else 1
        assert torch.equal(together, again.flip(at))
        assert not torch.equal(together, together.flip(at))
        alike = draw(distribution, SameNoise(generator(0), 3), draws)
        assert torch.equal(alike, alike.flip(at))


def test_streams_fill_block_after_block_row_by_row() -> None:
    for distribution in (normal, uniform):
        blocks = distribution((6, 4), Streams.from_seeds([1, 2, 3])).unflatten(0, (2, 3))
        for row, seed in enumerate([1, 2, 3]):
            alone = distribution((2, 4), Streams.from_seeds([seed]))
            assert torch.equal(blocks[:, row], alone)
    gammas = standard_gamma(torch.full((4,), 2.0), Streams.from_seeds([1, 2]))
    assert torch.equal(gammas[::2], standard_gamma(torch.full((2,), 2.0), Streams.from_seeds([1])))
    assert len(gammas.unique()) == 4


def test_noise_of_a_row_depends_only_on_its_number() -> None:
    rows = normal((3, 5), Streams.of_rows(7, [10, 11, 10**9]))
    assert torch.equal(rows[1:2], normal((1, 5), Streams.of_rows(7, [11])))
    assert not torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[:1], normal((1, 5), Streams.of_rows(8, [10])))


def test_the_error_of_gamma_draws_names_the_expected_rows() -> None:
    with pytest.raises(ValueError, match="multiple of 2 rows, got 3"):
        standard_gamma(torch.ones(3), SameNoise(generator(0), 2))
    with pytest.raises(ValueError, match="multiple of 2 rows, one per stream, got 3"):
        standard_gamma(torch.ones(3), Streams.from_seeds([1, 2]))
