"""Find the clear ones among several differences; the error of a mean over overlapping splits.

A difference is called clear if chance alone does not explain it. Among m comparisons of equals,
one exceeds two standard errors with probability 1 − .954^m: .58 for m = 18. Holm's (1979) rule
keeps the probability that *any* tie is called a difference below a level, for every m: in the
order of their p-values, p₍₁₎ ≤ p₍₂₎ ≤ …, differences are clear as long as

    p₍ᵢ₎ ≤ level / (m − i + 1).

With one comparison and a normal error this is the rule of 1.96 standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.special import stdtr

LEVEL = 0.05
"""Largest probability that any difference of a family is called clear although all are ties."""

RULE = (
    "Differences that chance alone can explain, given how many are compared, count as ties "
    "(Holm's rule, 5 %)."
)
"""`clear` for readers."""

Key = TypeVar("Key")


class Difference(NamedTuple):
    """An estimated difference."""

    value: float
    error: float  # its standard error
    df: float = math.inf  # degrees of freedom of the error

    @property
    def p(self) -> float:
        """Two-sided p-value of "no difference", by Student's t; 1 if the error is unknown."""
        if math.isnan(self.value) or math.isnan(self.error) or self.value == 0:
            return 1.0
        if self.error == 0:
            return 0.0
        t = -abs(self.value) / self.error
        if math.isinf(self.df):
            return math.erfc(-t / math.sqrt(2))
        return float(2 * stdtr(self.df, t))


def paired(values: Sequence[float], others: Sequence[float]) -> Difference:
    """Mean of `values` − `others`, pair by pair; its error has one degree of freedom less than n.

    Raises:
        ValueError: the lengths differ, or there are fewer than two pairs.

    >>> paired([0.3, 0.5], [0.1, 0.1])
    Difference(value=0.3, error=0.1, df=1)
    """
    if len(values) != len(others) or len(values) < 2:
        raise ValueError(f"expected pairs, at least 2, got {len(values)} and {len(others)}")
    each = np.subtract(values, others)
    error = each.std(ddof=1) / math.sqrt(len(each))
    return Difference(float(each.mean()), float(error), len(each) - 1)


def clear(differences: Mapping[Key, Difference], level: float = LEVEL) -> list[Key]:
    """Keys of the clear differences by Holm's rule, in the given order.

    Args:
        differences: all that are read together; the more they are, the wider each must be.
        level: largest probability of an error.
    """
    return holm({key: difference.p for key, difference in differences.items()}, level)


def holm(p_values: Mapping[Key, float], level: float = LEVEL) -> list[Key]:
    """Keys of the p-values that Holm's rule calls clear, in the given order.

    >>> holm({"a": 0.03, "b": 0.001, "c": 0.2})
    ['b']
    """
    found = set()
    ordered = sorted(p_values, key=lambda key: p_values[key])
    for rank, key in enumerate(ordered):
        if p_values[key] > level / (len(ordered) - rank):
            break
        found.add(key)
    return [key for key in p_values if key in found]


def error_over_splits(values: Sequence[float] | np.ndarray, test_to_train: float) -> float:
    """Standard error of a mean over J random splits of the same rows.

        √( s² (1/J + n_test / n_train) )

    s² is the variance over splits (J − 1 degrees of freedom). The splits share rows, so their
    scores are correlated and s²/J is too small (Nadeau & Bengio 2003).

    Args:
        values: one score, or one paired difference, for each split.
        test_to_train: n_test / n_train.

    Raises:
        ValueError: fewer than two splits.
    """
    if len(values) < 2:
        raise ValueError(f"expected at least 2 splits, got {len(values)}")
    return math.sqrt(np.var(values, ddof=1) * (1 / len(values) + test_to_train))
