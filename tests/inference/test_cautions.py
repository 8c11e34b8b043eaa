"""Cautions about fitted imputers: each one appears when it should, and not otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from dgm_core.estimators import IMIWAEImputer, MFAImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.estimators.completing import Epoch
from dgm_core.inference import cautions


def table(seed: int = 0, rows: int = 120) -> np.ndarray:
    """Values missing at random: whether the first is missing depends on the second."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 1)) + 0.5 * random.normal(size=(rows, 3))
    x[random.random(rows) < 1 / (1 + np.exp(-2 * x[:, 1])), 0] = np.nan
    return x


def kinds(imputer: object, x: np.ndarray) -> set[str]:
    return {caution.kind for caution in cautions(imputer, x)}


def fitted(kind: type[MIWAEImputer] = MIWAEImputer, **settings: object) -> MIWAEImputer:
    return kind(**{"hidden": 8, "epochs": 40, "samples": 200, **settings}).fit(table())


def test_tables_missing_at_random_get_a_caution_if_a_mechanism_is_assumed() -> None:
    for seed in range(10):
        x = table(seed, rows=40)
        imputer = NotMIWAEImputer(hidden=8, epochs=1, samples=20).fit(x)
        assert "assumed mechanism" in kinds(imputer, x)
    assert "assumed mechanism" not in kinds(fitted(), table())


def test_a_training_that_still_improves_gets_a_caution() -> None:
    imputer = fitted()
    imputer.history_ = [Epoch(n, 0.0, -10 + 0.05 * n) for n in range(1, 101)]
    assert "not converged" in kinds(imputer, table())
    imputer.history_ = [Epoch(n, 0.0, -10 + 0.05 * min(n, 60)) for n in range(1, 101)]
    assert "not converged" not in kinds(imputer, table())


def test_restarts_with_different_bounds_get_a_caution() -> None:
    imputer = fitted()
    imputer.restart_bounds_ = np.array([-3.0, -4.0, -4.5])
    assert "restarts disagree" in kinds(imputer, table())
    imputer.restart_bounds_ = np.array([-3.0, -3.02, -3.05])
    assert "restarts disagree" not in kinds(imputer, table())


def test_weights_of_few_samples_get_a_caution() -> None:
    imputer = fitted()
    assert "uneven weights" not in kinds(imputer, table())
    imputer.samples = 8  # fewer than ten samples cannot have an effective size of ten
    (caution,) = (each for each in cautions(imputer, table()) if each.kind == "uneven weights")
    assert "100 % of the incomplete rows" in caution.sentence
    complete = np.nan_to_num(table())
    assert "uneven weights" not in kinds(imputer, complete)


@pytest.mark.parametrize(("iterations", "expected"), [(2, {"not converged"}), (500, set())])
def test_a_mixture_that_stopped_early_gets_a_caution(iterations: int, expected: set[str]) -> None:
    imputer = MFAImputer(1, 1, iterations=iterations).fit(table())
    assert kinds(imputer, table()) == expected


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (NotMIWAEImputer, "the missing process that was chosen"),
        (IMIWAEImputer, "no value was allowed to cause its own absence"),
    ],
)
def test_the_assumption_is_named(kind: type[MIWAEImputer], words: str) -> None:
    imputer = kind(hidden=4, epochs=1, samples=20).fit(table(rows=40))
    (caution,) = (each for each in cautions(imputer, table(rows=40)) if "assumed" in each.kind)
    assert words in caution.sentence
