"""Noise by name: rows that share theirs, and rows that do not."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal

from dgm_core.rng import Alike, Streams, draw, generator, normal, uniform


@pytest.mark.parametrize("law", [normal, uniform])
def test_rows_that_are_alike_get_the_noise_of_a_single_one(law: object) -> None:
    alone = law((3, 4, 2), generator(0))
    together = law((3 * 5, 4, 2), Alike(generator(0), 5)).unflatten(0, (3, 5))
    assert torch.equal(together, alone[:, None].expand(3, 5, 4, 2))


def test_several_draws_for_rows_that_are_alike() -> None:
    law = Normal(torch.zeros(5, 2), torch.ones(5, 2))
    drawn = draw(law, Alike(generator(0), 5), 7)
    assert drawn.shape == (7, 5, 2)
    assert torch.equal(drawn, drawn[:, :1].expand(7, 5, 2))
    assert len(drawn[:, 0, 0].unique()) == 7
    by_row = draw(law, Streams.from_seeds(range(5)), 7)
    assert len(by_row.unique()) == by_row.numel()


def test_rows_come_in_whole_blocks() -> None:
    with pytest.raises(ValueError, match="multiple of 4 rows, got 6"):
        normal((6, 2), Alike(generator(0), 4))
