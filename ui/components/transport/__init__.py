"""Component: the distribution of one missing value, and a point estimate that the visitor drags.

A point estimate a is the Dirac mass δ_a. Moving a distribution P to it costs

    W1(P, δ_a) = Σ α_k |x_k − a|        smallest at the median
    W2(P, δ_a) = √Σ α_k (x_k − a)²      smallest at the mean

for the weighted sample P = Σ α_k δ(x_k). Imputing the median or the mean projects P onto the Dirac
masses. The browser computes both sums directly, at every a.

The browser owns a. Python replaces it only when `rev` changes (another cell, a link); it stays at
any other rerun. After a drag, a key or a glide to a minimum the browser sends a as the state
`point`. Any other message, or one with another `rev`, is ignored. Streamlit forgets the state of a
component that was not on screen, so the caller stores the last point and passes it in again:

    point = transport("alcohol", sample, title="Alcohol", unit="SD", at=saved.point, rev=cell)
    if point is not None:
        saved.point = point
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from ui.components import inline_component

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements", "numbers"),
    *("curves", "weighted_sample", "sliding_point"),
)


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution on the line: a weighted sample, its density, and two summaries.

    Args:
        values: x_k, (K,).
        weights: α_k ≥ 0, (K,), up to a common factor.
        mean, median: of the distribution. The costs are smallest at the mean and median of the
            sample, which differ from these by the Monte-Carlo error if the x_k are draws.
        true_value: the true value, if it is known.
        low, high: the range shown, and that of a.
        grid: increasing, (G,).
        density: on `grid`, (G,).

    Raises:
        ValueError: shapes differ, a number is not finite, or no weight is positive.
    """

    values: np.ndarray
    weights: np.ndarray
    mean: float
    median: float
    true_value: float | None
    low: float
    high: float
    grid: np.ndarray
    density: np.ndarray

    def __post_init__(self) -> None:
        for one, other in (("values", "weights"), ("grid", "density")):
            shapes = getattr(self, one).shape, getattr(self, other).shape
            if len(shapes[0]) != 1 or shapes[0] != shapes[1] or shapes[0] == (0,):
                raise ValueError(f"expected {one} and {other} of one length, got {shapes}")
        numbers = [self.mean, self.median, self.low, self.high]
        numbers += [] if self.true_value is None else [self.true_value]
        for each in (self.values, self.weights, self.grid, self.density, np.array(numbers)):
            if not np.isfinite(each).all():
                raise ValueError("expected finite numbers in the distribution")
        if self.weights.min() < 0 or self.weights.max() == 0 or self.density.min() < 0:
            raise ValueError("expected weights and densities ≥ 0, and a weight above 0")
        if not self.low < self.high:
            raise ValueError(f"expected low < high, got {self.low} and {self.high}")


def transport(
    key: str,
    distribution: Distribution,
    *,
    title: str,
    unit: str = "",
    decimals: int = 2,
    at: float | None = None,
    rev: int | str = 0,
    on_change: Callable[[], None] | None = None,
) -> float | None:
    """Show the distribution and the cost of moving it to a; return the a chosen since `rev`.

    Args:
        key: Streamlit key, unique on the page.
        distribution: what is shown; it may change while a stays.
        title: heading.
        unit: of the values.
        decimals: of every number shown.
        at: a, when the component appears or `rev` changes; clipped to the range. None: the mean.
        rev: a new value sets the point in the browser to `at`.
        on_change: called before the rerun that a move starts.

    Returns:
        a in [distribution.low, distribution.high]; None if it was not moved since `rev`.

    Raises:
        ValueError: `at` is not finite.
    """
    if at is not None and not math.isfinite(at):
        raise ValueError(f"expected a finite point, got {at}")
    # The state may be one move ahead of the caller: a remount shows the value to be returned.
    state = st.session_state.get(key)
    point = parse(state.get("point"), distribution, rev) if isinstance(state, Mapping) else None
    low, high = float(distribution.low), float(distribution.high)
    start, true_value = distribution.mean if at is None else at, distribution.true_value
    _COMPONENT(
        key=key,
        data={
            "values": _packed(distribution.values),
            "weights": _packed(distribution.weights / distribution.weights.sum()),
            "grid": _packed(distribution.grid),
            "density": _packed(distribution.density),
            "mean": float(distribution.mean),
            "median": float(distribution.median),
            "trueValue": None if true_value is None else float(true_value),
            "low": low,
            "high": high,
            "at": float(np.clip(start if point is None else point, low, high)),
            "rev": rev,
            "title": title,
            "unit": unit,
            "decimals": decimals,
        },
        on_point_change=on_change or (lambda: None),
    )
    return point


def parse(message: object, distribution: Distribution, rev: int | str) -> float | None:
    """The point in a message of the browser, or None for any other message. Never raises."""
    if not isinstance(message, Mapping):
        return None
    sent, at = message.get("rev"), message.get("at")
    if type(sent) is not type(rev) or sent != rev:  # True is not 1 here
        return None
    if (
        type(at) not in (int, float) or not distribution.low <= at <= distribution.high
    ):  # NaN fails
        return None
    return float(at)


def _packed(numbers: np.ndarray) -> str:
    """Numbers in double precision, as base64."""
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode("ascii")
