"""Sentences of the documentation that say which method is ahead, made from the measured rows.

Each family of comparisons is read together, with the number of comparisons in mind: what `clear`
does not call a difference is a tie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dgm_core.evaluation.mechanisms import EQUAL_BOUNDS, EXACT, OWN
from dgm_core.evaluation.mnar_protocol import METHODS
from dgm_core.metrics.comparison import Difference, clear, paired
from dgm_core.studies.inpainting import sampler_rows
from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS
from dgm_core.studies.mnar import prediction as predictions

Row = Mapping[str, Any]

TITLES = {
    "mnist": "MNIST",
    "omniglot": "Omniglot",
    "breast": "WDBC",
    "red-wine": "red wine",
    "white-wine": "white wine",
}

F1_TARGETS = {"50 % at random": 0.88, "top half": 0.68, "80 % at random": 0.80}
"""F1 that the best exact sampler should exceed, by pattern of hidden pixels."""

ROUNDING = 0.005 / math.sqrt(3)
"""Standard deviation of a published number with two decimals around the true one."""


def prediction(rows: Sequence[Row]) -> str:
    """How sup-not-MIWAE compares with the other predictors, for each table."""
    lines = []
    for table, own in _by(rows, "table").items():
        others = [
            predictions.Row(
                row["method"],
                row["mean"],
                row["error"],
                tuple(row["each"]),
                row["behind"],
                row["behind_error"],
            )
            for row in own
            if row["method"] not in (predictions.ORACLE, predictions.SUP_NOT)
        ]
        lines.append(f"{_title(table)}: sup-not-MIWAE is {predictions.verdict(others)}")
    return _bullets(lines)


def imputation(rows: Sequence[Row]) -> str:
    """Errors of not-MIWAE's decoder means compared with the published ones."""
    differences: dict[tuple[str, ...], Difference] = {
        (row["method"], _title(row["table"])): Difference(
            row["decoder_rmse"] - row["published"],
            math.hypot(row["decoder_standard_error"], row["published_error"] or ROUNDING),
            row["runs"] - 1,
        )
        for row in rows
        if row["method"].startswith("not-MIWAE")
        and METHODS[row["method"]].restarts == 1  # nothing published chooses among restarts
        and not math.isnan(row["published"])
        and not math.isnan(row["decoder_rmse"])
    }
    lines = _groups(differences, "lower than published", "higher than published")
    return f"{len(differences)} comparisons of decoder means.\n\n{_bullets(lines)}"


def mechanisms(rows: Sequence[Row]) -> str:
    """RMSE of each model of the mask on tables of its own mechanism, and two equal bounds."""
    found = {(row["table"], row["method"]): row for row in rows}
    differences = {
        (f"{OWN[table]}, on “{table}” tables", f"than “{method}”"): paired(
            found[table, OWN[table]]["rmses"], row["rmses"]
        )
        for (table, method), row in found.items()
        if table in OWN and method not in (OWN[table], EXACT)
    }
    lines = _groups(differences, "lower RMSE", "higher RMSE", values=True)
    ours, theirs = (found[EQUAL_BOUNDS, method] for method in reversed(OWN.values()))
    bounds = paired(ours["bounds"], theirs["bounds"])
    means = paired(ours["imputed"], theirs["imputed"])
    verdict = "differ" if clear({"": bounds}) else "tie"
    return (
        f"{len(differences)} comparisons, paired by table.\n\n{_bullets(lines)}\n\n"
        f"On the “{EQUAL_BOUNDS}” tables, the bounds {verdict} (IM-IWAE minus not-MIWAE:"
        f"{_signed(bounds)} nats per row), and the imputed means differ:{_signed(means)}."
    )


