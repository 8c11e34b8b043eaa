"""What a study's numbers show, in words; from the rows, paired by image."""

from __future__ import annotations

from collections.abc import Sequence

from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS, Row

CLEAR = 2.0
"""Standard errors of a difference beyond which it is called one."""
PSEUDO, METROPOLIS = SAMPLERS


def shown(sweep: str, rows: Sequence[Row], length: int, pixels: str = "hidden") -> str:
    """Two or three sentences, in Markdown.

    Args:
        sweep: what is swept.
        rows: measured together, of one data set.
        length: iterations after which they are read off; of "iterations" all are.
        pixels: which count.
    """
    if not rows:
        return ""
    return WORDS[sweep](rows, length, pixels)


def _missing(rows: Sequence[Row], length: int, pixels: str) -> str:
    pairs = _pairs(rows)
    leads = {a.setting: b.ahead_of(a, length, length, pixels) for a, b in pairs}
    if not leads:
        return ""
    said = []
    for name, sign in (("Metropolis", 1), ("Pseudo-Gibbs", -1)):
        ahead = {key: lead for key, lead in leads.items() if sign * lead[0] > CLEAR * lead[1]}
        if ahead:
            most = max(ahead, key=lambda key: abs(ahead[key][0]))
            by = _difference(*ahead[most], absolute=True)
            where = f" (most at {most}, by {by})" if len(ahead) > 1 else f" (by {by})"
            said.append(f"**{name} is ahead** at {_listed(list(ahead))}{where}.")
    left = len(leads) - sum(abs(lead) > CLEAR * error for lead, error in leads.values())
    if left == len(leads):
        return "No setting tells the two samplers apart by more than two standard errors."
    if left:
        said.append(f"At the other {left} the two are within two standard errors of each other.")
    stuck = max((b for _, b in pairs), key=lambda row: row.stuck[row.lengths.index(length)])
    share = stuck.stuck[stuck.lengths.index(length)]
    if share:
        most = f"{100 * share:.0f}\u00a0%"
        said.append(f"{most} of the Metropolis chains are stuck at {stuck.setting}, the most.")
    return " ".join(said)


def _initialisation(rows: Sequence[Row], length: int, pixels: str) -> str:
    said = []
    for sampler in SAMPLERS:
        own = [row for row in rows if row.sampler == sampler]
        if len(own) < 2:
            continue
        best = max(own, key=lambda row: row.f1(length, pixels=pixels)[0])
        behind = [row for row in own if row is not best and _clear(best, row, length, pixels)]
        if not behind:
            short = "Metropolis" if sampler == METROPOLIS else "pseudo-Gibbs"
            said.append(f"With {short} no start is clearly behind the best.")
            continue
        worst = min(behind, key=lambda row: row.f1(length, pixels=pixels)[0])
        by = _difference(*best.ahead_of(worst, length, length, pixels), absolute=True)
        names = _listed([row.setting for row in behind])
        are = "is" if len(behind) == 1 else "are"
        said.append(
            f"**{_capital(sampler)} remembers its start**: {names} {are} behind "
            f"{best.setting} by more than two standard errors ({worst.setting} by {by})."
        )
    return " ".join(said)


def _warmup(rows: Sequence[Row], length: int, pixels: str) -> str:
    none = next((row for row in rows if row.warmup == 0), None)
    others = [row for row in rows if row.warmup > 0]
    if none is None or not others:
        return ""
    leads = {row.setting: row.ahead_of(none, length, length, pixels) for row in others}
    better = [key for key, lead in leads.items() if lead[0] > CLEAR * lead[1]]
    worse = [key for key, lead in leads.items() if lead[0] < -CLEAR * lead[1]]
    if not better and not worse:
        return "No warm-up is clearly better or worse than none."
    said = []
    for keys, word in ((better, "better"), (worse, "worse")):
        if keys:
            most = max(keys, key=lambda key: abs(leads[key][0]))
            by = _difference(*leads[most], absolute=True)
            said.append(
                f"**Clearly {word} than none**: {_listed(keys)} iterations ({most} by {by})."
            )
    return " ".join(said)


def _iterations(rows: Sequence[Row], length: int, pixels: str) -> str:
    said = []
    for row in rows:
        if len(row.lengths) < 2:
            continue
        before = row.lengths[-2]
        gain, error = row.ahead_of(row, None, before, pixels)
        name, span = _capital(row.sampler), f"from {before:,} to {row.iterations:,} iterations"
        by = _difference(gain, error)
        if abs(gain) > CLEAR * error:
            rises = "still rises" if gain > 0 else "falls"
            said.append(f"**{name} {rises}** {span}: {by}.")
        else:
            said.append(f"{name} does not clearly change {span}: {by}.")
    for low, high in _pairs(rows):
        lead, error = high.ahead_of(low, pixels=pixels)
        if abs(lead) > CLEAR * error:
            name = "Metropolis" if lead > 0 else "pseudo-Gibbs"
            by = _difference(lead, error, absolute=True)
            said.append(f"**At the end {name} is ahead** by {by}.")
        else:
            said.append("At the end neither is clearly ahead.")
    return " ".join(said)


WORDS = {
    "missing rate": _missing,
    "initialisation": _initialisation,
    "warm-up": _warmup,
    "iterations": _iterations,
}


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pseudo-Gibbs and Metropolis of each setting that has both."""
    by_key = {(row.setting, row.sampler): row for row in rows}
    names = dict.fromkeys(row.setting for row in rows)
    return [
        (by_key[name, PSEUDO], by_key[name, METROPOLIS])
        for name in names
        if (name, PSEUDO) in by_key and (name, METROPOLIS) in by_key
    ]


def _clear(row: Row, other: Row, length: int, pixels: str) -> bool:
    lead, error = row.ahead_of(other, length, length, pixels)
    return abs(lead) > CLEAR * error


def _difference(value: float, error: float, *, absolute: bool = False) -> str:
    text = f"{abs(value):.3f}" if absolute else f"{value:+.3f}".replace("-", "−")
    return f"{text}\u00a0±\u00a0{error:.3f}"


def _capital(sampler: str) -> str:
    return "Pseudo-Gibbs" if sampler == PSEUDO else "Metropolis"


def _listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
