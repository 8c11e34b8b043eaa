"""Distances of a moved Gaussian against closed forms, differences, and the plane's integrals."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dgm_core.data.pairs import Pair
from dgm_core.data.plane import Mixture
from dgm_core.distances.divergences import DIVERGENCES
from dgm_core.studies.distances.shifted_gaussian import between, sweep

THETAS = torch.linspace(0, 2, 21, dtype=torch.float64)
WIDTH = 0.4


CLOSED_FORMS = {
    "hellinger": lambda t: 2 * (1 - torch.exp(-(t**2) / 8)),
    "total variation": lambda t: torch.erf(t / 2 / math.sqrt(2)),
    "kullback-leibler": lambda t: t**2 / 2,
    "wasserstein": lambda t: WIDTH * t,
}
"""Distance → its closed form as a function of θ in standard deviations."""


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_distances_and_slopes_are_the_closed_forms(name: str) -> None:
    thetas = THETAS.clone().requires_grad_()
    expected = CLOSED_FORMS[name](thetas / WIDTH)
    (slope,) = torch.autograd.grad(expected.sum(), thetas)
    # The trapezoid rule converges more slowly at a kink, as total variation has one.
    kink = name == "total variation"
    tolerance = {"rtol": 0, "atol": 1e-3} if kink else {"rtol": 1e-9, "atol": 1e-11}
    found = sweep(name, THETAS, WIDTH)
    torch.testing.assert_close(found.distance, expected.detach(), **tolerance)
    # At θ = 0 the slope of total variation jumps.
    torch.testing.assert_close(found.slope[1:], slope[1:], **tolerance)


def test_the_slope_of_jensen_shannon_is_its_difference() -> None:
    thetas, step = THETAS[1:], 1e-4
    ahead, behind = (between("jensen-shannon", thetas + s, WIDTH) for s in (step, -step))
    found = sweep("jensen-shannon", thetas, WIDTH).slope
    torch.testing.assert_close(found, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in DIVERGENCES if name != "wasserstein"])
def test_in_the_plane_a_second_dimension_changes_nothing(name: str) -> None:
    distribution = Mixture(((0.0, 0.0),), WIDTH)
    in_the_plane = Pair(distribution, distribution).true_value(DIVERGENCES[name], 0.6)
    on_the_line = between(name, torch.tensor([0.6]), WIDTH).item()
    assert on_the_line == pytest.approx(in_the_plane, rel=2e-3)


def test_without_overlap_only_wasserstein_has_a_slope() -> None:
    far: dict[str, Tensor] = {n: sweep(n, torch.tensor([2.0]), 0.1).slope for n in DIVERGENCES}
    assert far["wasserstein"].item() == 1
    for name in ("jensen-shannon", "hellinger", "total variation"):
        assert abs(far[name].item()) < 1e-12
        full = sweep(name, torch.tensor([2.0]), 0.1).distance.item()
        assert full == pytest.approx(DIVERGENCES[name].most, rel=1e-9)


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a divergence among wasserstein"):
        sweep("other", THETAS, 1.0)
    for thetas, width in ((THETAS, 0.0), (-THETAS, 1.0)):
        with pytest.raises(ValueError, match="positive width and θ ≥ 0"):
            sweep("hellinger", thetas, width)
