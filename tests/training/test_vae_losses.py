"""Losses of plain VAEs."""

from __future__ import annotations

import pytest
import torch

from dgm_core.bounds import iwae_bound, log_weights
from dgm_core.rng import generator
from dgm_core.training.losses import negative_elbo, negative_iwae_bound, negative_weighted_elbo
from tests.toys import LinearGaussian


def rows(count: int = 4000) -> torch.Tensor:
    return torch.randn(count, 5, generator=generator(0), dtype=torch.float64)


def test_with_weight_one_it_is_the_elbo_and_with_none_the_reconstruction() -> None:
    model, x = LinearGaussian(shift=0.2), rows(50)
    whole = negative_elbo(model, x, generator(1))
    weighted = [negative_weighted_elbo(weight)(model, x, generator(1)) for weight in (0, 0.3, 1)]
    torch.testing.assert_close(weighted[2], whole)
    torch.testing.assert_close(weighted[1], 0.7 * weighted[0] + 0.3 * weighted[2])
    divergence = weighted[2] - weighted[0]
    assert divergence > 0


@pytest.mark.parametrize("draws", [1, 5])
def test_the_importance_weighted_loss_is_minus_the_bound(draws: int) -> None:
    model, x = LinearGaussian(shift=0.2, stretch=1.3), rows()
    loss = negative_iwae_bound(draws)(model, x, generator(1))
    by_hand = iwae_bound(log_weights(model, x, draws, generator(1))).mean()
    torch.testing.assert_close(loss, -by_hand)
    if draws == 1:
        torch.testing.assert_close(loss, negative_elbo(model, x, generator(1)))


def test_more_draws_lower_the_loss() -> None:
    model, x = LinearGaussian(shift=0.4, stretch=1.5), rows()
    losses = [negative_iwae_bound(k)(model, x, generator(1)).item() for k in (1, 4, 16)]
    assert losses[0] > losses[1] + 0.1 > losses[2] + 0.1
