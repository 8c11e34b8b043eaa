"""Systematic resampling and thinning: unbiased, with the expected variance."""

from __future__ import annotations

import torch

from dgm_core.rng import generator
from dgm_core.samplers.resampling import systematic, thin


def test_each_item_is_chosen_its_expected_number_of_times() -> None:
    weights = torch.tensor([0.5, 0.0, 0.03, 0.3, 0.17, 0.0], dtype=torch.float64)
    expected = 7 * weights.expand(20_000, -1)
    chosen = systematic(expected, 7, generator(0))
    counts = torch.stack([row.bincount(minlength=6) for row in chosen]).double()
    # Within one of the expectation always; a count is floor + Bernoulli(fraction).
    assert ((counts - expected).abs() < 1).all()
    error = counts.std(0) / 20_000**0.5
    assert ((counts.mean(0) - 7 * weights).abs() <= 5 * error + 1e-12).all()


def test_an_item_without_weight_is_never_chosen_even_at_the_edge() -> None:
    """Weights that sum to slightly less than one, by rounding, followed by zeros."""
    weights = torch.full((1, 12), 0.1, dtype=torch.float64)
    weights[:, 10:] = 0
    for short in (0.0, 1e-9):
        chosen = systematic(((1 - short) * 1000 * weights).expand(500, -1), 1000, generator(0))
        assert chosen.max() == 9


def test_thinned_weights_have_the_expectation_of_the_original_ones() -> None:
    log_w = 1.5 * torch.randn(1, 60, generator=generator(0), dtype=torch.float64)
    w = log_w.exp()[0]
    chosen, new = thin(log_w.expand(20_000, -1), 20, generator(1))
    weights = torch.zeros(20_000, 60).double().scatter(1, chosen, new.exp())
    assert all(len(row.unique()) == 20 for row in chosen[:100])
    # Present with probability w / c, with weight c: the variance is w (c − w).
    c = new.exp().min()
    error = (w * (c - w).clamp_min(0) / 20_000).sqrt()
    assert ((weights.mean(0) - w).abs() <= 5 * error + 1e-9 * w).all()
    # Large weights are always kept unchanged.
    large = w > c * (1 + 1e-9)
    assert 0 < large.sum() < 20
    assert torch.allclose(weights[:, large], w[large])


def test_equal_weights_thin_to_equal_weights() -> None:
    chosen, new = thin(torch.zeros(3, 100), 25, generator(0))
    torch.testing.assert_close(new, torch.full((3, 25), 4.0).double().log())
    assert (chosen.sort(1).values.diff() > 0).all()
