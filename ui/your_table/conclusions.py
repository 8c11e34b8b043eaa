"""What is estimated from the completed tables: a mean, or a coefficient of the regression."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from dgm_core.inference import column_mean, linear_regression
from dgm_core.inference.analyses import Analysis
from dgm_core.inference.pooling import Pooled
from ui.frame import kept
from ui.your_table import regression
from ui.your_table.outcome import Outcome


class Conclusion(NamedTuple):
    """What is estimated."""

    label: str
    phrase: str  # in a sentence, after "the"
    analysis: Analysis
    code: str  # of the analysis, in Python
    name: str  # of the parameter
    reference: float  # with which its interval is compared at first
    of: Hashable  # what decides the analysis
    columns: tuple[str, ...]  # which it reads


def offered(outcome: Outcome, columns: Sequence[str]) -> dict[str, Conclusion]:
    """Label → conclusion: the means of some columns, and the coefficients of the regression."""
    found = {}
    for name in columns:
        label = f"mean of {name}"
        observed = round(float(outcome.table[name].mean()), 6)
        code = f"column_mean({name!r})"
        found[label] = Conclusion(
            label, label, column_mean(name), code, name, observed, name, (name,)
        )
    model = regression.chosen(outcome)
    if model is not None:
        features = list(model.features)
        analysis = linear_regression(model.target, features)
        code = f"linear_regression({model.target!r}, {features!r})"
        for name in regression.terms(outcome, model):
            phrase = f"coefficient of {name}"
            label = f"{model.target}: {phrase}"
            columns_read = (model.target, *model.features)
            found[label] = Conclusion(
                label, phrase, analysis, code, name, 0.0, model, columns_read
            )
    return found


def choose(
    outcome: Outcome,
    columns: Sequence[str],
    name: str,
    left: DeltaGenerator,
    right: DeltaGenerator,
) -> tuple[Conclusion, float]:
    """The chosen conclusion, and the value with which its interval is compared.

    Args:
        outcome: of the completion.
        columns: whose means are offered.
        name: of the widgets.
        left, right: where they stand.
    """
    found, tag = offered(outcome, columns), outcome.given.digest
    labels = list(found)
    key = kept(f"{name} conclusion.{tag}", labels[0])
    conclusion = found[left.selectbox("Conclusion", labels, key=key)]
    reference = right.number_input(
        "Compare the interval with",
        key=kept(f"{name} reference.{tag}.{conclusion.label}", conclusion.reference),
        format="%.6g",
        help="At first the mean of the observed values, or 0 for a coefficient.",
    )
    return conclusion, reference


def read_with(doubted: Sequence[str], conclusion: Conclusion) -> list[str]:
    """The columns that a conclusion and the assumption about some columns need."""
    return list(dict.fromkeys([*doubted, *conclusion.columns]))


def ends(pooled: Pooled, parameter: int) -> tuple[float, float, float]:
    """Estimate, and low and high end of its 95 % interval."""
    low, high = pooled.interval()
    estimate, low, high = (
        float(np.atleast_1d(each)[parameter]) for each in (pooled.estimate, low, high)
    )
    return estimate, low, high
