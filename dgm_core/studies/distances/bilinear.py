"""The smallest game that goes round in circles: min over x, max over y of α x y.

Its one solution is (0, 0). Each method is linear, s_{k+1} = A s_k with s = (x, y), so its
eigenvalues say all: modulus above 1 spirals outwards, 1 circles, below 1 spirals inwards. With
the step size in α:

    simultaneous   x' = x − α y,  y' = y + α x            λ = 1 ± iα,           |λ| = √(1 + α²)
    alternating    x' = x − α y,  y' = y + α x'           λ² − (2 − α²)λ + 1,   |λ| = 1 for α ≤ 2
    extragradient  the step is the gradient after one     λ = 1 − α² ± iα,      |λ|² = 1 − α² + α⁴
    optimistic     2 × this gradient − the last one       4 eigenvalues, s = (x, y, last x, last y)

A GAN's generator and critic play a game like that near its solution (Mescheder, Geiger & Nowozin
2018; extragradient: Korpelevich 1976; optimistic: Daskalakis et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
"""The gradient field of x y, down in x and up in y: (x, y) → (−y, x)."""


def simultaneous(alpha: float) -> np.ndarray:
    """A (2, 2): both step at once."""
    return np.eye(2) + alpha * TURN


def alternating(alpha: float) -> np.ndarray:
    """A (2, 2): y answers to where x has gone."""
    first = np.array([[1.0, -alpha], [0.0, 1.0]])
    second = np.array([[1.0, 0.0], [alpha, 1.0]])
    return second @ first


def extragradient(alpha: float) -> np.ndarray:
    """A (2, 2): look where a step would lead, and take the gradient from there."""
    return np.eye(2) + alpha * TURN @ simultaneous(alpha)


def optimistic(alpha: float) -> np.ndarray:
    """A (4, 4) of (x, y, last x, last y): expect the gradient to change as it just did."""
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
        start: where it begins; "optimistic" takes it for its last position, too.

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
    """A path and why it goes that way."""

    path: np.ndarray  # (K + 1, 2) x and y
    matrix: np.ndarray  # A, (2, 2) or (4, 4)
    eigenvalues: np.ndarray  # complex, (2,) or (4,), the largest modulus first
    modulus: float  # the largest: each step moves it that many times as far from the solution


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
