"""What the diagnostics of parallel chains say, in sentences, the most telling first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

MET, NEARLY = 1.01, 1.05
"""R-hat up to which chains have met, and nearly."""
STILL = 50
"""Iterations without a move after which a chain is named."""
FEW, ENOUGH = 100, 400
"""Effective draws below which nothing is settled, and above which means and R-hat can be trusted
(400 is what Vehtari et al. 2021 ask for)."""
LOW = 0.1
"""Share of accepted proposals that is called low."""
MOST = 3
"""Sentences a sampler."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
QUANTITIES = ("log p(x, z)", "the amount of ink", "the height of the ink")
"""What `TRACED` are called."""


class Standing(NamedTuple):
    """Where the chains of one sampler stand.

    Args:
        after: iterations since the warm-up.
        diagnosed: of these, how many R-hat and ESS are of.
        rhat: of each traced quantity, in the order of `QUANTITIES`; NaN = cannot be said.
        ess: the same.
        acceptance: share of the last proposals that was accepted, all chains.
        unmoved: of each chain, iterations since it last moved.
        always: is every proposal accepted by construction?
    """

    after: int
    diagnosed: int
    rhat: Sequence[float]
    ess: Sequence[float]
    acceptance: float
    unmoved: Sequence[int]
    always: bool


def sentences(at: Standing) -> list[str]:
    """At most `MOST`, the most telling first."""
    if at.after <= 0:
        return ["Still warming up: nothing can be said yet."]
    said = [_stuck(at), _meeting(at), _worth(at), _moves(at)]
    if _known(at.rhat):
        said.sort(key=lambda each: -each[0])
    found = [text for weight, text in said if weight > 0]
    return found[:MOST]


Weighted = tuple[int, str]
NOTHING: Weighted = (0, "")


def _stuck(at: Standing) -> Weighted:
    """Which chains have long stood still."""
    still = [(chain + 1, count) for chain, count in enumerate(at.unmoved) if count >= STILL]
    if not still:
        return NOTHING
    if len(still) == 1:
        [(chain, count)] = still
        if count >= at.after:
            return 9, f"Chain {chain} has not moved since the warm-up, {count} iterations ago."
        return 9, f"Chain {chain} has not moved for {count} iterations."
    least = min(count for _, count in still)
    if len(still) <= 3:
        who = _listed([str(chain) for chain, _ in still])
        return 9, f"Chains {who} have not moved for {least} iterations or more."
    share = f"{_number(len(still)).capitalize()} of {_number(len(at.unmoved))} chains"
    return 9, f"{share} have not moved for {least} iterations or more."


def _meeting(at: Standing) -> Weighted:
    """Do the chains agree with one another?"""
    known = _known(at.rhat)
    chains = _number(len(at.unmoved))
    if not known:
        return 5, "R-hat is not known yet: the chains are too short, or nothing in them changes."
    worst = max(known)
    value = f"R-hat is {_shown(worst)}"
    where = QUANTITIES[list(at.rhat).index(worst)]
    if len(at.unmoved) == 1:
        if worst > NEARLY:
            return 8, f"The two halves of this one chain differ: {value}, worst in {where}."
        return 6, f"One chain alone cannot tell whether others would agree ({value})."
    if worst > NEARLY:
        return 8, f"These {chains} chains have not met yet: {value}, worst in {where}."
    if worst > MET:
        return 6, f"These {chains} chains have nearly met: {value}, and {MET} is asked for."
    return 4, f"These {chains} chains agree: {value}."


def _worth(at: Standing) -> Weighted:
    """What the draws are worth."""
    known = _known(at.ess)
    if not known:
        return NOTHING
    worst, total = min(known), at.diagnosed * len(at.unmoved)
    about = f"{worst:.0f}" if worst < 10 else f"{round(worst, -1 if worst >= 100 else 0):.0f}"
    draws = f"{total:,} draws are worth about {about} independent ones"
    if worst < FEW:
        return 7, f"The {draws}: too few to settle anything."
    if worst < ENOUGH:
        return 3, f"The {draws}: means are rough still."
    return 2, f"The {draws}: enough for means."


def _moves(at: Standing) -> Weighted:
    """How readily they move."""
    if at.always:
        return 6, "Every proposal is accepted: that says nothing about being right."
    if math.isnan(at.acceptance):
        return NOTHING
    share = f"{100 * at.acceptance:.0f} %" if at.acceptance >= 0.01 else "less than 1 %"
    if at.acceptance < LOW:
        return 5, f"Of the last proposals {share} were accepted: the chains move slowly."
    return 1, f"Of the last proposals {share} were accepted."


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _shown(rhat: float) -> str:
    return f"{rhat:.3f}" if rhat < MET + 0.01 else f"{rhat:.2f}" if rhat < 10 else f"{rhat:.0f}"


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
