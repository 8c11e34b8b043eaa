"""Agreement of several trainings, started from different guesses, on why values are missing.

For every column with missing values, each training finds that high values go missing, or low ones,
or neither. If the trainings disagree, only the bound can choose between them: for rows n and
trainings a and b,

    gap = mean_n (L_n^a − L_n^b),   error = sd_n (L_n^a − L_n^b) / √N.

A gap below two errors is not decisive: other rows of the same distribution, or other draws, could
reverse it. Neither is a gap that does not exceed the gap between the best two trainings with the
same finding: training noise alone explains that much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.missing.base import NEGLIGIBLE


class Verdict(NamedTuple):
    """Findings of R trainings for C columns: +1: high values go missing, −1: low, 0: neither."""

    high: tuple[int, ...]  # (C,) number of trainings that find +1
    low: tuple[int, ...]  # (C,) number of trainings that find −1; the rest find 0
    restarts: int  # R
    best: tuple[int, ...]  # (C,) finding of the training with the highest bound
    agreeing: int  # number of trainings with the same finding as the best one
    uniform: bool  # does each training find the same for all columns?
    gap: float  # nats per row, best bound minus best bound of another finding; NaN: all agree
    gap_error: float  # its standard error
    spread: float  # nats per row, between the best two of the same finding; 0: no two agree
    right: bool | None  # is `best` the true direction? None: there is no true direction

    @property
    def agree(self) -> bool:
        """Do all trainings find the same?"""
        return self.agreeing == self.restarts

    @property
    def decisive(self) -> bool:
        """Is the gap wider than two standard errors, and than the spread?"""
        return self.gap > max(2 * self.gap_error, self.spread)


def directions(curves: Tensor) -> Tensor:
    """Directions of curves P(missing | value) (…, values): +1 = high values go missing, −1 = low.

    0 if both ends differ by at most `NEGLIGIBLE`.
    """
    rise = curves[..., -1] - curves[..., 0]
    return torch.where(rise.abs() > NEGLIGIBLE, rise.sign(), 0).long()


def verdict(signs: Tensor, bounds: Tensor, true_sign: float | None = None) -> Verdict:
    """Compare trainings.

    Args:
        signs: (R, C), from `directions`.
        bounds: (R, N), nats for each row.
        true_sign: +1 if high values of every column were removed, −1 if low ones; None = neither.
    """
    mean = bounds.mean(1)
    best = int(mean.argmax())
    agreeing = (signs == signs[best]).all(1)
    gap = error = torch.nan
    if not agreeing.all():
        others = bounds[~agreeing]
        paired = (bounds[best] - others[mean[~agreeing].argmax()]).double()
        gap, error = paired.mean().item(), paired.std().item() / len(paired) ** 0.5
    return Verdict(
        tuple((signs > 0).sum(0).tolist()),
        tuple((signs < 0).sum(0).tolist()),
        len(signs),
        tuple(signs[best].tolist()),
        int(agreeing.sum()),
        bool((signs == signs[:, :1]).all()),
        gap,
        error,
        _spread(signs, mean),
        None if true_sign is None else bool((signs[best] == true_sign).all()),
    )


def _spread(signs: Tensor, mean: Tensor) -> float:
    """The largest difference between the best two bounds of trainings with the same finding."""
    bounds_of = defaultdict(list)
    for finding, bound in zip(signs.tolist(), mean.tolist(), strict=True):
        bounds_of[tuple(finding)].append(bound)
    best = [sorted(bounds)[-2:] for bounds in bounds_of.values()]
    return max(bounds[-1] - bounds[0] for bounds in best)


# --- as sentences ------------------------------------------------------------------------------

NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def sentence(found: Verdict, names: Sequence[str]) -> str:
    """A verdict as sentences.

    Args:
        found: by `verdict`.
        names: of its columns, (C,).
    """
    right = {
        None: "",
        True: " That is how values were removed.",
        False: " That is not how values were removed.",
    }[found.right]
    if found.agree:
        all_trainings = "Both" if found.restarts == 2 else f"All {_numeral(found.restarts)}"
        return f"{all_trainings} trainings find that {_finding(found, names)}.{right}"
    counts = _counts(found, names)
    counts = counts[0].upper() + counts[1:]
    gap = f"{found.gap:.2f} ± {found.gap_error:.2f} nats per row"
    if found.decisive:
        return (
            f"{counts}. The best bound is {gap} higher than that of any other finding. That "
            f"training finds that {_finding(found, names)}.{right}"
        )
    noise = ""
    if found.gap > 2 * found.gap_error:
        noise = f" Bounds of trainings that agree differ by {found.spread:.2f}."
    return (
        f"{counts}. The best bounds of the different findings differ by {gap}.{noise} These data "
        "cannot decide between them."
    )


def _counts(found: Verdict, names: Sequence[str]) -> str:
    """How many trainings find what; if findings differ by column, the columns in dispute."""
    trainings = f"{_numeral(found.restarts)} trainings"
    if not found.uniform:
        each = zip(found.high, found.low, names, strict=True)
        disputed = [
            name
            for high, low, name in each
            if found.restarts not in (high, low, found.restarts - high - low)
        ]
        return f"the {trainings} disagree about {_listed(disputed)}"
    high, low = found.high[0], found.low[0]
    parts = []
    for count, values in ((high, "high values"), (low, "low values")):
        if count and not parts:
            verb = "finds" if count == 1 else "find"
            parts.append(f"{_numeral(count)} of {trainings} {verb} that {values} go missing")
        elif count:
            parts.append(f"{_numeral(count)} that low values do")
    if neither := found.restarts - high - low:
        verb = "finds" if neither == 1 else "find"
        parts.append(f"{_numeral(neither)} {verb} no dependence")
    return ", ".join(parts)


def _finding(found: Verdict, names: Sequence[str]) -> str:
    """The finding of the training with the highest bound, as a clause."""
    clauses = []
    for sign, values in ((1, "high"), (-1, "low")):
        columns = [name for name, each in zip(names, found.best, strict=True) if each == sign]
        if columns:
            all_columns = len(columns) == len(names) > 1
            of = "" if all_columns else f" of {_listed(columns)}"
            clauses.append(f"{values} values{of} go missing")
    rest = [name for name, each in zip(names, found.best, strict=True) if each == 0]
    if rest:
        clauses.append(f"missingness of {_listed(rest)} does not depend on the value")
    return " and ".join(clauses)


def _listed(names: Sequence[str], most: int = 3) -> str:
    """A, B and C; or A, B, C and 12 others."""
    shown = (
        list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} others"]
    )
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _numeral(count: int) -> str:
    return NUMERALS[count] if count < len(NUMERALS) else str(count)
