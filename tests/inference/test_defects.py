"""Ten planted defects are found, each by its kind, and a clean table has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from dgm_core.data.reading import read_table
from dgm_core.inference.defects import Defect, cells_of, defects

ROWS = 400


def clean(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Correlated, skewed, counted and categorical columns; values are missing by chance."""
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    table = pd.DataFrame(
        {
            "age": np.clip(np.rint(45 + 14 * z + 5 * random.normal(size=rows)), 0, None),
            "income": np.exp(7 + 0.5 * z + 0.4 * random.normal(size=rows)).round(),
            "visits": random.poisson(2 + np.exp(0.3 * z)),
            "share %": (100 / (1 + np.exp(-z - random.normal(size=rows)))).round(1),
            "score": z + random.normal(size=rows),
            "smokes": np.where(random.random(rows) < 0.3, "yes", "no"),
            "town": random.choice(["Ely", "Rye", "Wem", "Ayr"], rows),
            "height": (170 + 8 * random.normal(size=rows)).round(1),
        }
    ).astype(object)
    return table.mask(random.random(table.shape) < 0.12)


def found_in(table: pd.DataFrame) -> list[Defect]:
    content = table.to_csv(index=False).encode()
    return defects(read_table(content, "t.csv").frame, cells_of(content, "t.csv"))


def sentinel(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(score=table["score"].fillna(-999))


def duplicates(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[3, 70, 200]]], ignore_index=True)


def constant(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(centre="north")


def identifier(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(patient=[f"P{number:05}" for number in range(len(table))])


def mostly_missing(table: pd.DataFrame) -> pd.DataFrame:
    few = np.random.default_rng(9).random(len(table)) < 0.1
    return table.assign(dose=np.where(few, np.random.default_rng(8).normal(size=len(table)), None))


def together(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        height=table["height"].where(table["income"].notna()).fillna(170.3)
    ).assign(height=lambda each: each["height"].where(table["income"].notna()))


def determined(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(inches=(table["height"].astype(float) / 2.54).round(2))


def impossible(table: pd.DataFrame) -> pd.DataFrame:
    changed = table.copy()
    changed.loc[[5, 9], "visits"] = -3
    return changed


def mixed(table: pd.DataFrame) -> pd.DataFrame:
    incomes = table["income"]
    return table.assign(income=[x if pd.isna(x) else f"{x:,.0f}" for x in incomes])


def by_another(table: pd.DataFrame) -> pd.DataFrame:
    ages = table["age"].astype(float).fillna(45)
    gone = np.random.default_rng(7).random(len(table)) < 1 / (1 + np.exp(-(ages - 55) / 7))
    return table.assign(income=table["income"].mask(gone))


PLANTED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], set[str]]] = {
    "sentinel": (sentinel, {"score"}),
    "duplicate rows": (duplicates, set()),
    "constant": (constant, {"centre"}),
    "identifier": (identifier, {"patient"}),
    "mostly missing": (mostly_missing, {"dose"}),
    "missing together": (together, {"income", "height"}),
    "determined": (determined, {"height", "inches"}),
    "impossible value": (impossible, {"visits"}),
    "mixed text": (mixed, {"income"}),
    "not by chance": (by_another, {"income", "age"}),
}
"""Kind → how it is planted, and the columns that must be named."""


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_defect_is_found_and_is_the_only_one(kind: str, seed: int) -> None:
    plant, columns = PLANTED[kind]
    assert not found_in(clean(seed))
    found = found_in(plant(clean(seed)))
    assert {each.kind for each in found} == {kind} | (
        {"missing together"} if kind == "determined" else set()
    )
    (first, *_) = (each for each in found if each.kind == kind)
    assert set(first.columns) == columns
    assert first.count > 0
    for name in columns:
        assert f'"{name}"' in first.sentence


def test_clean_tables_have_no_defect() -> None:
    assert sum(bool(found_in(clean(seed))) for seed in range(20)) <= 1


TAILS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "Student t": lambda random: random.standard_t(8, 1000),
    "log-normal": lambda random: random.lognormal(0, 1.2, 1000),
    "exponential": lambda random: random.exponential(1, 1000),
    "Laplace": lambda random: random.laplace(size=1000),
}


def alarms(draw: Callable[[np.random.Generator], np.ndarray]) -> int:
    """Tables among 20 in which a column has impossible values."""
    sources = [np.random.default_rng(seed) for seed in range(20)]
    return sum(bool(defects(pd.DataFrame({"x": draw(random)}))) for random in sources)


@pytest.mark.parametrize("tail", TAILS)
def test_long_tails_are_no_impossible_values(tail: str) -> None:
    assert alarms(TAILS[tail]) <= 1


def test_values_that_stand_apart_are() -> None:
    assert alarms(lambda random: random.standard_cauchy(1000)) == 20


COUNTIES = {"Ely": "C", "Rye": "S", "Wem": "H", "Ayr": "A"}
OTHERS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "9999 among digits": (
        "sentinel",
        lambda t: t.assign(x=np.where(np.arange(ROWS) < 3, 9999, np.arange(ROWS) % 9)),
    ),
    "140 %": (
        "impossible value",
        lambda t: t.assign(**{"share %": t["share %"].mask(t.index == 4, 140)}),
    ),
    "17 metres": (
        "impossible value",
        lambda t: t.assign(height=t["height"].mask(t.index == 8, 1705)),
    ),
    "a word": (
        "mixed text",
        lambda t: t.assign(score=t["score"].mask(t.index == 8, "about 2")),
    ),
    "row numbers": ("identifier", lambda t: t.assign(row=np.arange(ROWS) + 1)),
    "a curve": (
        "determined",
        lambda t: t.assign(cube=t["score"].astype(float).fillna(0.1) ** 3),
    ),
    "levels of levels": ("determined", lambda t: t.assign(county=t["town"].map(COUNTIES))),
    "no value": ("mostly missing", lambda t: t.assign(nothing=None)),
    "levels that lead to missing values": (
        "not by chance",
        lambda t: t.assign(town=t["town"].mask((t["smokes"] == "yes") & (t.index % 3 > 0))),
    ),
}
"""Case → kind, and how it is planted."""


@pytest.mark.parametrize("case", OTHERS)
def test_other_forms_of_the_defects_are_found(case: str) -> None:
    kind, plant = OTHERS[case]
    assert kind in {each.kind for each in found_in(plant(clean()))}


def test_two_binary_columns_repeat_rows_without_alarm() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"a": random.integers(0, 2, 300), "b": random.integers(0, 2, 300)})
    assert defects(table.astype("category")) == []


def test_a_typed_table_alone_shows_what_its_columns_show() -> None:
    table = clean()[["age", "score"]].astype(float)
    kinds = {each.kind for each in defects(sentinel(table).assign(same=1.0))}
    assert kinds == {"sentinel", "constant"}
    assert defects(table.head(5)) == []


def test_cells_of_parquet_are_those_of_the_file() -> None:
    table = pd.DataFrame({"x": [1.5, None], "constant": ["a", "a"]})
    cells = cells_of(table.to_parquet(), "t.parquet")
    assert cells["x"].to_pylist() == [1.5, None]
    assert [*cells] == ["x", "constant"]
