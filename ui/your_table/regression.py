"""A linear regression pooled over the completed tables, beside that of the complete rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from scipy import stats

from dgm_core.inference import Coefficients, linear_regression, pool_models
from ui import figures
from ui.frame import kept, last_value
from ui.your_table.outcome import Outcome

MOST_FEATURES = 12


class Model(NamedTuple):
    """A target and its features."""

    target: str
    features: tuple[str, ...]


def chosen(outcome: Outcome) -> Model | None:
    """The regression that is chosen below; None without features."""
    targets, tag = outcome.numbers, outcome.given.digest
    if not targets:
        return None
    target = last_value(f"target.{tag}", _first_target(outcome))
    if target not in targets:
        target = _first_target(outcome)
    others = [name for name in outcome.table if name != target]
    features = last_value(f"features.{tag}.{target}", others[:3])
    features = tuple(name for name in features if name in others)
    return Model(target, features) if features else None


def _first_target(outcome: Outcome) -> str:
    """The last column of numbers with imputed values, or else the last one."""
    imputed = [name for name in outcome.numbers if name in outcome.imputed]
    return (imputed or outcome.numbers)[-1]


def terms(outcome: Outcome, model: Model) -> list[str]:
    """Names of the coefficients without the intercept."""
    found = []
    for name in model.features:
        if name in outcome.numbers:
            found.append(name)
        else:
            levels = outcome.table[name].cat.categories
            found += [f"{name} = {level}" for level in levels[1:]]
    return found


def show(outcome: Outcome) -> None:
    """The choice of columns, and both tables."""
    targets, tag = outcome.numbers, outcome.given.digest
    if not targets:
        st.info("A regression needs a column of numbers as its target.")
        return
    left, right = st.columns([1, 2])
    key = kept(f"target.{tag}", _first_target(outcome))
    if st.session_state[key] not in targets:
        st.session_state[key] = _first_target(outcome)
    target = left.selectbox("Target", targets, key=key)
    others = [name for name in outcome.table if name != target]
    key = kept(f"features.{tag}.{target}", others[:3])
    right.multiselect("Features", others, key=key, max_selections=MOST_FEATURES)
    model = chosen(outcome)
    if model is None:
        st.info("Choose at least one feature.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**Pooled over {len(outcome.draws)} completed tables**")
        try:
            pooled = outcome.once(("regression", model), lambda: pooled_table(outcome, model))
        except (ValueError, np.linalg.LinAlgError) as error:
            st.warning(figures.plain(f"This regression cannot be computed: {error}."))
        else:
            _draw(pooled)
    complete = outcome.table[[model.target, *model.features]].dropna()
    with right:
        st.markdown(f"**Complete rows only** ({len(complete):,} of {len(outcome.table):,} rows)")
        try:
            _draw(
                outcome.once(
                    ("complete rows", model), lambda: complete_rows_table(complete, model)
                )
            )
        except (ValueError, np.linalg.LinAlgError) as error:
            st.warning(figures.plain(f"This regression cannot be computed: {error}."))
    st.caption(
        "Pooled by Rubin's rules with Barnard and Rubin's degrees of freedom; 95 % intervals. "
        "FMI is the fraction of missing information: how much of the uncertainty comes from the "
        "missing values."
    )


def pooled_table(outcome: Outcome, model: Model) -> pd.DataFrame:
    """One row per coefficient."""
    analysis = linear_regression(model.target, list(model.features))
    return pool_models([analysis(table) for table in outcome.draws]).table()


def complete_rows_table(complete: pd.DataFrame, model: Model) -> pd.DataFrame:
    """As `pooled_table`, from the rows in which nothing is missing."""
    names = complete.select_dtypes("category").columns
    complete = complete.assign(**{n: complete[n].cat.remove_unused_categories() for n in names})
    fit: Coefficients = linear_regression(model.target, list(model.features))(complete)
    error = np.sqrt(np.diag(fit.covariance))
    half = stats.t.ppf(0.975, fit.df_resid) * error
    columns = {
        "estimate": fit.params,
        "standard error": error,
        "df": fit.df_resid,
        "low": fit.params - half,
        "high": fit.params + half,
        "p": 2 * stats.t.sf(np.abs(fit.params) / error, fit.df_resid),
    }
    return pd.DataFrame(columns, index=pd.Index(fit.names))


def _draw(table: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        table.rename_axis("term").rename(columns={"standard error": "SE", "fmi": "FMI"}),
        column_config={
            **{name: number(format="%.4g") for name in ("estimate", "SE", "low", "high")},
            "df": number(format="%.0f"),
            "p": number(format="%.3f"),
            "FMI": number(format="%.2f"),
        },
    )
