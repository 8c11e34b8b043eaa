"""Sentences about the results of a study, from its rows, paired by image.

The differences of one study are read together: the more there are, the wider each has to be before
it is called one (`dgm_core.metrics.comparison.clear`). The others are ties.
"""

from __future__ import annotations

from collections.abc import Sequence

from dgm_core.metrics.comparison import RULE, Difference, clear
from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS, Row
from ui.inpainting.methods import SHORT_NAMES
from ui.method_titles import title
from ui.percent import percent

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
    leads = {a.setting: Difference(*b.f1_difference(a, length, length, pixels)) for a, b in pairs}
    if not leads:
        return ""
    found, decided = [], clear(leads)
    for name, sign in ((METROPOLIS, 1), (PSEUDO, -1)):
        ahead = [key for key in decided if sign * leads[key].value > 0]
        if ahead:
            largest = max(ahead, key=lambda key: abs(leads[key].value))
            by = _difference(leads[largest], absolute=True)
            where = f" (most at {largest}, by {by})" if len(ahead) > 1 else f" (by {by})"
            found.append(f"**{title(SHORT_NAMES[name])} is ahead** at {_listed(ahead)}{where}.")
    ties = len(leads) - len(decided)
    if not decided:
        return f"The two samplers tie at every setting. {RULE}"
    if ties:
        found.append(f"At the other {ties} {'setting' if ties == 1 else 'settings'} they tie.")
    most = max((b for _, b in pairs), key=lambda row: row.stuck[row.lengths.index(length)])
    fraction = most.stuck[most.lengths.index(length)]
    if fraction:
        found.append(
            f"The most Metropolis chains are stuck at {most.setting}: {percent(fraction)}."
        )
    return " ".join([*found, RULE])


def _initialisation(rows: Sequence[Row], length: int, pixels: str) -> str:
    leads: dict[tuple[str, str], Difference] = {}
    best: dict[str, Row] = {}
    for sampler in SAMPLERS:
        own = [row for row in rows if row.sampler == sampler]
        if len(own) < 2:
            continue
        best[sampler] = top = max(own, key=lambda row: row.f1(length, pixels=pixels)[0])
        leads |= {
            (sampler, row.setting): Difference(*top.f1_difference(row, length, length, pixels))
            for row in own
            if row is not top
        }
    found, decided = [], clear(leads)
    for sampler, top in best.items():
        names = [setting for name, setting in decided if name == sampler]
        if not names:
            found.append(f"With {SHORT_NAMES[sampler]}, all initialisations tie with the best.")
            continue
        worst = max(names, key=lambda name: leads[sampler, name].value)
        by = _difference(leads[sampler, worst], absolute=True)
        are = "is" if len(names) == 1 else "are"
        found.append(
            f"**{title(SHORT_NAMES[sampler])} still depends on its initialisation**: "
            f"{_listed(names)} {are} behind {top.setting} ({worst} by {by})."
        )
    return " ".join([*found, RULE]) if found else ""


def _warmup(rows: Sequence[Row], length: int, pixels: str) -> str:
    none = next((row for row in rows if row.warmup == 0), None)
    others = [row for row in rows if row.warmup > 0]
    if none is None or not others:
        return ""
    leads = {
        row.setting: Difference(*row.f1_difference(none, length, length, pixels)) for row in others
    }
    found, decided = [], clear(leads)
    better = [key for key in decided if leads[key].value > 0]
    worse = [key for key in decided if leads[key].value < 0]
    if not decided:
        return f"All warm-ups tie with none. {RULE}"
    for keys, comparison in ((better, "better"), (worse, "worse")):
        if keys:
            largest = max(keys, key=lambda key: abs(leads[key].value))
            by = _difference(leads[largest], absolute=True)
            found.append(
                f"**Clearly {comparison} than no warm-up**: {_listed(keys)} iterations "
                f"({largest} by {by})."
            )
    return " ".join([*found, RULE])


def _iterations(rows: Sequence[Row], length: int, pixels: str) -> str:
    longer = [row for row in rows if len(row.lengths) > 1]
    changes = {
        row.key: Difference(*row.f1_difference(row, None, row.lengths[-2], pixels))
        for row in longer
    }
    pairs = _pairs(rows)
    leads = {high.key: Difference(*high.f1_difference(low, pixels=pixels)) for low, high in pairs}
    decided = clear(
        {("change", *key): change for key, change in changes.items()}
        | {("lead", *key): lead for key, lead in leads.items()}
    )
    found = []
    for row in longer:
        change = changes[row.key]
        name = SHORT_NAMES[row.sampler]
        span = f"from {row.lengths[-2]:,} to {row.iterations:,} iterations"
        if ("change", *row.key) in decided:
            verb = "still rises" if change.value > 0 else "falls"
            found.append(f"**The F1 of {name} {verb}** {span}: {_difference(change)}.")
        else:
            found.append(
                f"The F1 of {name} does not clearly change {span}: {_difference(change)}."
            )
    for _, high in pairs:
        lead = leads[high.key]
        if ("lead", *high.key) in decided:
            name = SHORT_NAMES[METROPOLIS if lead.value > 0 else PSEUDO]
            found.append(f"**At the end, {name} is ahead** by {_difference(lead, absolute=True)}.")
        else:
            found.append("At the end, the samplers tie.")
    return " ".join([*found, RULE]) if found else ""


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


def _difference(each: Difference, *, absolute: bool = False) -> str:
    value = each.value
    text = f"{abs(value):.3f}" if absolute else f"{value:+.3f}".replace("-", "−")
    return f"{text}\u00a0±\u00a0{each.error:.3f}"


def _listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
