"""Sentences about the diagnostics of parallel chains, the most important first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ui.percent import percent

CONVERGED, NEARLY = 1.01, 1.05
"""R-hat up to which the chains agree, and up to which they nearly agree."""
STUCK_AFTER = 50
"""Iterations without a move after which a chain is named."""
TOO_FEW, ENOUGH = 100, 400
"""Effective sample sizes: below the first, no conclusion is possible; from the second on, means
and R-hat can be trusted (400 is the recommendation of Vehtari et al. 2021)."""
LOW_ACCEPTANCE = 0.1
"""Fraction of accepted proposals that is called slow."""
MAX_SENTENCES = 3
"""For each sampler."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
QUANTITIES = ("log p(x, z)", "the amount of ink", "the height of the ink")
"""Names of the traces in `chain_records.TRACED`, in their order."""


class Diagnostics(NamedTuple):
    """Diagnostics of the chains of one sampler.

    Args:
        iterations: since the warm-up.
        diagnosed: of these, how many R-hat and ESS were computed from.
        rhat: for each traced quantity, in the order of `QUANTITIES`; NaN = not available.
        ess: the same.
        acceptance: fraction of the last proposals that were accepted, over all chains.
        unmoved: for each chain, iterations since it last moved.
        always_accepts: whether the sampler accepts every proposal by construction.
    """

    iterations: int
    diagnosed: int
    rhat: Sequence[float]
    ess: Sequence[float]
    acceptance: float
    unmoved: Sequence[int]
    always_accepts: bool


def sentences(diagnostics: Diagnostics) -> list[str]:
    """At most `MAX_SENTENCES`, the most important first."""
    if diagnostics.iterations <= 0:
        return ["Still warming up: no diagnostics yet."]
    ranked = [
        _stuck_chains(diagnostics),
        _agreement(diagnostics),
        _sample_size(diagnostics),
        _acceptance(diagnostics),
    ]
    if _finite(diagnostics.rhat):
        ranked.sort(key=lambda pair: -pair[0])
    found = [text for weight, text in ranked if weight > 0]
    return found[:MAX_SENTENCES]


Ranked = tuple[int, str]
"""Importance and sentence."""
NOTHING: Ranked = (0, "")


def _stuck_chains(diagnostics: Diagnostics) -> Ranked:
    """Chains that have not moved for a long time."""
    unmoved = diagnostics.unmoved
    stuck = [(chain, count) for chain, count in enumerate(unmoved, 1) if count >= STUCK_AFTER]
    if not stuck:
        return NOTHING
    if len(stuck) == 1:
        [(chain, count)] = stuck
        if count >= diagnostics.iterations:
            return 9, f"Chain {chain} has not moved since the warm-up, {count} iterations ago."
        return 9, f"Chain {chain} has not moved for {count} iterations."
    least = min(count for _, count in stuck)
    if len(stuck) <= 3:
        subject = f"Chains {_listed([str(chain) for chain, _ in stuck])}"
    else:
        subject = f"{_number(len(stuck)).capitalize()} of {_number(len(unmoved))} chains"
    return 9, f"{subject} have not moved for {least} iterations or more."


def _agreement(diagnostics: Diagnostics) -> Ranked:
    """Do the chains agree with one another?"""
    known = _finite(diagnostics.rhat)
    if not known:
        return 5, "R-hat is not available yet: the chains are too short, or they are constant."
    worst = max(known)
    value = f"R-hat is {_rhat_text(worst)}"
    where = f"largest for {QUANTITIES[list(diagnostics.rhat).index(worst)]}"
    if len(diagnostics.unmoved) == 1:
        if worst > NEARLY:
            return 8, f"The two halves of the chain differ: {value}, {where}."
        return 6, f"One chain cannot show whether other chains would agree ({value})."
    chains = f"The {_number(len(diagnostics.unmoved))} chains"
    if worst > NEARLY:
        return 8, f"{chains} do not agree yet: {value}, {where}."
    if worst > CONVERGED:
        return 6, f"{chains} nearly agree: {value}, and at most {CONVERGED} is recommended."
    return 4, f"{chains} agree: {value}."


def _sample_size(diagnostics: Diagnostics) -> Ranked:
    """The effective sample size, and what it is enough for."""
    known = _finite(diagnostics.ess)
    if not known:
        return NOTHING
    worst, total = min(known), diagnostics.diagnosed * len(diagnostics.unmoved)
    size = f"{worst:.0f}" if worst < 10 else f"{round(worst, -1 if worst >= 100 else 0):.0f}"
    start = f"The {total:,} draws have an effective sample size of about {size}"
    if worst < TOO_FEW:
        return 7, f"{start}: too few for any conclusion."
    if worst < ENOUGH:
        return 3, f"{start}: the means are still rough."
    return 2, f"{start}: enough for means."


def _acceptance(diagnostics: Diagnostics) -> Ranked:
    """How often the chains move."""
    if diagnostics.always_accepts:
        return 6, "Every proposal is accepted, so the acceptance rate says nothing about the bias."
    rate = diagnostics.acceptance
    if math.isnan(rate):
        return NOTHING
    fraction = percent(rate) if rate >= 0.01 else f"Less than {percent(0.01)}"
    if rate < LOW_ACCEPTANCE:
        return 5, f"{fraction} of the last proposals were accepted: the chains move slowly."
    return 1, f"{fraction} of the last proposals were accepted."


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _rhat_text(rhat: float) -> str:
    return (
        f"{rhat:.3f}" if rhat < CONVERGED + 0.01 else f"{rhat:.2f}" if rhat < 10 else f"{rhat:.0f}"
    )


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _listed(words: Sequence[str]) -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
