"""The settings of an estimator that name columns, as values for JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dgm_core.estimators.json_values import as_json, from_json


def saved_column_setting(name: str, value: Any) -> tuple[Any, dict[str, Tensor]] | None:
    """`categorical` and `constraints` for JSON, without arrays; None for another setting."""
    if name == "categorical":
        return [as_json(each) for each in value], {}
    if name == "constraints" and isinstance(value, Mapping):
        words = {key: getattr(each, "words", each) for key, each in value.items()}
        return [[as_json(key), each] for key, each in words.items()], {}
    return None


def loaded_column_setting(name: str, value: Any) -> Any:
    """The setting from what `saved_column_setting` returned; None for another setting."""
    if name == "categorical":
        return tuple(from_json(each) for each in value)
    if name == "constraints" and isinstance(value, list):
        return {from_json(column): str(words) for column, words in value}
    return None
