"""Do trainings that started from different guesses say the same of why values are missing?

Each says of every column that loses values whether high ones go missing, low ones, or neither.
Where they differ only the bound can choose between them: for rows n, trainings a and b,

    gap = mean_n (L_n^a − L_n^b),   error = sd_n (L_n^a − L_n^b) / √N,

and a gap below two errors decides nothing: the error is of other rows from the same law, and of
other draws. Nor does a gap no wider than the one between the best two trainings that say the
same: so much is due to the training alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.missing.base import NEGLIGIBLE


class Verdict(NamedTuple):
    """What R trainings say together of C columns."""

    high: tuple[int, ...]  # (C,) trainings that say high values go missing
    low: tuple[int, ...]  # (C,) or low ones; the rest sees no dependence
    restarts: int  # R
    best: tuple[int, ...]  # (C,) +1, −1 or 0: what the training of highest bound says
    alike: int  # trainings that say of every column what the best says
    uniform: bool  # does each training say the same of all columns?
    gap: float  # nats a row, from the best bound to the best that says otherwise; NaN: none does
    gap_error: float  # its standard error
    spread: float  # nats a row, between the best two that say the same; 0: no two do
    right: bool | None  # is `best` the truth? None: the truth is of another kind

    @property
    def agree(self) -> bool:
        """Do all trainings say the same?"""
        return self.alike == self.restarts

    @property
    def decisive(self) -> bool:
        """Is the gap wider than two standard errors, and than the spread?"""
        return self.gap > max(2 * self.gap_error, self.spread)


def directions(curves: Tensor) -> Tensor:
    """What curves P(missing | value) (…, values) say: +1 = high values go missing, −1 = low ones.

    0 where the ends differ by no more than `NEGLIGIBLE`.
    """
    rise = curves[..., -1] - curves[..., 0]
    return torch.where(rise.abs() > NEGLIGIBLE, rise.sign(), 0).long()


def verdict(signs: Tensor, bounds: Tensor, truth: float | None = None) -> Verdict:
    """Compare trainings.

    Args:
        signs: (R, C), from `directions`.
        bounds: (R, N), nats of each row.
        truth: +1 if high values of every column were removed, −1 if low ones; None = neither.
    """
    mean = bounds.mean(1)
    best = int(mean.argmax())
    alike = (signs == signs[best]).all(1)
    gap = error = torch.nan
    if not alike.all():
        others = bounds[~alike]
        paired = (bounds[best] - others[mean[~alike].argmax()]).double()
        gap, error = paired.mean().item(), paired.std().item() / len(paired) ** 0.5
    return Verdict(
        tuple((signs > 0).sum(0).tolist()),
        tuple((signs < 0).sum(0).tolist()),
        len(signs),
        tuple(signs[best].tolist()),
        int(alike.sum()),
        bool((signs == signs[:, :1]).all()),
        gap,
        error,
        _spread(signs, mean),
        None if truth is None else bool((signs[best] == truth).all()),
    )


def _spread(signs: Tensor, mean: Tensor) -> float:
    """The widest distance between the best two bounds of one opinion."""
    opinions = defaultdict(list)
    for said, bound in zip(signs.tolist(), mean.tolist(), strict=True):
        opinions[tuple(said)].append(bound)
    best = [sorted(each)[-2:] for each in opinions.values()]
    return max(each[-1] - each[0] for each in best)


# --- in words ---------------------------------------------------------------------------------

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def sentence(found: Verdict, names: Sequence[str]) -> str:
    """A verdict in plain words.

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
        everyone = "Both" if found.restarts == 2 else f"All {_word(found.restarts)}"
        return f"{everyone} trainings say that {_claim(found, names)}.{right}"
    votes = _votes(found, names)
    votes = votes[0].upper() + votes[1:]
    gap = f"{found.gap:.2f} ± {found.gap_error:.2f} nats a row"
    if not found.decisive:
        unsure = ""
        if found.gap > 2 * found.gap_error:
            unsure = f", and those of two that say the same by {found.spread:.2f}"
        return f"{votes}; their best bounds differ by {gap}{unsure}: these data cannot tell."
    return (
        f"{votes}; the bound of the best is {gap} above that of any other opinion, and it says "
        f"that {_claim(found, names)}.{right}"
    )


def _votes(found: Verdict, names: Sequence[str]) -> str:
    """How many say what; of several columns with opinions of their own, which are disputed."""
    trainings = f"{_word(found.restarts)} trainings"
    if not found.uniform:
        each = zip(found.high, found.low, names, strict=True)
        disputed = [
            name
            for high, low, name in each
            if found.restarts not in (high, low, found.restarts - high - low)
        ]
        return f"the {trainings} disagree about {_listed(disputed)}"
    high, low = found.high[0], found.low[0]
    said = []
    for count, values in ((high, "high values"), (low, "low values")):
        if count and not said:
            verb = "says" if count == 1 else "say"
            said.append(f"{_word(count)} of {trainings} {verb} that {values} go missing")
        elif count:
            said.append(f"{_word(count)} that low ones do")
    if neither := found.restarts - high - low:
        verb = "sees" if neither == 1 else "see"
        said.append(f"{_word(neither)} {verb} no dependence")
    return ", ".join(said)


def _claim(found: Verdict, names: Sequence[str]) -> str:
    """What the best training says."""
    claims = []
    for sign, words in ((1, "high values {}go missing"), (-1, "low values {}go missing")):
        of = [name for name, each in zip(names, found.best, strict=True) if each == sign]
        if of:
            everywhere = len(of) == len(names) > 1
            claims.append(words.format("" if everywhere else f"of {_listed(of)} "))
    rest = [name for name, each in zip(names, found.best, strict=True) if each == 0]
    if rest:
        verb = "goes" if len(rest) == 1 else "go"
        claims.append(f"{_listed(rest)} {verb} missing whatever the value")
    return " and ".join(claims)


def _listed(names: Sequence[str], most: int = 3) -> str:
    """A, B and C; or A, B, C and 12 others."""
    shown = (
        list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} others"]
    )
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _word(count: int) -> str:
    return WORDS[count] if count < len(WORDS) else str(count)
