"""Sentences about the results of a study, from its rows, paired by image."""

from __future__ import annotations

from collections.abc import Sequence

from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS, Row
from ui.inpainting.methods import SHORT_NAMES
from ui.percent import percent

CLEAR = 2.0
"""A difference is called clear if it exceeds this number of its standard errors."""
PSEUDO, METROPOLIS = SAMPLERS


def sentences(sweep: str, rows: Sequence[Row], length: int, pixels: str = "hidden") -> str:
    """Two or three sentences in Markdown; "" if there is nothing to compare.

    Args:
        sweep: the setting that is varied.
        rows: results measured together, of one data set.
        length: number of iterations of the results; the sweep "iterations" uses all of them.
        pixels: "hidden" or "all", the pixels that F1 counts.
    """
    if not rows:
        return ""
    return SENTENCES[sweep](rows, length, pixels)


def _missing(rows: Sequence[Row], length: int, pixels: str) -> str:
    pairs = _pairs(rows)
    leads = {a.setting: b.f1_difference(a, length, length, pixels) for a, b in pairs}
    if not leads:
        return ""
    found = []
    for name, sign in (("Metropolis", 1), ("Pseudo-Gibbs", -1)):
        ahead = {key: lead for key, lead in leads.items() if sign * lead[0] > CLEAR * lead[1]}
        if ahead:
            largest = max(ahead, key=lambda key: abs(ahead[key][0]))
            by = _difference(*ahead[largest], absolute=True)
            where = f" (most at {largest}, by {by})" if len(ahead) > 1 else f" (by {by})"
            found.append(f"**{name} is ahead** at {_listed(list(ahead))}{where}.")
    ties = len(leads) - sum(abs(lead) > CLEAR * error for lead, error in leads.values())
    if ties == len(leads):
        return "The two samplers differ by less than two standard errors at every setting."
    if ties:
        settings = "setting" if ties == 1 else "settings"
        found.append(
            f"At the other {ties} {settings} they differ by less than two standard errors."
        )
    most = max((b for _, b in pairs), key=lambda row: row.stuck[row.lengths.index(length)])
    fraction = most.stuck[most.lengths.index(length)]
    if fraction:
        found.append(
            f"The most Metropolis chains are stuck at {most.setting}: {percent(fraction)}."
        )
    return " ".join(found)


def _initialisation(rows: Sequence[Row], length: int, pixels: str) -> str:
    found = []
    for sampler in SAMPLERS:
        own = [row for row in rows if row.sampler == sampler]
        if len(own) < 2:
            continue
        best = max(own, key=lambda row: row.f1(length, pixels=pixels)[0])
        behind = [row for row in own if row is not best and _clear(best, row, length, pixels)]
        if not behind:
            found.append(
                f"With {SHORT_NAMES[sampler]}, no initialisation is clearly behind the best."
            )
            continue
        worst = min(behind, key=lambda row: row.f1(length, pixels=pixels)[0])
        by = _difference(*best.f1_difference(worst, length, length, pixels), absolute=True)
        names = _listed([row.setting for row in behind])
        are = "is" if len(behind) == 1 else "are"
        found.append(
            f"**{_capital(SHORT_NAMES[sampler])} still depends on its initialisation**: {names} "
            f"{are} behind {best.setting} by more than two standard errors ({worst.setting} by "
            f"{by})."
        )
    return " ".join(found)


def _warmup(rows: Sequence[Row], length: int, pixels: str) -> str:
    none = next((row for row in rows if row.warmup == 0), None)
    others = [row for row in rows if row.warmup > 0]
    if none is None or not others:
        return ""
    leads = {row.setting: row.f1_difference(none, length, length, pixels) for row in others}
    better = [key for key, lead in leads.items() if lead[0] > CLEAR * lead[1]]
    worse = [key for key, lead in leads.items() if lead[0] < -CLEAR * lead[1]]
    if not better and not worse:
        return "No warm-up is clearly better or worse than none."
    found = []
    for keys, comparison in ((better, "better"), (worse, "worse")):
        if keys:
            largest = max(keys, key=lambda key: abs(leads[key][0]))
            by = _difference(*leads[largest], absolute=True)
            found.append(
                f"**Clearly {comparison} than no warm-up**: {_listed(keys)} iterations "
                f"({largest} by {by})."
            )
    return " ".join(found)


def _iterations(rows: Sequence[Row], length: int, pixels: str) -> str:
    found = []
    for row in rows:
        if len(row.lengths) < 2:
            continue
        before = row.lengths[-2]
        gain, error = row.f1_difference(row, None, before, pixels)
        name = SHORT_NAMES[row.sampler]
        span = f"from {before:,} to {row.iterations:,} iterations"
        by = _difference(gain, error)
        if abs(gain) > CLEAR * error:
            change = "still rises" if gain > 0 else "falls"
            found.append(f"**The F1 of {name} {change}** {span}: {by}.")
        else:
            found.append(f"The F1 of {name} does not clearly change {span}: {by}.")
    for low, high in _pairs(rows):
        lead, error = high.f1_difference(low, pixels=pixels)
        if abs(lead) > CLEAR * error:
            name = SHORT_NAMES[METROPOLIS if lead > 0 else PSEUDO]
            by = _difference(lead, error, absolute=True)
            found.append(f"**At the end, {name} is ahead** by {by}.")
        else:
            found.append("At the end, neither sampler is clearly ahead.")
    return " ".join(found)


SENTENCES = {
    "missing rate": _missing,
    "initialisation": _initialisation,
    "warm-up": _warmup,
    "iterations": _iterations,
}


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The rows of pseudo-Gibbs and of Metropolis at each setting that has both."""
    by_key = {(row.setting, row.sampler): row for row in rows}
    names = dict.fromkeys(row.setting for row in rows)
    return [
        (by_key[name, PSEUDO], by_key[name, METROPOLIS])
        for name in names
        if (name, PSEUDO) in by_key and (name, METROPOLIS) in by_key
    ]


def _clear(row: Row, other: Row, length: int, pixels: str) -> bool:
    lead, error = row.f1_difference(other, length, length, pixels)
    return abs(lead) > CLEAR * error


def _difference(value: float, error: float, *, absolute: bool = False) -> str:
    text = f"{abs(value):.3f}" if absolute else f"{value:+.3f}".replace("-", "−")
    return f"{text}\u00a0±\u00a0{error:.3f}"


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
