"""Tables as rows and back: observed values return bit for bit, with their own dtype."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from dgm_core.distributions.columns import Binary, Categorical, Numeric
from dgm_core.distributions.likelihoods import MixedLikelihood
from dgm_core.estimators.coding import TableCoding

KINDS = {
    "float": (pd.Series([0.1, None, 3.0, 1e30]), Numeric()),
    "float32": (pd.Series([0.1, None, 3.0, 2.5], dtype="float32"), Numeric()),
    "integer": (pd.Series([1, 2, 3, 7]), Numeric()),
    "nullable integer": (pd.Series([1, None, 3, 7], dtype="Int64"), Numeric()),
    "nullable float": (pd.Series([1.5, None, 3, 7], dtype="Float64"), Numeric()),
    "numbers as objects": (pd.Series([1.5, None, 2, pd.NA], dtype=object), Numeric()),
    "boolean": (pd.Series([True, False, True, True]), Binary()),
    "nullable boolean": (pd.Series([True, None, False, True], dtype="boolean"), Binary()),
    "booleans as objects": (pd.Series([True, None, False, True], dtype=object), Binary()),
    "two strings": (pd.Series(["b", None, "a", "a"]), Binary()),
    "three strings": (pd.Series(["b", None, "a", "c"]), Categorical(3)),
    "one string": (pd.Series(["b", None, "b", "b"]), Categorical(1)),
    "strings and numbers": (pd.Series(["b", 1, None, "a"], dtype=object), Categorical(3)),
    "category": (
        pd.Series(pd.Categorical(["b", None, "a", "b"], categories=["c", "b", "a"])),
        Categorical(3),
    ),
    "ordered category": (pd.Series(pd.Categorical([2, None, 10, 2], ordered=True)), Binary()),
}
INTEGERS_BECOME_FLOATS = {"nullable integer"}


def table() -> pd.DataFrame:
    columns = {name: values for name, (values, _) in KINDS.items()}
    return pd.DataFrame(columns).set_axis([7, 7, 3, 1])  # a repeated index is allowed


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_a_column_follows_its_values_and_it_survives_a_round_trip(name: str) -> None:
    values, kind = KINDS[name]
    one = pd.DataFrame({name: values})
    coding = TableCoding.learn(one)
    assert coding.columns == (kind,)
    rows = coding.encode(one)
    assert rows.observed.all(1).tolist() == values.notna().tolist()
    fill = torch.full_like(rows.x, 0.25)
    back = coding.decode(rows.complete(fill), one)[name]
    assert back.notna().all()
    seen = values.notna()
    if name in INTEGERS_BECOME_FLOATS:
        assert back.dtype == "Float64"
        assert (back[seen] == values[seen]).all()
    else:
        pd.testing.assert_series_equal(
            back[seen], values[seen], check_exact=True, check_names=False
        )


def test_columns_keep_their_positions() -> None:
    coding = TableCoding.learn(table())
    assert coding.columns == tuple(kind for _, kind in KINDS.values())
    head = MixedLikelihood(coding.columns)
    assert coding.width == head.layout.width == len(coding.column_of)
    for j, name in enumerate(KINDS):
        entries = coding.entries_of(name)
        assert entries.stop - entries.start == KINDS[name][1].width
        assert (coding.column_of[entries] == j).all()
    completed = coding.encode(table()).x
    back = coding.decode(completed, table())
    assert list(back.index) == [7, 7, 3, 1]
    assert list(back.columns) == list(KINDS)
    with pytest.raises(ValueError, match="'height'"):
        coding.entries_of("height")


def test_numbers_are_standardised_by_the_observed_values() -> None:
    x = np.array([[1.0, 5.0], [3.0, np.nan], [np.nan, 5.0]])
    coding = TableCoding.learn(x)
    rows = coding.encode(x)
    assert rows.x.tolist() == [[-1, 0], [1, 0], [0, 0]]
    assert rows.observed.tolist() == [[True, True], [True, False], [False, True]]
    assert coding.scale.tolist() == [1.0, 1.0]  # of a constant column too
    filled = coding.decode(torch.full((3, 2), 2.0), x)
    assert filled.tolist() == [[1, 5], [3, 7], [4, 5]]
    assert coding.log_scale(rows).tolist() == [0, 0, 0]
    stretched = TableCoding.learn(10 * x)
    assert stretched.log_scale(rows) == pytest.approx(np.log(10) * np.array([1, 1, 0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, object])
def test_arrays_come_back_as_arrays(dtype: type) -> None:
    x = np.array([[1, 2], [0, 7], [1, 3]], dtype=dtype)
    if dtype is not np.int64:
        x[1, 1] = np.nan
    coding = TableCoding.learn(x, categorical=[0])
    assert coding.columns == (Binary(), Numeric())
    back = coding.decode(torch.full((3, 2), 0.0), x)
    assert back.dtype == (dtype if dtype is np.float32 else np.float64)
    expected = [[1, 2], [0, 7 if dtype is np.int64 else 2.5], [1, 3]]
    assert back.tolist() == expected


def test_the_likeliest_level_is_filled_in() -> None:
    one = pd.DataFrame({"a": ["x", "y", "z", None], "b": [True, False, None, None]})
    coding = TableCoding.learn(one)
    assert coding.encode(one).x[:2].tolist() == [[1, 0, 0, 1], [0, 1, 0, 0]]
    probabilities = torch.tensor([0.3, 0.2, 0.5, 0.4]).expand(4, 4)
    assert coding.decode(probabilities, one).iloc[3].tolist() == ["z", False]
    variance = probabilities * (1 - probabilities)
    sd = coding.decode_sd(probabilities, variance, one)
    assert sd.iloc[3].tolist() == pytest.approx([0.5, 0.24**0.5])
    assert (sd.iloc[:2] == 0).all(axis=None)


def test_standard_deviations_are_in_the_units_of_the_column() -> None:
    x = np.array([[10.0], [30.0], [np.nan]])
    sd = TableCoding.learn(x).decode_sd(torch.zeros(3, 1), torch.full((3, 1), 0.25), x)
    assert sd.tolist() == [[0.0], [0.0], [5.0]]


def test_categories_declare_their_levels_and_others_must_be_known() -> None:
    declared = pd.DataFrame({"a": pd.Categorical(["x", None], categories=["x", "y", "z"])})
    coding = TableCoding.learn(declared)
    assert coding.encode(pd.DataFrame({"a": ["z", "y"]})).x.tolist() == [[0, 0, 1], [0, 1, 0]]
    seen = TableCoding.learn(pd.DataFrame({"a": ["x", "y", None]}))
    with pytest.raises(ValueError, match=r"levels \['x', 'y'\] in column 'a', got \['z'\]"):
        seen.encode(pd.DataFrame({"a": ["z", "y"]}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.to_datetime(["2020-01-01", None]), "column 'a', got datetime64"),
        ([1.0, np.inf], "column 'a', got infinity"),
        ([None, np.nan], r"found none in columns \['a'\]"),
        ([1j, 2.0], "column 'a', got complex"),
    ],
)
def test_input_that_is_not_a_table_is_refused(values: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TableCoding.learn(pd.DataFrame({"a": values}))


def test_input_is_validated() -> None:
    coding = TableCoding.learn(np.eye(3))
    with pytest.raises(ValueError, match="expected 3 columns, got 2"):
        coding.encode(np.eye(2))
    with pytest.raises(ValueError, match=r"expected categorical columns .* got \['z'\]"):
        TableCoding.learn(np.eye(3), categorical=["z"])
    later = pd.DataFrame(np.eye(3), columns=list("abc")).astype({"b": object})
    later.iloc[0, 1] = "one"
    with pytest.raises(ValueError, match="expected numbers in column 1"):
        coding.encode(later)