def samplers(rows: Sequence[Row]) -> str:
    """F1 of LAIR compared with that of the other samplers, and the targets."""
    found = {(row["method"], row["pattern"]): row for row in rows}
    differences = {
        (row["pattern"], row["method"]): Difference(
            found["LAIR", row["pattern"]]["f1"] - row["f1"],
            math.hypot(found["LAIR", row["pattern"]]["f1_error"], row["f1_error"]),
        )
        for row in rows
        if row["method"] != "LAIR"
    }
    lines = _groups(differences, "LAIR is behind", "LAIR is ahead")
    best = {
        pattern: max(
            (
                row
                for (method, at), row in found.items()
                if at == pattern and method != SAMPLERS[0]
            ),
            key=lambda row: row["f1"],
        )
        for pattern in F1_TARGETS
    }
    leads = {
        pattern: Difference(row["f1"] - F1_TARGETS[pattern], row["f1_error"])
        for pattern, row in best.items()
    }
    results = dict.fromkeys(leads, "a tie")
    results |= {key: "met" if leads[key].value > 0 else "missed" for key in clear(leads)}
    targets = ", ".join(
        f"{_short(F1_TARGETS[key], 2)} at {key} ({_short(best[key]['f1'])} ± "
        f"{_short(best[key]['f1_error'])}: {result})"
        for key, result in results.items()
    )
    return (
        f"{len(differences)} comparisons at equal time. The errors are combined as if the images "
        f"differed, which is cautious.\n\n{_bullets(lines)}\n\n"
        f"The targets for the F1 of the best exact sampler were {targets}."
    )


def studies(rows: Sequence[sampler_rows.Row]) -> str:
    """F1 on hidden pixels of Metropolis minus pseudo-Gibbs, paired by image."""
    found = {(row.data, row.setting, row.sampler): row for row in rows}
    pseudo, metropolis = SAMPLERS
    differences = {
        (setting, TITLES[data]): Difference(
            *found[data, setting, metropolis].f1_difference(found[data, setting, pseudo])
        )
        for data, setting, sampler in found
        if sampler == pseudo and data in TITLES
    }
    lines = _groups(differences, "Metropolis is behind", "Metropolis is ahead", values=True)
    return f"{len(differences)} comparisons, paired by image.\n\n{_bullets(lines)}"


def gains(rows: Sequence[Row]) -> str:
    """Gain in accuracy over the control, paired by seed."""
    differences = {(row["choice"],): paired(row["accuracies"], row["controls"]) for row in rows}
    first, *_ = differences
    alone = f"Read alone, “{first[0]}” has p = {_short(differences[first].p)}."
    lines = _groups(differences, "loss", "gain")
    return f"{len(differences)} comparisons with a control.\n\n{_bullets(lines)}\n\n{alone}"


def _groups(
    differences: Mapping[tuple[str, ...], Difference],
    negative: str,
    positive: str,
    *,
    values: bool = False,
) -> list[str]:
    """A line for the clearly positive differences, one for the negative ones, one for ties.

    Args:
        differences: key → difference; a line groups keys by their first part.
        negative, positive: how their lines begin.
        values: whether to say the differences too.
    """
    decided = clear(differences)
    groups = {
        positive: [key for key in decided if differences[key].value > 0],
        negative: [key for key in decided if differences[key].value < 0],
        "tie": [key for key in differences if key not in decided],
    }
    lines = []
    for words, keys in groups.items():
        seconds: dict[str, list[str]] = {}
        for first, *rest in keys:
            value = _signed(differences[first, *rest]) if values else ""
            seconds.setdefault(first, []).extend(f"{second}{value}" for second in rest)
        named = (
            f"{first} ({', '.join(rest)})" if rest else first for first, rest in seconds.items()
        )
        lines += [f"{words}: {'; '.join(named)}"] if keys else []
    return lines


def _signed(each: Difference) -> str:
    sign = "−" if each.value < 0 else "+"
    return f" {sign}{_short(abs(each.value))} ± {_short(each.error)}"


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _by(rows: Sequence[Row], field: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[field], []).append(row)
    return found


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}." for line in lines)


def _short(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}".removeprefix("0")
