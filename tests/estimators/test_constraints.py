"""Constraints of numeric columns: their maps, the suggested ones, and legal imputations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats

from dgm_core.distributions.quadrature import moments_of
from dgm_core.estimators import MFAImputer, MIWAEImputer, NotMIWAEImputer, load
from dgm_core.estimators.coding import TableCoding
from dgm_core.estimators.constraints import WORDS, Constraint, Line, suggested
from dgm_core.missing.processes import PROCESSES

CONSTRAINTS = [
    Constraint(),
    Constraint(integer=True),
    Constraint(0.0),
    Constraint(None, 5.0),
    Constraint(-1.0, 7.0),
    Constraint(0.0, None, log=True),
    Constraint(0.0, None, integer=True),
    Constraint(0.0, None, integer=True, log=True),
    Constraint(0.0, 4.0, integer=True),
]


def column(constraint: Constraint, rows: int = 400, seed: int = 0) -> np.ndarray:
    """Legal values."""
    values = np.random.default_rng(seed).gamma(2.0, 1.2, rows)
    return np.where(constraint.illegal(values), constraint.nearest(values), values)


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda each: each.words)
def test_the_map_is_increasing_and_inverted_by_its_inverse(constraint: Constraint) -> None:
    values = column(constraint)
    line = Line.learn("a", constraint, values)
    x = torch.from_numpy(np.sort(values))
    u = line.of_values(x)
    assert u.isfinite().all()
    assert (u.diff() >= 0).all()
    torch.testing.assert_close(line.to_values(u), x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda each: each.words)
def test_the_slope_is_the_derivative(constraint: Constraint) -> None:
    line = Line.learn("a", constraint, column(constraint))
    u = torch.linspace(-4, 4, 50, dtype=torch.float64, requires_grad=True)
    line.to_values(u).sum().backward()
    torch.testing.assert_close(line.log_slope(u.detach()), u.grad.log())


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda each: each.words)
def test_words_are_read_as_the_same_constraint(constraint: Constraint) -> None:
    assert Constraint.parse(constraint.words) == constraint


def test_every_word_can_be_parsed() -> None:
    for word in WORDS:
        text = "log, 2:" if word == "log" else word
        assert Constraint.parse(text) is not None
    assert Constraint.parse("integer, 0:120") == Constraint(0.0, 120.0, integer=True)
    assert Constraint.parse(":3") == Constraint(None, 3.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("whole", "expected words"),
        ("1:2:3", "range"),
        ("a:b", "range"),
        ("5:1", "below the maximum"),
        ("log", "minimum"),
        ("log, 0:1", "no maximum"),
        ("0:inf", "finite"),
    ],
)
def test_bad_words_get_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Constraint.parse(text)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("temperature", [-3.5, 2.0, 10.1], "any"),
        ("change", [-3, 2, 10], "integer"),
        ("n_visits", [0, 1, 2, 7], "count"),
        ("spots", [0, 0, 0, 1, 1, 1, 2, 3, 25, 60], "count"),
        ("income", [900.0, 1200.0, 1300.5, 1500.0, 1700.0, 9000.0], "positive"),
        ("height", [1.5, 1.62, 1.7, 1.71, 1.85], "0:"),
        ("rain", [0.0, 0.0, 0.1, 3.2, 40.0], "0:"),
        ("share of women", [0.1, 0.5, 0.44], "proportion"),
        ("fat %", [10.0, 55.5, 3.0], "0:100"),
        ("rating", [1, 2, 3, 4, 5, 5, 3], "integer, 1:5"),
        ("age", [*range(18, 90)], "integer, 0:"),
        ("constant", [3, 3], "integer"),
        ("empty", [math.nan], "any"),
    ],
)
def test_suggestions(name: str, values: list[float], expected: str) -> None:
    constraint = suggested(name, values)
    assert constraint.words == (expected if expected != "any" else "") or (
        constraint == Constraint.parse(expected)
    )
    assert not constraint.illegal(values).any()


def test_an_integer_income_on_a_log_scale_is_not_called_a_count() -> None:
    incomes = [900, 1200, 1300, 1500, 1700, 9000, 1100, 1000, 1250, 40000, 1350]
    words = suggested("income", incomes).words
    assert words == "integer, 0:, log"
    assert Constraint.parse(words) == Constraint.parse("count")


def test_illegal_values_get_a_sentence() -> None:
    table = pd.DataFrame({"a": [1.0, -2.0, -3.0], "b": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="'a' to be '0:', got -2 and 1 more"):
        TableCoding.learn(table, constraints={"a": "0:"})
    with pytest.raises(ValueError, match="numeric columns"):
        TableCoding.learn(table, constraints={"c": "0:"})
    with pytest.raises(ValueError, match="suggested"):
        TableCoding.learn(table, constraints="all")  # pyright: ignore[reportArgumentType]


def test_moments_are_those_of_a_lognormal() -> None:
    mean, variance = torch.tensor([0.3, -1.0]).double(), torch.tensor([0.2, 0.5]).double()
    found, spread = moments_of(torch.exp, mean, variance)
    expected = torch.exp(mean + variance / 2)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        spread, expected.square() * torch.expm1(variance), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("words", ["positive", "0:", "-1:30", ":60"])
def test_the_density_of_a_constrained_column_integrates_to_one(words: str) -> None:
    """exp(score) is a density of the data on its own scale, also after the map."""
    values = column(Constraint.parse("positive"))[:, None]
    imputer = MFAImputer(1, 1, constraints={0: words}).fit(np.c_[values, values[::-1]])
    alone = np.array([[1.0, np.nan]])

    def density(x: float) -> float:
        alone[0, 0] = x
        return math.exp(imputer.score(alone))

    low, high = (imputer.coding_.coded[0].line.low, imputer.coding_.coded[0].line.high)
    low, high = max(low, -40.0) + 1e-9, min(high, 200.0) - 1e-9
    total, _ = integrate.quad(density, low, high, limit=400, points=[0.5, 2.0, 6.0])
    assert total == pytest.approx(1, abs=0.01)


def legal_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Counts, a proportion, a positive number, a rating and an unbounded number, dependent."""
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    table = pd.DataFrame(
        {
            "visits": random.poisson(np.exp(0.5 + 0.7 * z)),
            "share": 1 / (1 + np.exp(-1.5 * z - 0.5 * random.normal(size=rows))),
            "income": np.exp(7 + 0.6 * z + 0.3 * random.normal(size=rows)),
            "rating": np.clip(np.rint(3 + z + 0.5 * random.normal(size=rows)), 1, 5),
            "score": z + 0.5 * random.normal(size=rows),
        }
    ).astype(float)
    return table.mask(random.random(table.shape) < 0.25)


