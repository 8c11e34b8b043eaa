"""The bilinear game: min over x, max over y of α x y.

Its only solution is (0, 0). Each method is linear, s_{k+1} = A s_k with s = (x, y), so the largest
modulus of the eigenvalues of A decides: above 1 the path spirals outwards, at 1 it circles, below
1 it spirals inwards. With the step size included in α:

    simultaneous   x' = x − α y,  y' = y + α x            λ = 1 ± iα,           |λ| = √(1 + α²)
    alternating    x' = x − α y,  y' = y + α x'           λ² − (2 − α²)λ + 1,   |λ| = 1 for α ≤ 2
    extragradient  uses the gradient one step ahead       λ = 1 − α² ± iα,      |λ|² = 1 − α² + α⁴
    optimistic     2 × gradient − previous gradient       4 eigenvalues, s = (x, y, previous x, y)

Near its solution, the game of a GAN's generator and critic can look like this one (Mescheder,
Geiger & Nowozin 2018; extragradient: Korpelevich 1976; optimistic: Daskalakis et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
"""The field of descent in x and ascent in y for x y: (x, y) → (−y, x)."""


def simultaneous(alpha: float) -> np.ndarray:
    """A (2, 2): x and y step at the same time."""
    return np.eye(2) + alpha * TURN


def alternating(alpha: float) -> np.ndarray:
    """A (2, 2): first x steps, then y."""
    first = np.array([[1.0, -alpha], [0.0, 1.0]])
    second = np.array([[1.0, 0.0], [alpha, 1.0]])
    return second @ first


def extragradient(alpha: float) -> np.ndarray:
    """A (2, 2): the gradient is taken at the point where a simultaneous step would lead."""
    return np.eye(2) + alpha * TURN @ simultaneous(alpha)


def optimistic(alpha: float) -> np.ndarray:
    """A (4, 4) for (x, y, previous x, previous y): the change of the gradient is extrapolated."""
    above = np.hstack([np.eye(2) + 2 * alpha * TURN, -alpha * TURN])
    return np.vstack([above, np.hstack([np.eye(2), np.zeros((2, 2))])])


METHODS = {
    "simultaneous": simultaneous,
    "alternating": alternating,
    "extragradient": extragradient,
    "optimistic": optimistic,
}
"""Name → α → A."""


@dataclass(frozen=True)
class Config:
    """Everything that determines a path.

    Args:
        method: a key of `METHODS`.
        alpha: α, step size times the strength of the game.
        steps: K.
        start: the first position; "optimistic" uses it as the previous position too.

    Raises:
        ValueError: an unknown method, α not in (0, 3], no steps or more than 10,000.
    """

    method: str = "simultaneous"
    alpha: float = 0.2
    steps: int = 60
    start: tuple[float, float] = (1.0, 0.0)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise ValueError(f"expected a method among {known}, got {self.method!r}")
        if not 0 < self.alpha <= 3:
            raise ValueError(f"expected a step size above 0 and up to 3, got {self.alpha}")
        if not 1 <= self.steps <= 10_000:
            raise ValueError(f"expected from 1 to 10,000 steps, got {self.steps}")


class Result(NamedTuple):
    """A path, its matrix and its eigenvalues."""

    path: np.ndarray  # (K + 1, 2) x and y
    matrix: np.ndarray  # A, (2, 2) or (4, 4)
    eigenvalues: np.ndarray  # complex, (2,) or (4,), the largest modulus first
    modulus: float  # the largest: the asymptotic growth of the distance per step


def run(config: Config) -> Result:
    """The path of a method."""
    matrix = METHODS[config.method](config.alpha)
    eigenvalues = np.linalg.eigvals(matrix).astype(complex)
    eigenvalues = eigenvalues[np.argsort(-abs(eigenvalues), kind="stable")]
    state = np.tile(config.start, len(matrix) // 2)
    path = [state[:2]]
    for _ in range(config.steps):
        state = matrix @ state
        path.append(state[:2])
    return Result(np.array(path), matrix, eigenvalues, float(abs(eigenvalues[0])))
