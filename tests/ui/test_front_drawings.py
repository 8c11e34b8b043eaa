"""The drawings of the front page are correct."""

from __future__ import annotations

import numpy as np
import pytest

from ui.distances import front as distances
from ui.theory import front as theory


def test_wasserstein_grows_and_hellinger_jumps() -> None:
    thetas, true_values, found = distances.st_sweep()["wasserstein"]
    np.testing.assert_allclose(true_values, thetas, atol=1e-6)
    np.testing.assert_allclose(found, true_values, atol=0.06)
    _, true_values, found = distances.st_sweep()["hellinger"]
    assert true_values[0] == 0
    np.testing.assert_allclose(true_values[1:], distances.MOST)
    np.testing.assert_allclose(found, true_values, atol=0.01)


def test_the_mean_of_the_observed_values_is_too_low() -> None:
    values, seen = theory.points()
    assert 0 < (~seen).sum() < len(values) / 2
    assert values[~seen].mean() > values[seen].mean() + 1
    assert values[seen].mean() < values.mean() - 0.2


@pytest.mark.parametrize("room", [distances, theory])
def test_nothing_is_drawn_outside(room: object) -> None:
    drawn = "".join(room.drawing())
    for name, most in (("cx", room.WIDTH), ("cy", room.HEIGHT)):
        places = [float(each.split('"')[0]) for each in drawn.split(f'{name}="')[1:]]
        assert places
        assert 0 < min(places) <= max(places) < most