def illegal_cells(table: pd.DataFrame) -> int:
    bounds = {
        "visits": Constraint.parse("count"),
        "share": Constraint.parse("proportion"),
        "income": Constraint.parse("positive"),
        "rating": Constraint.parse("integer, 1:5"),
    }
    return sum(int(each.illegal(table[name]).sum()) for name, each in bounds.items())


IMPUTERS = {
    "mfa": lambda **settings: MFAImputer(1, 1, **settings),
    "miwae": lambda **settings: MIWAEImputer(hidden=16, epochs=20, samples=50, **settings),
    "not-miwae": lambda **settings: NotMIWAEImputer(hidden=16, epochs=20, samples=50, **settings),
}


@pytest.mark.parametrize("name", IMPUTERS)
def test_no_draw_and_no_mean_is_illegal(name: str) -> None:
    """More than a million drawn cells for the exact model, and some for the others."""
    table = legal_table(400)
    imputer = IMPUTERS[name](constraints="suggested").fit(table)
    assert {key: each.words for key, each in imputer.coding_.constraints.items()} == {
        "visits": "integer, 0:, log",
        "share": "proportion",
        "income": "positive",
        "rating": "integer, 1:5",
    }
    draws = 2_500 if name == "mfa" else 20
    drawn = imputer.sample_imputations(table, draws, proper=False)
    count = draws * int(table.drop(columns="score").isna().sum().sum())
    assert count > (10**6 if name == "mfa" else 1000)
    assert sum(map(illegal_cells, drawn)) == 0
    mean, sd = imputer.impute_with_sd(table)
    assert illegal_cells(mean) == 0
    assert np.isfinite(sd.to_numpy()).all()
    seen = table.notna().to_numpy()
    np.testing.assert_array_equal(mean.to_numpy()[seen], table.to_numpy()[seen])
    free = IMPUTERS[name]().fit(table)
    assert sum(map(illegal_cells, free.sample_imputations(table, 5, proper=False))) > 0


@pytest.mark.slow
def test_the_mean_of_a_log_column_is_the_mean_and_not_the_median() -> None:
    """x2 | x1 is lognormal with a known mean; e to the mean of the logarithm is too small."""
    random = np.random.default_rng(0)
    z = random.normal(size=4000)
    table = np.c_[z, np.exp(0.8 * z + 0.9 * random.normal(size=4000))]
    truth = table.copy()
    table[:2000, 1] = np.nan
    for imputer in (
        MFAImputer(1, 1, constraints={1: "positive"}),
        MIWAEImputer(hidden=32, epochs=60, samples=200, constraints={1: "positive"}),
    ):
        filled, sd = imputer.fit(table).impute_with_sd(table)
        expected = np.exp(0.8 * z[:2000] + 0.9**2 / 2)
        ratio = filled[:2000, 1] / expected
        assert np.median(ratio) == pytest.approx(1, abs=0.12)
        wrong = np.exp(0.8 * z[:2000]) / expected
        assert np.median(wrong) < 0.7
        spread = expected * math.sqrt(math.expm1(0.9**2))
        assert np.median(sd[:2000, 1] / spread) == pytest.approx(1, abs=0.2)
        drawn = np.stack(imputer.sample_imputations(table, 2, proper=False))[:, :2000, 1]
        # The PIT of the logarithm of the truth among the draws' distribution.
        assert stats.ks_2samp(drawn.ravel(), truth[:2000, 1]).pvalue > 1e-4


@pytest.mark.parametrize("name", IMPUTERS)
def test_constraints_are_saved(name: str, tmp_path: Path) -> None:
    table = legal_table(100)
    imputer = IMPUTERS[name](constraints={"visits": "count", "rating": Constraint(1.0, 5.0)})
    imputer.fit(table)
    again = load(imputer.save(tmp_path / "a.safetensors"))
    pd.testing.assert_frame_equal(again.transform(table), imputer.transform(table))
    assert again.coding_ == imputer.coding_


def test_mechanisms_are_in_the_units_of_the_column() -> None:
    """High counts go missing above 8; the threshold is told in counts, not on the log scale."""
    random = np.random.default_rng(1)
    z = random.normal(size=1500)
    x = np.c_[random.poisson(np.exp(1.5 + 0.6 * z)), z + 0.1 * random.normal(size=1500)]
    x = x.astype(float)
    x[random.random(1500) < 1 / (1 + np.exp(-(x[:, 0] - 8))), 0] = np.nan
    imputer = NotMIWAEImputer(
        hidden=32,
        epochs=100,
        samples=100,
        constraints={0: "count"},
        missing_process=PROCESSES["self-masking with known signs"],
    )
    mechanism = imputer.fit(x).mechanisms_[0]
    assert mechanism.direction == "high"
    assert 5 < mechanism.threshold < 12
