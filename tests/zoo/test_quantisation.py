"""One byte per weight: errors of at most half a step, and only one rounding."""

from __future__ import annotations

import pytest
import torch

from dgm_core.rng import generator
from dgm_core.zoo.quantisation import pack, unpack


def weights() -> dict[str, torch.Tensor]:
    kernel = torch.randn(16, 40, 3, 3, generator=generator(0))
    kernel[3] *= 100  # a row with its own scale
    kernel[5] = 0
    bias = torch.randn(5000, generator=generator(1))
    return {"kernel": kernel, "bias": bias, "own.scale": torch.linspace(0, 1, 7)}


def test_every_weight_is_within_half_a_step_of_its_row() -> None:
    before, after = weights(), unpack(pack(weights()))
    assert set(after) == set(before)
    error = (after["kernel"] - before["kernel"]).abs().flatten(1).amax(1)
    step = before["kernel"].flatten(1).abs().amax(1) / 127
    assert (error <= 0.5 * step * 1.07).all()  # the scale itself is in half precision
    assert (after["kernel"][5] == 0).all()
    torch.testing.assert_close(after["bias"].float(), before["bias"], atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(after["own.scale"].float(), before["own.scale"], atol=1e-3, rtol=0)


def test_it_takes_half_the_space_of_half_precision() -> None:
    packed = pack({"kernel": weights()["kernel"]})
    size = sum(each.nbytes for each in packed.values())
    assert size == pytest.approx(weights()["kernel"].numel(), rel=0.01)


def test_packing_what_was_unpacked_changes_nothing() -> None:
    once = pack(weights())
    twice = pack(unpack(once))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_whole_numbers_without_their_scales_are_refused() -> None:
    packed = pack(weights())
    del packed["kernel.scale"]
    with pytest.raises(KeyError, match=r"kernel\.scale"):
        unpack(packed)
