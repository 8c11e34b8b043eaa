"""Several draws of every missing cell of a table, without the cells that are observed.

    draws = draws_of(imputer, table, models=5, count=100)
    completed(table, {name: values[2, 7] for name, values in draws.items()})

The draws of one model have the same parameters, so they differ as the values do. The models differ
as the data leave the parameters open. Draws with the same two numbers belong together: they are
one completion of all missing cells of a row.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

VALUES_AT_ONCE = 2_000_000
"""Cells of all draws of the rows that are completed in one step."""

Draws = Mapping[Hashable, NDArray]
"""Column with missing cells → (models, draws, its missing cells): numbers, or codes of levels."""


def draws_of(
    imputer: Any, table: pd.DataFrame, models: int, count: int = 100, seed: int = 0
) -> dict[Hashable, NDArray]:
    """The `Draws` of an imputer with `replicates_`, or of a `ChainedImputer`.

    Args:
        imputer: fitted, and `replicate_steps` has been run, if it has such a method.
        table: the incomplete table.
        models: at most the number of `replicates_`.
        count: draws from each model.
        seed: of the draws.

    Raises:
        ValueError: too few `replicates_`.
    """
    *_, found = draws_steps(imputer, table, models, count, seed)
    assert isinstance(found, dict)
    return found


def draws_steps(
    imputer: Any, table: pd.DataFrame, models: int, count: int = 100, seed: int = 0
) -> Iterator[float | dict[Hashable, NDArray] | None]:
    """The fraction that is done, or None, after each short step; as last item the `draws_of`."""
    found = {
        name: np.empty((models, count, int(values.isna().sum())), _kept_type(values))
        for name, values in table.items()
        if values.isna().any()
    }
    hidden = table.isna().to_numpy().any(1)
    rows = table.iloc[np.flatnonzero(hidden)]
    for model, start, part, number, drawn in _completions(imputer, rows, models, count, seed):
        if drawn is None:
            yield None
            continue
        for name, values in missing_values(part, drawn).items():
            if name in found:
                first = int(rows.iloc[:start][name].isna().sum())
                found[name][model, number, first : first + len(values)] = values
        if number == count - 1:
            yield (model + (start + len(part)) / len(rows)) / models
    yield found


def _completions(
    imputer: Any, rows: pd.DataFrame, models: int, count: int, seed: int
) -> Iterator[tuple[int, int, pd.DataFrame, int, pd.DataFrame | None]]:
    """(model, first row, rows, number of the draw, completed rows; None between short steps)."""
    if hasattr(imputer, "chain_steps"):
        for model in range(models):
            for number, drawn in imputer.chain_steps(rows, model, count, seed):
                yield model, 0, rows, number, drawn
        return
    if len(getattr(imputer, "replicates_", ())) < models:
        raise ValueError(f"expected {models} models from replicate_steps, found fewer")
    at_once = max(1, min(1_000, VALUES_AT_ONCE // (count * rows.shape[1])))
    for model in range(models):
        for block, start in enumerate(range(0, len(rows), at_once)):
            part = rows.iloc[start : start + at_once]
            each = imputer.sample_from(part, model, count, seed + 1_000 * block)
            for number, drawn in enumerate(each):
                yield model, start, part, number, drawn


def missing_values(table: pd.DataFrame, filled: pd.DataFrame) -> dict[Hashable, NDArray]:
    """The values that `filled` has in the missing cells of `table`; codes of levels."""
    found = {}
    for name, original in table.items():
        hidden = original.isna().to_numpy()
        levels, values = levels_of(original), filled[name]
        if levels is None:
            found[name] = values.to_numpy(np.float64)[hidden]
        else:
            found[name] = levels.get_indexer(pd.Index(values[hidden].astype(object)))
    return found


def completed(table: pd.DataFrame, values: Mapping[Any, NDArray]) -> pd.DataFrame:
    """The table with new values in the missing cells of some columns; levels by their codes."""
    changed = table.copy(deep=False)
    for name, new in values.items():
        original: Any = table[name]
        hidden, levels = original.isna().to_numpy(), levels_of(original)
        if levels is None:
            column = original.to_numpy(np.float64, copy=True, na_value=np.nan)
            column[hidden] = new
            changed[name] = column
        elif isinstance(original.dtype, pd.CategoricalDtype):
            codes = original.cat.codes.to_numpy(copy=True)
            codes[hidden] = new
            changed[name] = pd.Categorical.from_codes(codes, dtype=original.dtype)
        else:
            column = original.to_numpy(object, copy=True)
            column[hidden] = levels.to_numpy()[np.asarray(new, int)]
            changed[name] = pd.Series(column, table.index).astype(original.dtype)
    return changed


def levels_of(values: pd.Series) -> pd.Index | None:
    """The levels that codes number; None for numbers."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.categories.astype(object)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return None
    return pd.Index(sorted(values.dropna().unique()), dtype=object)


def _kept_type(values: pd.Series) -> type:
    return np.float64 if levels_of(values) is None else np.int32
