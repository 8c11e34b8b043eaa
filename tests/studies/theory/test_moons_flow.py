"""A flow of two moons is learned, drawn, saved and loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dgm_core.checkout import ASSETS
from dgm_core.studies.theory import moons_flow
from dgm_core.studies.theory.moons_flow import AXIS, Config

SHORT = Config(couplings=4, hidden=16, steps=60, every=25, learning_rate=1e-2)
SHIPPED = ASSETS / "moons_flow.npz"


def test_training_raises_the_likelihood_and_repeats() -> None:
    first, *_, last = moons_flow.run(SHORT)
    assert (first.step, first.done, last.step, last.done) == (0, 0, 60, 1)
    assert last.log_p > first.log_p + 0.3
    *_, again = moons_flow.run(SHORT)
    assert again.log_p == last.log_p
    one, other = first.flow.state_dict(), last.flow.state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)  # frames are copies


def test_a_portrait_of_the_identity_is_a_straight_grid() -> None:
    found = moons_flow.portrait(moons_flow.build(SHORT))
    assert np.ptp(found.lines[0, :, 0]) == 0  # vertical
    assert np.ptp(found.lines[-1, :, 1]) == 0
    assert (found.log_det == 0).all()
    cell = float(AXIS[1] - AXIS[0]) ** 2
    assert found.density.sum() * cell == pytest.approx(0.9949**2, abs=2e-3)  # within ±2.8
    row, column = np.unravel_index(found.density.argmax(), found.density.shape)
    assert row == column == len(AXIS) // 2


def test_a_saved_flow_is_loaded(tmp_path: Path) -> None:
    *_, last = moons_flow.run(SHORT)
    moons_flow.save(last.flow, tmp_path / "flow.npz")
    loaded = moons_flow.load(tmp_path / "flow.npz", SHORT)
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loaded.log_prob(x), last.flow.log_prob(x), rtol=0.02, atol=0.05)
    with pytest.raises(ValueError, match="holds no such flow"):
        moons_flow.load(tmp_path / "flow.npz", Config(couplings=2))
    with pytest.raises(ValueError, match="holds no such flow"):
        moons_flow.load(tmp_path / "nothing.npz")


def test_the_shipped_flow_has_learned_the_moons() -> None:
    flow = moons_flow.load(SHIPPED)
    x = moons_flow.Moons().sample(4000, torch.Generator().manual_seed(9))
    assert flow.log_prob(x).mean() > -1.05
    found = moons_flow.portrait(flow)
    assert found.density.sum() * float(AXIS[1] - AXIS[0]) ** 2 == pytest.approx(1, abs=0.02)
