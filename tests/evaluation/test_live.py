"""The cost of rounded weights: nothing without rounding, little with 8 bits, much with 4."""

from __future__ import annotations

import pytest
import torch

from dgm_core import zoo
from dgm_core.evaluation import live
from dgm_core.live import weights

SMALL = {"images": 25, "draws": 5, "iterations": 10}


def coarse(bits: int) -> dict[str, torch.Tensor]:
    """The shipped weights, with this number of bits."""
    steps = 2 ** (bits - 1) - 1
    return {
        key: (value * steps / value.abs().max()).round() * value.abs().max() / steps
        for key, value in zoo.load("digits-dlvm").state_dict().items()
    }


@pytest.mark.parametrize(
    ("bits", "least", "most"), [(None, 0, 0), (8, 0, 1), (4, 5, float("inf"))]
)
def test_the_cost_grows_as_bits_are_removed(
    bits: int | None, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bits is None:
        monkeypatch.setattr(weights, "tensors", lambda _: zoo.load("digits-dlvm").state_dict())
    elif bits < 8:
        monkeypatch.setattr(weights, "tensors", lambda _: coarse(bits))
    found = live.cost("digits-dlvm", **SMALL)
    assert least <= abs(found.loss) <= most
    assert (found.same_decisions == 1) == (bits is None)
    assert (found.log_ratio_difference == 0) == (bits is None)
    assert found.log_ratio_difference <= most
    assert found.bytes < 2e6
