"""Incomplete data is validated, and hidden values cannot be read."""

import pytest
import torch

from dgm_core.types import Masked


def test_hidden_entries_are_set_to_zero() -> None:
    x = torch.tensor([[1.0, torch.nan, torch.inf, 2.0]])
    observed = torch.tensor([[True, False, False, False]])
    assert Masked(x, observed).x.tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_invalid_data_is_refused_at_construction() -> None:
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"expected observed of shape \(2, 3\), got \(3,\)"):
        Masked(x, torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="dtype bool"):
        Masked(x, torch.ones(2, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        Masked(x.fill_(torch.nan), torch.ones(2, 3, dtype=torch.bool))


def test_complete_keeps_observed_entries_and_takes_the_others_from_the_fill() -> None:
    x, observed = torch.randn(50, 7), torch.rand(50, 7) < 0.5
    fill = torch.randn(50, 7)
    assert torch.equal(Masked(x, observed).complete(fill), torch.where(observed, x, fill))


def test_repeat_puts_the_chains_of_a_row_side_by_side() -> None:
    masked = Masked(torch.arange(3.0)[:, None], torch.ones(3, 1, dtype=torch.bool))
    assert masked.repeat(2).x[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert masked[1:2].x.tolist() == [[1.0]]
    assert len(masked) == 3


def test_tile_puts_all_rows_after_all_rows() -> None:
    masked = Masked(torch.arange(6.0).reshape(3, 2), torch.rand(3, 2) < 0.5)
    tiled = masked.tile(2)
    assert torch.equal(tiled.x, torch.cat([masked.x, masked.x]))
    assert torch.equal(tiled.observed, torch.cat([masked.observed, masked.observed]))
