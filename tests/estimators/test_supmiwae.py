"""Prediction from incomplete rows, against the exact distribution if it is known."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression

from dgm_core.estimators import MFAImputer, SupMIWAEClassifier, SupMIWAERegressor
from dgm_core.missing.processes import KnownSignSelfMasking
from tests.estimators.tables import ampute, means, one_factor, two_factors

SMALL = {"hidden": 32, "batch_size": 100, "learning_rate": 1e-2, "epochs": 60, "samples": 200}
QUICK = {**SMALL, "hidden": 8, "epochs": 3, "draws": 4, "samples": 20}


def rmse(predicted: NDArray, y: NDArray) -> float:
    return float(np.sqrt(np.square(predicted - y).mean()))


@pytest.mark.slow
def test_it_predicts_about_as_well_as_the_exact_distribution_of_x_and_y() -> None:
    x = two_factors(900)
    y = 100 + 20 * x[:, 0] - x[:, 1] + 5 * np.random.default_rng(5).normal(size=900)
    incomplete, train, test = ampute(x, 0.4), slice(600), slice(600, 900)
    settings = {**SMALL, "epochs": 120, "latent_dim": 3}
    regressor = SupMIWAERegressor(**settings).fit(incomplete[train], y[train])
    predicted, sd = regressor.predict(incomplete[test], return_std=True)

    both = np.column_stack([incomplete, y])
    exact = MFAImputer(components=1, factors=2).fit(both[train])
    unknown = np.column_stack([incomplete[test], np.full(300, np.nan)])
    best = rmse(exact.transform(unknown)[:, -1], y[test])
    of_means = LinearRegression().fit(means(incomplete[train]), y[train])
    assert rmse(predicted, y[test]) < 1.05 * best
    assert rmse(predicted, y[test]) < 0.9 * rmse(
        of_means.predict(means(incomplete[test])), y[test]
    )
    assert np.square((predicted - y[test]) / sd).mean() == pytest.approx(1, abs=0.25)
    assert regressor.score(incomplete[test], y[test]) > 0.5


def test_class_probabilities_account_for_hidden_values() -> None:
    """The class is the sign of column 0; if column 0 is hidden, the others predict it."""
    x = one_factor(0.7, rows=1400)
    labels = np.where(x[:, 0] > 0, "high", "low")
    incomplete = ampute(x, 0.4)
    train, test = slice(1000), slice(1000, 1400)
    classifier = SupMIWAEClassifier(latent_dim=2, **SMALL).fit(incomplete[train], labels[train])
    assert list(classifier.classes_) == ["high", "low"]
    p = classifier.predict_proba(incomplete[test])
    assert p.sum(1) == pytest.approx(1)
    assert (classifier.predict(incomplete[test]) == classifier.classes_[p.argmax(1)]).all()
    of_means = LogisticRegression().fit(means(incomplete[train]), labels[train])
    gain = classifier.score(incomplete[test], labels[test]) - of_means.score(
        means(incomplete[test]), labels[test]
    )
    assert gain > -0.01
    for hidden in (
        True,
        False,
    ):  # calibrated whether column 0 is observed or hidden
        rows = np.isnan(incomplete[test][:, 0]) == hidden
        right = labels[test][rows] == "high"
        off = p[rows, 0].mean() - right.mean()
        assert abs(off) < 4 * 0.5 / np.sqrt(rows.sum())
    log_loss = -np.log(np.where(labels[test] == "high", p[:, 0], p[:, 1])).mean()
    naive = of_means.predict_proba(means(incomplete[test]))
    naive_loss = -np.log(np.where(labels[test] == "high", naive[:, 0], naive[:, 1])).mean()
    assert log_loss < 0.9 * naive_loss


@pytest.mark.slow
def test_a_missing_process_uses_the_information_in_missing_values() -> None:
    """High values of the decisive column are never observed."""
    x = one_factor(0.0, rows=1200, columns=3)
    y = 2 * x[:, 0]
    x[:, 0] = np.where(x[:, 0] > 0, np.nan, x[:, 0])
    process = KnownSignSelfMasking([1.0, 1.0, 1.0])
    settings = {**SMALL, "learning_rate": 3e-3, "epochs": 120}
    with_process = SupMIWAERegressor(process, **settings).fit(x[:900], y[:900])
    filled = with_process.impute(x[900:])
    blind = SupMIWAERegressor(**settings).fit(x[:900], y[:900])
    hidden = np.isnan(x[900:, 0])
    true_values = y[900:][hidden] / 2
    assert abs(filled[hidden, 0].mean() - true_values.mean()) < 0.3
    assert abs(blind.impute(x[900:])[hidden, 0].mean() - true_values.mean()) > 0.6
    assert with_process.mechanisms_[0].direction == "high"
    assert blind.mechanisms_ == ()


@pytest.mark.parametrize(
    "predictor",
    [
        SupMIWAERegressor(**QUICK),
        SupMIWAEClassifier(**QUICK),
        SupMIWAERegressor(KnownSignSelfMasking([1.0] * 6), restarts=2, **QUICK),
        SupMIWAEClassifier(KnownSignSelfMasking([1.0] * 6), restarts=2, **QUICK),
    ],
    ids=["regressor", "classifier", "not, regressors", "not, classifiers"],
)
def test_it_is_an_estimator(predictor: SupMIWAERegressor | SupMIWAEClassifier) -> None:
    x = two_factors(120)
    y = np.digitize(x[:, 0], [-1, 1])
    incomplete = ampute(x)
    incomplete[3] = np.nan
    predictor = clone(predictor)
    for progress in predictor.fit_steps(incomplete, y):
        assert np.isfinite(progress.loss)
    predicted = predictor.predict(incomplete)
    assert predicted.shape == (120,)
    # up to rounding, which depends on the number of rows in a product
    if predicted.dtype.kind == "f":
        np.testing.assert_allclose(predictor.predict(incomplete[5:9]), predicted[5:9], rtol=1e-5)
    else:
        assert np.array_equal(predictor.predict(incomplete[5:9]), predicted[5:9])
    assert np.array_equal(clone(predictor).fit(incomplete, y).predict(incomplete), predicted)
    assert np.array_equal(pickle.loads(pickle.dumps(predictor)).predict(incomplete), predicted)
    filled = predictor.impute(incomplete)
    seen = ~np.isnan(incomplete)
    assert np.array_equal(filled[seen], incomplete[seen])
    assert np.isfinite(filled).all()


def test_tables_with_levels_predict_too() -> None:
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], 300)
    table = pd.DataFrame({"colour": colour, "size": rng.normal(size=300)})
    y = np.where(colour == "red", 5.0, 0.0) + table["size"].to_numpy()
    table.loc[::7, "colour"] = None
    regressor = SupMIWAERegressor(**SMALL).fit(table, y)
    assert regressor.score(table[table["colour"].notna()], y[table["colour"].notna()]) > 0.9
    assert set(regressor.impute(table)["colour"]) == {"red", "green", "blue"}


def test_units_of_y_do_not_matter() -> None:
    x = ampute(two_factors(120))
    y = np.nan_to_num(x[:, 0])
    one, other = (SupMIWAERegressor(**QUICK).fit(x, each) for each in (y, 1000 * y + 7))
    assert other.predict(x) == pytest.approx(1000 * one.predict(x) + 7, rel=1e-4)
    assert other.bound_ == pytest.approx(one.bound_ - np.log(1000), rel=1e-4)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (np.full(20, np.nan), "contains NaN"),
        (np.zeros(19), "inconsistent numbers of samples"),
    ],
)
def test_errors_say_what_was_expected(y: NDArray | None, message: str) -> None:
    for predictor in (SupMIWAERegressor(), SupMIWAEClassifier()):
        with pytest.raises(ValueError, match=message):
            predictor.fit(two_factors(20), y)
