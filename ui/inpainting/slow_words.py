"""What happens in an iteration, a sentence a stage, in plain words and its own numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

from dgm_core.studies.inpainting.slow_motion import Moment

LEVEL = 0.05
"""Nats that are shown as 0.0."""
RARE = -3.0
"""Nats from which on a way back is hardly ever proposed: one time in twenty."""
SMALL, SMALLEST = 1e-3, 1e-12
"""Probabilities below are written as one in so many; or not at all."""


class Odds(NamedTuple):
    """A chance of acceptance, and the die that was cast against it, as text."""

    chance: str
    die: str | None


def nats(value: float) -> str:
    """Signed, with the minus of print."""
    text = f"{value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def odds(log_ratio: float, log_u: float) -> Odds:
    """min(1, ρ) and u, with so many decimals that it is seen which is the larger."""
    chance = math.exp(min(log_ratio, 0.0))
    if not math.isfinite(log_u):
        return Odds(_probability(chance, 2), None)
    die = math.exp(log_u)
    for decimals in range(2, 9):
        texts = Odds(_probability(chance, decimals), f"{die:.{decimals}f}")
        if texts.chance != texts.die and (float(texts.die) or not die):
            break
    return texts


def _probability(value: float, decimals: int) -> str:
    if value >= SMALL:
        while value < 1 and float(f"{value:.{decimals}f}") in (0.0, 1.0) and decimals < 9:
            decimals += 1
        return "1" if value >= 1 else f"{value:.{decimals}f}"
    if value < SMALLEST:
        return "less than 1 in 10¹²"
    return f"1 in {float(f'{1 / value:.1e}'):,.0f}"


def sentences(moment: Moment, chain: int, sampler: str) -> list[str]:
    """One a stage: now, propose, weigh, decide, redraw."""
    return [
        _now(moment, chain),
        _propose(moment),
        _weigh(moment),
        _decide(moment, sampler),
        _redraw(moment),
    ]


def _now(moment: Moment, chain: int) -> str:
    where = f"Chain {chain} before iteration {moment.number}"
    fit = f"Together, log p(x, z) = {nats(moment.now.joint)} nats."
    if moment.number == 1:
        return f"{where}: the hidden pixels are starting values, z the encoder's draw. {fit}"
    return f"{where}: the hidden pixels of x were drawn from this z, and speak for it. {fit}"


def _propose(moment: Moment) -> str:
    flips = int(((moment.mean > 0.5) != (moment.mean_new > 0.5)).sum())
    return (
        f"The encoder looks at x alone and draws z′, which would paint {_count(flips, 'pixel')} "
        "the other way. In standard deviations from the centre of q(z | x): z′ "
        f"{moment.proposed.distance:.1f}, z {moment.now.distance:.1f}; its draws lie at about "
        f"{math.sqrt(len(moment.z)):.1f}."
    )


def _weigh(moment: Moment) -> str:
    return f"{_pairs(moment)}. Sum: log ρ = {nats(moment.log_ratio)}."


def _pairs(moment: Moment) -> str:
    """The two differences, in a clause."""
    fit, back = moment.fit, moment.way_back
    joint = "but" if fit * back < 0 and min(abs(fit), abs(back)) >= LEVEL else "and"
    loss = moment.proposed.hidden - moment.now.hidden
    why = ""
    if fit <= -1 and loss <= fit / 2 and moment.number > 1:
        why = f" (hidden pixels alone {nats(loss)}: they were drawn at z)"
    return f"z′ explains the picture {_better(fit)}{why}, {joint} {_back(back)}"


def _better(fit: float) -> str:
    if abs(fit) < LEVEL:
        return "as well as z"
    return f"{abs(fit):.1f} nats {'better' if fit > 0 else 'worse'}"


def _back(back: float) -> str:
    if abs(back) < LEVEL:
        return "the encoder would as often propose the way back"
    if back > 0:
        how = "would propose the way back more often"
    elif back > RARE:
        how = "would propose the way back less often"
    else:
        how = "would hardly ever propose the way back"
    return f"the encoder {how}: {nats(back)} nats"


def _decide(moment: Moment, sampler: str) -> str:
    chance, die = odds(moment.log_ratio, moment.log_u)
    if not moment.asked:
        if sampler == "pseudo-Gibbs":
            unasked = "Pseudo-Gibbs never asks: z′ becomes z. Metropolis would have accepted"
        else:
            unasked = (
                "Warm-up: here Metropolis runs as pseudo-Gibbs and does not ask: z′ becomes z. "
                "It would have accepted"
            )
        return f"{unasked} with probability {chance}."
    if moment.log_ratio >= 0:
        so = f"So ρ is at least 1 and no die can stop it; it says {die}"
    else:
        so = f"So it is accepted with probability {chance}. The die says {die}"
    end = "accepted, z′ becomes z" if moment.accepted else "rejected, the chain stays at z"
    return f"{_pairs(moment)}. {so}: {end}."


def _redraw(moment: Moment) -> str:
    changed = _count(int((moment.x != moment.x_new).sum()), "pixel")
    which = "the new z" if moment.accepted else "the old z, for a rejection redraws them too"
    return f"The hidden pixels are drawn anew from {which}: {changed} changed."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
