"""Numbers of a method grid as text: columns of scores, the best of each, and diagnostics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dgm_core.metrics.comparison import Difference, clear
from ui import glossary

if TYPE_CHECKING:
    from dgm_core.studies.inpainting.comparison import Outcome

COVERAGE = "90 % coverage"
COLUMNS = ("F1", "MSE", "SSE", "PSNR", "SSIM", "NLL", "NLL, density", "CRPS", COVERAGE)
"""Order of the columns; other scores come after these, the time last."""
BEST_IS_HIGH = {"F1", "PSNR", "SSIM"}
NOMINAL = 0.9
"""Best value of the coverage; all other scores are best when low."""
SECONDS = (
    "Computing time of this method on this server, without loading its model. Lower is better."
)

_DECIMALS = {"F1": 3, "SSIM": 3, COVERAGE: 1}
_MOST_DECIMALS = 6

_DIAGNOSTICS: dict[str, tuple[str, int | None, float, str]] = {
    "acceptance": (
        "Acceptance",
        2,
        math.inf,
        "Fraction of the proposals accepted after the warm-up.",
    ),
    "stuck chains": ("Stuck chains", 0, 0, "Chains that accepted no proposal since the warm-up."),
    "R-hat": ("Split R-hat", 3, 1.05, ""),
    "ESS": ("ESS", None, math.inf, ""),
    "Pareto k": ("Pareto k", 2, 0.7, ""),
    "log p(x_obs)": (
        "log p(x_obs)",
        1,
        math.inf,
        "Estimated log-probability (density) of the observed pixels under the model, in nats.",
    ),
    "components": (
        "Components in use",
        1,
        math.inf,
        "Effective number of mixture components, 1 / Σ weight².",
    ),
}
"""Name → label, decimals (None: chosen from the value), largest good value, definition; "": the
glossary has it."""


def columns(outcomes: Sequence[Outcome], definitions: Mapping[str, str]) -> list[dict[str, Any]]:
    """The columns that any outcome fills: name, definition, and cells by method."""
    present = {name for outcome in outcomes for name in outcome.scores}
    names = [name for name in COLUMNS if name in present]
    names += sorted(present.difference(COLUMNS))
    found = [
        _column(name, definitions.get(name, ""), outcomes, [o.scores.get(name) for o in outcomes])
        for name in names
    ]
    times = [None if o.mean is None else (o.seconds, math.nan) for o in outcomes]
    if any(times):
        define = definitions.get("seconds", SECONDS)
        found.append(_column("seconds", define, outcomes, times))
    return found


def _column(
    name: str,
    definition: str,
    outcomes: Sequence[Outcome],
    scores: Sequence[tuple[float, float] | None],
) -> dict[str, Any]:
    given = {
        outcome.method: score
        for outcome, score in zip(outcomes, scores, strict=True)
        if score is not None and not math.isnan(score[0])
    }
    decimals = _DECIMALS.get(name)
    if decimals is None:
        decimals = decimals_for(value for value, _ in given.values())
    percent = name == COVERAGE
    cells = {
        method: {
            "value": _finite(value),
            "text": number(value, decimals, percent=percent),
            "error": error_text(error, decimals, percent=percent),
        }
        for method, (value, error) in given.items()
    }
    ended = {o.method for o in outcomes if o.state in ("finished", "stopped")}
    best = best_of(name, {method: score for method, score in given.items() if method in ended})
    for method, cell in cells.items():
        cell["best"] = method in ended and cell["text"] in {cells[each]["text"] for each in best}
    high = name in BEST_IS_HIGH or percent
    return {"name": name, "definition": definition, "high": high, "cells": cells}


def best_of(name: str, scores: Mapping[str, tuple[float, float]]) -> set[str]:
    """The best method at a score and those that tie with it; none if fewer than two are compared.

    Args:
        name: of the score.
        scores: method → score and its Monte-Carlo error; NaN = it has none.
    """
    scores = {method: each for method, each in scores.items() if math.isfinite(each[0])}
    if len(scores) < 2:
        return set()
    loss = {method: _loss(name, value) for method, (value, _) in scores.items()}
    error = {method: each if math.isfinite(each) else 0.0 for method, (_, each) in scores.items()}
    best = min(loss, key=lambda method: loss[method])
    behind = {
        method: Difference(loss[method] - loss[best], math.hypot(error[method], error[best]))
        for method in loss
        if method != best
    }
    return set(scores).difference(clear(behind))


def _loss(name: str, value: float) -> float:
    if name == COVERAGE:
        return abs(value - NOMINAL)
    return -value if name in BEST_IS_HIGH else value


def decimals_for(values: Iterable[float]) -> int:
    """The number of decimals with which a typical value shows three significant digits."""
    sizes = sorted(abs(value) for value in values if math.isfinite(value) and value != 0)
    if not sizes:
        return 2
    return min(max(2 - math.floor(math.log10(sizes[len(sizes) // 2])), 0), _MOST_DECIMALS)


def number(value: float, decimals: int, *, percent: bool = False) -> str:
    """The number as text with a typographic minus; fractions in per cent if `percent`."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{100 * value:.{decimals}f} %" if percent else f"{value:.{decimals}f}"
    return text.replace("-", "−")


def error_text(error: float, decimals: int, *, percent: bool = False) -> str:
    """± error, with the decimals of the value, or more if it would be 0; "" for NaN."""
    if not math.isfinite(error):
        return ""
    if error > 0 and round(error, decimals) == 0:
        decimals = min(-math.floor(math.log10(error)), _MOST_DECIMALS)
    return f"± {number(error, decimals, percent=percent)}"


def seconds(value: float) -> str:
    """A duration to two or three digits."""
    if value < 0.001:
        return "< 1 ms"
    if value < 0.1:
        return f"{1000 * value:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def diagnostics(values: Mapping[str, float]) -> list[dict[str, Any]]:
    """Diagnostics with label, text, definition, and whether the value needs a warning."""
    found = []
    for name, value in values.items():
        if name.startswith("± "):
            continue
        label, decimals, limit, about = _DIAGNOSTICS.get(
            name, (name[:1].upper() + name[1:], None, math.inf, "")
        )
        if decimals is None:
            decimals = min(decimals_for([value]), 2)
        error = values.get(f"± {name}", math.nan)
        found.append(
            {
                "label": label,
                "text": "–" if math.isnan(value) else number(value, decimals),
                "error": error_text(error, 2),
                "warn": value > limit,
                "about": about or (glossary.explain(name) if name in glossary.TERMS else ""),
            }
        )
    return found


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
