"""Clipped images: bright entries are hidden by one fixed mask per split."""

from __future__ import annotations

import pytest
import torch

from dgm_core import data
from dgm_core.missing.clipped import clipped, clipped_split
from dgm_core.missing.processes import Clipping
from dgm_core.rng import generator


def test_entries_go_missing_independently_with_their_probability() -> None:
    levels = torch.tensor([0.3, 0.7, 0.75, 0.8, 1.0])
    x = levels.view(1, 1, 1, 5).expand(2000, 3, 4, 5)
    masked = clipped(x, generator(0))
    assert masked.observed.shape == x.shape
    assert not masked.x[~masked.observed].any()
    expected = torch.sigmoid(-50 * (levels - 0.75))
    fraction = masked.observed.float().mean((0, 1, 2))
    error = (expected * (1 - expected) / 24_000).sqrt()
    assert ((fraction - expected).abs() <= 5 * error).all()
    channels = masked.observed[..., 2].float()  # entries are hidden independently: no whole pixels
    both = (channels[:, 0] * channels[:, 1]).mean().item()
    assert both == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 8000) ** 0.5)


def test_another_process_hides_other_entries() -> None:
    x = torch.rand(5, 1, 8, 8, generator=generator(1))
    assert clipped(x, generator(0), Clipping(0.5, 1e5)).observed.equal(x <= 0.5)
    assert clipped(x, generator(0), Clipping(0.5, 1e5, "low")).observed.equal(x >= 0.5)


def test_a_split_is_clipped_the_same_way_every_time() -> None:
    first, again = (clipped_split("digits", "valid") for _ in range(2))
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.observed, again.observed)
    original = data.load("digits", "valid").x
    assert torch.equal(first.x, torch.where(first.observed, original, 0))
    assert len(clipped_split("digits", "train", 7)) == 7
