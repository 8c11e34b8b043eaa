"""What happens in an iteration of a sampler: one sentence for each stage, with its numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

from dgm_core.studies.inpainting.slow_motion import Moment

ROUNDS_TO_ZERO = 0.05
"""Nats below which a difference is shown as 0.0."""
MUCH_LESS = -3.0
"""Log proposal ratio in nats below which the reverse move is called much less likely: a factor
of twenty."""
SMALL, SMALLEST = 1e-3, 1e-12
"""Probabilities below the first are written as "1 in …", below the second without a number."""


class Odds(NamedTuple):
    """A probability of acceptance and the uniform random draw compared with it, as text."""

    probability: str
    draw: str | None  # None where the proposal is accepted without a test


def nats(value: float) -> str:
    """A signed number with one decimal and a typographic minus."""
    text = f"{value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def odds(log_ratio: float, log_u: float) -> Odds:
    """min(1, ρ) and u, with enough decimals to show which is larger."""
    probability = math.exp(min(log_ratio, 0.0))
    if not math.isfinite(log_u):
        return Odds(_probability(probability, 2), None)
    draw = math.exp(log_u)
    for decimals in range(2, 9):
        texts = Odds(_probability(probability, decimals), f"{draw:.{decimals}f}")
        if texts.probability != texts.draw and (float(texts.draw) or not draw):
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
    """One sentence or more for each stage: now, propose, weigh, decide, redraw."""
    return [
        _now(moment, chain),
        _propose(moment),
        f"{_comparison(moment)}. Sum: log ρ = {nats(moment.log_ratio)}.",
        _decide(moment, sampler),
        _redraw(moment),
    ]


def _now(moment: Moment, chain: int) -> str:
    where = f"Chain {chain} before iteration {moment.number}"
    joint = f"Together, log p(x, z) = {nats(moment.now.joint)} nats."
    if moment.number == 1:
        return (
            f"{where}: the hidden pixels have their initial values, and the encoder has drawn z. "
            f"{joint}"
        )
    return f"{where}: the hidden pixels of x were drawn given this z, so they fit it. {joint}"


def _propose(moment: Moment) -> str:
    flips = int(((moment.mean > 0.5) != (moment.mean_new > 0.5)).sum())
    changed = "no pixel" if flips == 0 else _count(flips, "pixel")
    return (
        "The encoder sees only x and proposes z′. Rounded to black and white, its mean image "
        f"differs from that of z in {changed}. Distance from the mean of q(z | x), in standard "
        f"deviations: z′ {moment.proposed.distance:.1f}, z {moment.now.distance:.1f}, a typical "
        f"draw {math.sqrt(len(moment.z)):.1f}."
    )


def _comparison(moment: Moment) -> str:
    """How much better z′ fits, and how likely the reverse move is, in one sentence."""
    fit, reverse = moment.joint_difference, moment.proposal_difference
    opposed = fit * reverse < 0 and min(abs(fit), abs(reverse)) >= ROUNDS_TO_ZERO
    loss = moment.proposed.hidden - moment.now.hidden
    reason = ""
    if fit <= -1 and loss <= fit / 2 and moment.number > 1:
        reason = f" (hidden pixels alone {nats(loss)}: they were drawn given z)"
    link = "but" if opposed else "and"
    return f"z′ fits the image {_fit(fit)}{reason}, {link} {_reverse(reverse)}"


def _fit(fit: float) -> str:
    if abs(fit) < ROUNDS_TO_ZERO:
        return "as well as z"
    return f"{abs(fit):.1f} nats {'better' if fit > 0 else 'worse'}"


def _reverse(reverse: float) -> str:
    """The proposal ratio log q(z | x) − log q(z′ | x) in words."""
    if abs(reverse) < ROUNDS_TO_ZERO:
        return "the encoder is as likely to propose the reverse move"
    if reverse > 0:
        how = "more likely"
    elif reverse > MUCH_LESS:
        how = "less likely"
    else:
        how = "much less likely"
    return f"the encoder is {how} to propose the reverse move: {nats(reverse)} nats"


def _decide(moment: Moment, sampler: str) -> str:
    probability, draw = odds(moment.log_ratio, moment.log_u)
    if not moment.uses_ratio:
        if sampler == "pseudo-Gibbs":
            start = "Pseudo-Gibbs accepts every proposal: z′ becomes z. Metropolis"
        else:
            start = (
                "During the warm-up, Metropolis runs as pseudo-Gibbs and accepts every proposal: "
                "z′ becomes z. After the warm-up it"
            )
        return f"{start} would have accepted this one with probability {probability}."
    if moment.log_ratio >= 0:
        decision = f"ρ is at least 1, so any random draw accepts z′. Random draw: {draw}"
    else:
        decision = f"z′ is accepted with probability {probability}. Random draw: {draw}"
    end = "Accepted: z′ becomes z" if moment.accepted else "Rejected: the chain stays at z"
    return f"{_comparison(moment)}. {decision}. {end}."


def _redraw(moment: Moment) -> str:
    changed = _count(int((moment.x != moment.x_new).sum()), "pixel")
    given = "the new z" if moment.accepted else "the old z, because a rejection redraws them too"
    return f"The hidden pixels are drawn again given {given}: {changed} changed."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
