"""The completion of a visitor's table: what is understood, assumed, computed and bounded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from dgm_core.data.reading import Reading, read_table
from dgm_core.estimators.coding import TableCoding
from dgm_core.estimators.constraints import Constraint
from dgm_core.inference import choice
from dgm_core.missing.processes import GivenSelfMasking
from dgm_core.studies.your_table import completion, methods, sample, understanding
from dgm_core.studies.your_table.completion import Config, Frame, Result
from dgm_core.studies.your_table.understanding import ColumnPlan
from dgm_core.studies.your_table.why import Why


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read_table(sample.sample_csv(), sample.NAME)


def plans_of(reading: Reading) -> tuple[ColumnPlan, ...]:
    return understanding.understood(reading)


@pytest.fixture(scope="module")
def table(reading: Reading) -> pd.DataFrame:
    return understanding.modelled(plans_of(reading), reading.every_row)


def completed_by(reading: Reading, **settings: object) -> Result:
    config = Config(plans_of(reading), models=3, steps=60, **settings)
    *frames, result = completion.run(config, reading.every_row)
    done = [frame.done for frame in frames]
    assert all(isinstance(frame, Frame) for frame in frames)
    assert done == sorted(done)
    assert 0 <= done[0] <= done[-1] <= 1
    return result


# --- the sample and what is understood --------------------------------------------------------


def test_the_sample_is_understood_and_its_income_is_missing_for_the_reasons_of_its_story(
    reading: Reading,
) -> None:
    kinds = {plan.name: plan.kind for plan in plans_of(reading)}
    assert kinds == {
        "age": "numbers",
        "income": "numbers",
        "visits": "numbers",
        "smokes": "levels",
        "city": "levels",
        "blood pressure": "numbers",
    }
    frame = sample.sample()
    untold = frame["income"].isna()
    assert 0.2 < untold.mean() < 0.45
    assert untold[frame["age"] > 60].mean() > 2 * untold[frame["age"] < 45].mean()
    assert untold[frame["city"] == "Tromsø"].mean() > untold[frame["city"] == "Oslo"].mean()
    assert 0.1 < frame["blood pressure"].isna().mean() < 0.22
    pd.testing.assert_frame_equal(frame, sample.sample())


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (ColumnPlan("city", "numbers"), "Column “city” holds text"),
        (ColumnPlan("age", "numbers", "tall"), "The limits of column “age” are not understood"),
        (ColumnPlan("age", "numbers", "0:30"), "values outside “0:30”"),
        (ColumnPlan("income", "levels"), "at most 50 levels"),
    ],
)
def test_an_impossible_plan_gets_a_sentence(
    reading: Reading, plan: ColumnPlan, sentence: str
) -> None:
    plans = [plan if plan.name == each.name else each for each in plans_of(reading)]
    found = understanding.problems(plans, reading.frame)
    assert len(found) == 1
    assert sentence in found[0]
    with pytest.raises(ValueError, match="olumn"):
        completion.draws(reading.frame, [*completion.run(Config(tuple(plans)), reading.frame)][-1])


def test_a_table_without_holes_or_with_one_column_gets_a_sentence(reading: Reading) -> None:
    plans = plans_of(reading)
    complete = [plan for plan in plans if plan.name in ("age", "visits", "city")]
    assert "nothing to complete" in understanding.problems(complete, reading.frame)[0]
    alone = [plan for plan in plans if plan.name == "income"]
    assert "At least two columns" in understanding.problems(alone, reading.frame)[0]


def test_two_numbers_can_be_modelled_as_numbers_and_few_numbers_as_levels() -> None:
    content = b"a,b,c\n0,1,2\n1,2,3\n0,3,\n1,,4\n0,1,2\n1,2,3"
    frame = read_table(content, "it.csv").frame
    plans = (ColumnPlan("a", "numbers"), ColumnPlan("b", "levels"), ColumnPlan("c", "left out"))
    found = understanding.modelled(plans, frame)
    assert found["a"].dtype == np.float64
    assert list(found["b"].cat.categories) == [1, 2, 3]
    assert "c" not in found


# --- why --------------------------------------------------------------------------------------


def test_no_mechanism_is_assumed_by_default(reading: Reading) -> None:
    config = Config(plans_of(reading))
    assert config.why.reason == "unknown"
    assert config.compares
    for reason, method in methods.ASSUMED.items():
        with pytest.raises(ValueError, match=reason):
            Config(plans_of(reading), method=method)
    assert {*methods.ASSUMED.values()}.isdisjoint(methods.AT_RANDOM)
    with pytest.raises(ValueError, match="columns"):
        Why("own value")
    with pytest.raises(ValueError, match="columns"):
        Why("chance", high=("income",))


def test_a_method_without_the_mechanism_does_not_claim_it() -> None:
    why = Why("own value", high=("income",))
    assert why.clause_of("not-MIWAE") == "high values of income go missing"
    assert why.clause_of("PMM") == Why("unknown").clause
    assert Why("not in the table").clause_of("MIWAE") == Why("unknown").clause
    assert Why("chance").clause_of("PMM") == "values are missing by chance"


@pytest.mark.parametrize("strength", ["estimated", "strong"])
def test_the_assumed_process_acts_on_the_chosen_columns_only(
    table: pd.DataFrame, strength: str
) -> None:
    coding = TableCoding.learn(table)
    why = Why("own value", high=("income",), low=("blood pressure",), strength=strength)
    process = why.process(coding)
    x = torch.zeros(2, coding.width)
    x[1] = 1
    low, high = torch.sigmoid(-process.logits(x))
    income, pressure = (coding.entries_of(name).start for name in ("income", "blood pressure"))
    others = [d for d in range(coding.width) if d not in (income, pressure)]
    assert high[income] > low[income]
    assert high[pressure] < low[pressure]
    assert not high[others].any()
    assert why.clause == (
        "high values of income go missing and low values of blood pressure go missing"
    )


def test_a_given_strength_is_not_trained() -> None:
    process = GivenSelfMasking([2.0, -1.0])
    assert [name for name, _ in process.named_parameters()] == ["threshold"]
    slope = process.logits(torch.tensor([[1.0, 1.0]])) - process.logits(torch.zeros(1, 2))
    torch.testing.assert_close(slope, torch.tensor([[-2.0, 1.0]]))
    with pytest.raises(ValueError, match="finite"):
        GivenSelfMasking([float("nan")])


# --- completions ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PMM", "CART", "MFA", "MIWAE"])
def test_every_method_completes_the_table_within_its_limits(
    reading: Reading, table: pd.DataFrame, method: str
) -> None:
    result = completed_by(reading, method=method)
    limits = understanding.constraints(plans_of(reading))
    tables = completion.draws(table, result)
    assert result.method == method
    assert result.scores is None
    assert len(tables) == 3
    for each in [*tables, completion.completed(table, result, limits)]:
        assert not each.isna().to_numpy().any()
        assert each[table.notna()].equals(table)
        for name, limit in limits.items():
            assert not limit.illegal(each[name]).any()
    hidden = table["income"].isna()
    assert not np.allclose(tables[0]["income"][hidden], tables[1]["income"][hidden])
    low, high = completion.intervals(result, "income")
    assert low.shape == (hidden.sum(),)
    assert (low < high).mean() > 0.95


@pytest.mark.slow
def test_the_recommended_method_is_the_best_of_the_comparison(reading: Reading) -> None:
    result = completed_by(reading)
    assert result.scores is not None
    scores = {row.method: row.mean["CRPS"] for row in result.scores.rows}
    assert set(scores) == {"mean", "PMM", "CART", "MFA", "MIWAE"}
    assert scores["mean"] == max(scores.values())
    assert result.method == min(scores, key=scores.__getitem__)


def test_the_baseline_is_never_recommended() -> None:
    rows = [
        choice.Row(name, {}, {"CRPS": crps}, {})
        for name, crps in (("mean", 0.1), ("PMM", 0.3), ("MIWAE", 0.2))
    ]
    recommendation = choice.Recommendation("CRPS", "mean", "MIWAE", None, ())
    assert completion.best(choice.Result(tuple(rows), (), recommendation)) == "MIWAE"
    with pytest.raises(ValueError, match="No method"):
        completion.best(choice.Result((), (), None))


@pytest.mark.slow
def test_an_assumed_mechanism_moves_the_values_its_way_and_warns(
    reading: Reading, table: pd.DataFrame
) -> None:
    means = {}
    for name, why in {
        "high": Why("own value", high=("income",), strength="strong"),
        "low": Why("own value", low=("income",), strength="strong"),
    }.items():
        config = Config(plans_of(reading), why=why, models=2, steps=300)
        *_, result = completion.run(config, reading.every_row)
        assert result.method == "not-MIWAE"
        assert "was assumed, not found" in result.cautions[0]
        means[name] = result.filled["income"].mean()
    assert means["high"] > means["low"] + 0.5 * table["income"].std()


def test_latent_traits_are_assumed_by_choice_and_warned_about(
    reading: Reading, table: pd.DataFrame
) -> None:
    result = completed_by(reading, why=Why("not in the table"))
    assert (result.method, result.scores) == ("IM-IWAE", None)
    assert "was assumed, not found" in result.cautions[0]
    # Beside it, MFA draws values at random, which an assumed strength can re-weight.
    assert result.at_random_by == "MFA"
    alone = completed_by(reading, method="MFA")
    assert alone.at_random is alone.filled
    for name, values in alone.filled.items():
        np.testing.assert_array_equal(result.at_random[name], values)
    model = methods.imputer("IM-IWAE", table, {}, Why(), steps=60, samples=20, seed=0)
    assert model.latent_dim < table.shape[1] / 2


def test_levels_are_completed_by_the_most_frequent_one() -> None:
    values = pd.Categorical(["a", None, "b", None], ["a", "b"])
    table = pd.DataFrame({"x": [1.0, 2.0, np.nan, 4.0], "y": values})
    filled = {"x": np.array([[[2.4], [3.0]]]), "y": np.array([[[0, 1], [0, 0]]])}
    result = Result("PMM", filled, None, (), ())
    found = completion.completed(table, result, {"x": Constraint(integer=True)})
    assert found["x"].tolist() == [1, 2, 3, 4]
    assert found["y"].tolist()[:3:2] == ["a", "b"]
    assert found["y"][1] == "a"
    assert completion.certainty(result, "y").tolist() == [1.0, 0.5]
    (drawn,) = completion.draws(table, result)
    assert drawn["y"].tolist() == ["a", "a", "b", "b"]


def test_large_tables_are_bounded_and_the_bounds_are_said() -> None:
    small = methods.budget("MIWAE", methods.Size(300, 8, 120, 150), 5)
    assert small.remarks == ()
    assert (small.models, small.draws, small.fit_rows) == (5, methods.MOST_DRAWS, 300)
    size = methods.Size(rows=20_000, width=100, incomplete=20_000, missing=400_000)
    for method in ("MIWAE", "PMM"):
        large = methods.budget(method, size, 5)
        assert large.models * 20_000 * 100 <= methods.MOST_VALUES
        assert large.models * large.draws * 400_000 <= methods.MOST_KEPT
        assert large.models >= 2
        assert large.fit_rows == methods.MOST_FIT_ROWS[method]
        said = " ".join(large.remarks)
        assert "3 completed tables are made, not 5" in said
        assert "Each model draws every missing value " in said
    narrow = methods.Size(rows=20_000, width=10, incomplete=15_000, missing=30_000)
    assert methods.budget("MFA", narrow, 5).draws == 26
    assert methods.budget("CART", narrow, 5).draws == 20


def test_a_fit_on_some_rows_completes_all_of_them(
    reading: Reading, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(methods.MOST_FIT_ROWS, "MIWAE", 100)
    monkeypatch.setattr("dgm_core.inference.draws.VALUES_AT_ONCE", 70 * 6 * methods.MOST_DRAWS)
    result = completed_by(reading, method="MIWAE")
    shape = (3, methods.MOST_DRAWS, table["income"].isna().sum())
    assert result.filled["income"].shape == shape
    assert any("learns from 100 of the 300 rows" in each for each in result.bounded)


def test_the_same_settings_give_the_same_result(reading: Reading) -> None:
    one, two = (completed_by(reading, method="MIWAE", seed=3) for _ in range(2))
    for name, values in one.filled.items():
        assert np.array_equal(values, two.filled[name])
