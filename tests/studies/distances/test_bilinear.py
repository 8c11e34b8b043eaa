"""Each method as a matrix against its rule written out, and its eigenvalues in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dgm_core.studies.distances.bilinear import METHODS, Config, Result, run

ALPHA = 0.3


Rule = Callable[[float, float, float, float], tuple[float, float]]

RULES: dict[str, Rule] = {
    "simultaneous": lambda x, y, u, v: (x - ALPHA * y, y + ALPHA * x),
    "alternating": lambda x, y, u, v: (x - ALPHA * y, y + ALPHA * (x - ALPHA * y)),
    "extragradient": lambda x, y, u, v: (
        x - ALPHA * (y + ALPHA * x),
        y + ALPHA * (x - ALPHA * y),
    ),
    "optimistic": lambda x, y, u, v: (x - ALPHA * (2 * y - v), y + ALPHA * (2 * x - u)),
}
"""Each step as it is written in words: of x, y, and what they were before, u, v."""


def by_rule(method: str, steps: int) -> np.ndarray:
    path = [(1.0, 0.5)] * 2
    for _ in range(steps):
        path.append(RULES[method](*path[-1], *path[-2]))
    return np.array(path[1:])


def result(method: str, alpha: float = ALPHA, steps: int = 60) -> Result:
    return run(Config(method, alpha, steps, (1.0, 0.5)))


@pytest.mark.parametrize("method", METHODS)
def test_the_matrix_equals_the_rule(method: str) -> None:
    np.testing.assert_allclose(result(method, steps=30).path, by_rule(method, 30), rtol=1e-10)


@pytest.mark.parametrize(
    ("method", "modulus"),
    [
        ("simultaneous", lambda a: np.sqrt(1 + a**2)),
        ("alternating", lambda a: 1.0),
        ("extragradient", lambda a: np.sqrt(1 - a**2 + a**4)),
    ],
)
@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 1.9])
def test_eigenvalues_are_the_closed_form(
    method: str, modulus: Callable[[float], float], alpha: float
) -> None:
    found = result(method, alpha)
    assert found.modulus == pytest.approx(modulus(alpha))
    assert found.eigenvalues[0] == pytest.approx(found.eigenvalues[1].conjugate())


def test_simultaneous_eigenvalues_are_one_plus_and_minus_i_alpha() -> None:
    assert set(np.round(result("simultaneous").eigenvalues, 12)) == {1 + 0.3j, 1 - 0.3j}


def test_each_method_behaves_as_known() -> None:
    far = {name: np.linalg.norm(result(name, steps=200).path[-1]) for name in METHODS}
    assert far["simultaneous"] > 1e3
    assert 0.5 < far["alternating"] < 2
    assert far["extragradient"] < 1e-3
    assert far["optimistic"] < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_steps_grow_by_the_modulus(method: str) -> None:
    found = result(method, steps=400)
    far = np.linalg.norm(found.path, axis=1)
    each = (far[400] / far[200]) ** (1 / 200)
    assert each == pytest.approx(found.modulus, rel=5e-3)
    assert found.path.shape == (401, 2)


def test_optimistic_descent_diverges_with_long_steps() -> None:
    assert result("optimistic", 0.5).modulus < 1 < result("optimistic", 0.7).modulus
    assert result("alternating", 2.1).modulus > 1


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a method among simultaneous"):
        Config("other")
    with pytest.raises(ValueError, match="step size above 0"):
        Config(alpha=0)
    with pytest.raises(ValueError, match=r"1 to 10,000 steps"):
        Config(steps=0)
