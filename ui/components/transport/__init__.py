"""The conditional law of one missing entry, transported to a point that the visitor drags.

A point estimate a is the Dirac mass δ_a, and moving all of a law there costs

    W1(law, δ_a) = Σ α_k |x_k − a|        smallest where a is the median
    W2(law, δ_a) = √Σ α_k (x_k − a)²      smallest where a is the mean

for the weighted sample Σ α_k δ(x_k): to impute by the median or the mean is to project the law
onto the Dirac masses. The browser computes both sums as they stand, at every a.

The browser owns a. Python says where it is wanted by another `rev` (another entry, a link); at
any other rerun it stays. When a drag, a key or a glide to a minimum ends, the browser sends a as
the state `point`; what is not exactly of that form, or belongs to another `rev`, is ignored.
Streamlit forgets the state of a component that was not on screen, so the caller keeps the last
point elsewhere and hands it in again:

    point = transport("alcohol", law, title="Alcohol", unit="SD", at=saved.point, rev=entry)
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
class Law:
    """A law on the line: a weighted sample of it, its density, and what is said of it.

    Args:
        values: x_k, (K,).
        weights: α_k ≥ 0, (K,), up to a common factor.
        mean, median: of the law; those of the sample are the minimisers, so where the law is a
            mixture of which the x_k were drawn, the two differ by the Monte-Carlo error.
        truth: the value that was hidden, where it is known.
        low, high: the range shown, and that of a.
        grid: increasing, (G,).
        density: of the law on `grid`, (G,).

    Raises:
        ValueError: the arrays do not fit, a number is not finite, or no weight is positive.
    """

    values: np.ndarray
    weights: np.ndarray
    mean: float
    median: float
    truth: float | None
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
        numbers += [] if self.truth is None else [self.truth]
        for each in (self.values, self.weights, self.grid, self.density, np.array(numbers)):
            if not np.isfinite(each).all():
                raise ValueError("expected a law of finite numbers")
        if self.weights.min() < 0 or self.weights.max() == 0 or self.density.min() < 0:
            raise ValueError("expected weights and a density that are positive")
        if not self.low < self.high:
            raise ValueError(f"expected low < high, got {self.low} and {self.high}")


def transport(
    key: str,
    law: Law,
    *,
    title: str,
    unit: str = "",
    decimals: int = 2,
    at: float | None = None,
    rev: int | str = 0,
    on_change: Callable[[], None] | None = None,
) -> float | None:
    """Show the law and what it costs to move it to a; return the a chosen since `rev`.

    Args:
        key: Streamlit key, one for each on screen.
        law: whose entry; it may change while a stays.
        title: what the values are of.
        unit: of the values.
        decimals: shown of every number.
        at: a, when the component appears or `rev` changes; moved into the range. None: the mean.
        rev: another value puts the point in the browser at `at`.
        on_change: called before the rerun that a move starts.

    Returns:
        a in [law.low, law.high], None if it was not moved since `rev`.

    Raises:
        ValueError: `at` is not finite.
    """
    if at is not None and not math.isfinite(at):
        raise ValueError(f"expected a finite point, got {at}")
    # The state may be one move ahead of the caller: a remount shows what will be returned.
    state = st.session_state.get(key)
    point = parse(state.get("point"), law, rev) if isinstance(state, Mapping) else None
    wanted = law.mean if at is None else at
    _COMPONENT(
        key=key,
        data={
            "values": _packed(law.values),
            "weights": _packed(law.weights / law.weights.sum()),
            "grid": _packed(law.grid),
            "density": _packed(law.density),
            "mean": float(law.mean),
            "median": float(law.median),
            "truth": None if law.truth is None else float(law.truth),
            "low": float(law.low),
            "high": float(law.high),
            "at": min(max(float(wanted if point is None else point), law.low), law.high),
            "rev": rev,
            "title": title,
            "unit": unit,
            "decimals": decimals,
        },
        on_point_change=on_change or (lambda: None),
    )
    return point


def parse(message: object, law: Law, rev: int | str) -> float | None:
    """What the browser sent → the point, or None for anything else. Never raises."""
    if not isinstance(message, Mapping):
        return None
    sent, at = message.get("rev"), message.get("at")
    if type(sent) is not type(rev) or sent != rev:  # True is not 1 here
        return None
    if type(at) not in (int, float) or not law.low <= at <= law.high:  # NaN fails
        return None
    return float(at)


def _packed(numbers: np.ndarray) -> str:
    """Double precision, as base64."""
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode("ascii")
