"""The deep imputers against exact distributions, and as scikit-learn estimators."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from dgm_core.estimators import (
    IMIWAEImputer,
    MFAImputer,
    MIWAEImputer,
    NotMIWAEImputer,
    completing,
)
from dgm_core.estimators.completing import Epoch, default_epochs
from dgm_core.missing.processes import Clipping, KnownSignSelfMasking, SelfMasking
from tests.estimators.tables import (
    ampute,
    error,
    means,
    one_factor,
    two_factors,
    without_high_values,
)

SMALL = {"hidden": 32, "batch_size": 100, "learning_rate": 1e-2, "epochs": 60, "samples": 200}
QUICK = {**SMALL, "hidden": 8, "epochs": 3, "draws": 4, "samples": 20}


# --- its results are correct --------------------------------------------------------------------


def test_under_mar_it_is_close_to_the_exact_distribution() -> None:
    """Mean and standard deviation of every hidden entry, and the likelihood."""
    x = two_factors()
    incomplete = ampute(x)
    exact = MFAImputer(components=1, factors=2).fit(incomplete)
    imputer = MIWAEImputer(**SMALL, latent_dim=3).fit(incomplete)
    filled, sd = imputer.impute_with_sd(incomplete)
    assert np.array_equal(filled, imputer.transform(incomplete))
    assert error(filled, x, incomplete) < 1.05 * error(exact.transform(incomplete), x, incomplete)
    assert error(filled, x, incomplete) < 0.6 * error(means(incomplete), x, incomplete)
    assert abs(imputer.score(incomplete) - exact.score(incomplete)) < 0.2
    hidden = np.isnan(incomplete)
    exact_sd = exact.sample_imputations(incomplete, 400, proper=False).std(0)
    assert (sd[~hidden] == 0).all()
    assert (sd[hidden] / exact_sd[hidden]).mean() == pytest.approx(1, abs=0.1)
    draws = imputer.sample_imputations(incomplete, 200, proper=False)
    assert (draws.std(0)[hidden] / sd[hidden]).mean() == pytest.approx(1, abs=0.05)
    off = (draws.mean(0) - filled)[hidden] / sd[hidden]
    assert abs(off.mean()) < 0.02
    assert np.abs(off).mean() < 0.2


def test_for_independent_columns_without_high_values_it_imputes_their_means() -> None:
    x = one_factor(0.0)
    incomplete = without_high_values(x)
    anchor = error(means(incomplete), x, incomplete)
    assert anchor == pytest.approx(1.706, abs=0.02)  # √(1.596² + .603²) of N(0, 1)
    filled = MIWAEImputer(**SMALL).fit_transform(incomplete)
    assert error(filled, x, incomplete) == pytest.approx(anchor, rel=0.03)


@pytest.mark.slow
def test_a_missing_process_helps_if_missingness_depends_on_the_values() -> None:
    x = one_factor(0.7)
    incomplete = without_high_values(x)
    blind = MIWAEImputer(**SMALL).fit(incomplete)
    with_known_sign = NotMIWAEImputer(KnownSignSelfMasking([1.0] * 4), **SMALL).fit(incomplete)
    assert error(blind.transform(incomplete), x, incomplete) > 1.2
    assert error(with_known_sign.transform(incomplete), x, incomplete) < 0.7
    first, second, *_ = with_known_sign.mechanisms_
    for found in (first, second):
        assert found.direction == "high"
        assert found.threshold == pytest.approx(0, abs=0.35)
        assert found.slope > 3


@pytest.mark.slow
def test_a_mask_of_latent_variables_helps_if_they_decide() -> None:
    """Half of the columns lose values where z is high; the mean of what is imputed."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1500, 1))
    x = 0.7 * z + 0.7 * rng.normal(size=(1500, 6))
    hidden = rng.random(x.shape) < 1 / (1 + np.exp(-4 * (z - 0.3)))
    hidden[:, 4:] = False
    incomplete = np.where(hidden, np.nan, x)
    off = {
        make: (make(**SMALL, latent_dim=1).fit_transform(incomplete) - x)[hidden].mean()
        for make in (MIWAEImputer, IMIWAEImputer)
    }
    assert off[MIWAEImputer] < -0.2
    assert abs(off[IMIWAEImputer]) < 0.1


def test_a_column_of_levels_has_one_mask() -> None:
    _, incomplete = weather(60)
    imputer = IMIWAEImputer(**QUICK).fit(incomplete)
    assert imputer.coding_.width == 7
    assert imputer.model_.entries == [0, 1, 4, 5, 6]
    assert imputer.model_.missing_probability(torch.zeros(3, 6)).shape == (3, 5)
    assert imputer.mechanisms_ == ()


@pytest.mark.slow
def test_heavy_tails_are_better_described_by_a_student_t() -> None:
    """Five columns that agree, except for noise that is sometimes very large."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 1)) + 0.2 * rng.standard_t(1.5, size=(600, 5))
    incomplete = ampute(x)
    gaussian = MIWAEImputer(latent_dim=1, **SMALL).fit(incomplete)
    student = clone(gaussian).set_params(likelihood="student-t").fit(incomplete)
    assert student.bound_ > gaussian.bound_ + 0.3
    off, off_gaussian = (np.abs(each.transform(incomplete) - x) for each in (student, gaussian))
    assert off[np.isnan(incomplete)].mean() < 0.95 * off_gaussian[np.isnan(incomplete)].mean()


@pytest.mark.slow
def test_the_median_is_for_absolute_errors() -> None:
    """One column is about 0 or, in three rows of ten, 10; the other says nothing about it."""
    rng = np.random.default_rng(0)
    high = 10.0 * (rng.random(800) < 0.3)
    x = np.stack([high, np.zeros(800)], 1) + rng.normal(size=(800, 2)) * [0.3, 1]
    incomplete = x.copy()
    incomplete[::4, 0] = np.nan
    mean = MIWAEImputer(latent_dim=2, random_state=2, **{**SMALL, "draws": 50}).fit(incomplete)
    median = clone(mean).set_params(loss="absolute").fit(incomplete)
    by_mean, by_median = ((each.transform(incomplete) - x)[::4, 0] for each in (mean, median))
    assert np.square(by_mean).mean() < 0.9 * np.square(by_median).mean()
    assert np.abs(by_median).mean() < 0.8 * np.abs(by_mean).mean()


def weather(rows: int = 500) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A site determines the temperature, which determines a verdict; complete and incomplete."""
    rng = np.random.default_rng(0)
    place = rng.choice(["Bergen", "Oslo", "Tromsø"], rows)
    centre = pd.Series(place).map({"Bergen": 8.0, "Oslo": 4.0, "Tromsø": 0.0}).to_numpy()
    celsius = centre + 0.5 * rng.normal(size=rows)
    complete = pd.DataFrame(
        {
            "celsius": celsius,
            "place": pd.Categorical(place),
            "mild": pd.array(celsius > 2, dtype="boolean"),
            "verdict": np.where(celsius > 6, "warm", "cold"),
            "year": rng.integers(2000, 2020, rows),
        },
        index=np.arange(rows) % 7,
    )
    missing = rng.random(complete.shape) < 0.2
    missing[:, 4] = False
    return complete, complete.mask(missing).astype({"year": int})


@pytest.mark.parametrize("make", [MIWAEImputer, NotMIWAEImputer, IMIWAEImputer])
def test_levels_and_numbers_predict_each_other(make: type) -> None:
    complete, incomplete = weather()
    imputer = make(**{**SMALL, "hidden": 32}).fit(incomplete)
    filled = imputer.transform(incomplete)
    assert list(filled.columns) == list(imputer.get_feature_names_out()) == list(complete.columns)
    assert (filled.dtypes == incomplete.dtypes).all()
    assert filled.index.equals(incomplete.index)
    assert filled["year"].equals(incomplete["year"])
    hidden = incomplete.isna().to_numpy()
    for j, name in enumerate(complete.columns[1:4], 1):
        right = (filled[name].astype(str) == complete[name].astype(str))[hidden[:, j]].mean()
        most_common = complete[name].astype(str).value_counts(normalize=True).max()
        assert right > most_common + 0.6 * (1 - most_common), name
    off = (filled["celsius"] - complete["celsius"])[hidden[:, 0]]
    assert off.std() < 0.6 * complete["celsius"].std()
    for drawn in imputer.sample_imputations(incomplete, 2, proper=False):
        assert (drawn.dtypes == incomplete.dtypes).all()
        assert drawn[~incomplete.isna()].equals(incomplete)
    _, sd = imputer.impute_with_sd(incomplete)
    assert ((sd > 0).to_numpy() <= hidden).all()
    assert sd.shape == complete.shape


# --- it is an estimator -------------------------------------------------------------------------

IMPUTERS = {
    "MIWAE": MIWAEImputer(**QUICK),
    "MIWAE, medians": MIWAEImputer(loss="absolute", **QUICK),
    "MIWAE, Student-t": MIWAEImputer(likelihood="student-t", **QUICK),
    "MIWAE, mixed": MIWAEImputer(likelihood="mixed", **QUICK),
    "not-MIWAE": NotMIWAEImputer(**QUICK),
    "not-MIWAE, medians": NotMIWAEImputer(loss="absolute", **QUICK),
    "IM-IWAE": IMIWAEImputer(**QUICK),
    "IM-IWAE, medians and restarts": IMIWAEImputer(loss="absolute", restarts=3, **QUICK),
    "not-MIWAE, restarts": NotMIWAEImputer(Clipping(0.0, 1.0), restarts=3, **QUICK),
}


@pytest.fixture(params=IMPUTERS)
def imputer(request: pytest.FixtureRequest) -> MIWAEImputer:
    return clone(IMPUTERS[request.param])


def test_observed_values_stay_and_hidden_values_are_filled(imputer: MIWAEImputer) -> None:
    incomplete = ampute(two_factors(120))
    incomplete[5] = np.nan  # a row without observed values
    filled = imputer.fit_transform(incomplete)
    seen = ~np.isnan(incomplete)
    assert np.array_equal(filled[seen], incomplete[seen])
    assert np.isfinite(filled).all()
    complete = two_factors(50, seed=3)
    assert np.array_equal(imputer.transform(complete), complete)
    assert imputer.sample_imputations(complete, 2).shape == (2, 50, 6)


def test_the_same_seed_repeats_the_result_and_another_does_not(
    imputer: MIWAEImputer,
) -> None:
    incomplete = ampute(two_factors(120))
    torch.manual_seed(0)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    filled = imputer.fit_transform(incomplete)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert np.array_equal(imputer.transform(incomplete), filled)
    assert np.array_equal(clone(imputer).fit_transform(incomplete), filled)
    assert not np.array_equal(
        clone(imputer).set_params(random_state=1).fit_transform(incomplete), filled
    )
    draws = imputer.sample_imputations(incomplete, 3, proper=False)
    assert np.array_equal(imputer.sample_imputations(incomplete, 3, proper=False), draws)
    hidden = np.isnan(incomplete)
    assert not np.array_equal(draws[0][hidden], draws[1][hidden])
    again = pickle.loads(pickle.dumps(imputer))
    assert np.array_equal(again.transform(incomplete), filled)


def test_units_do_not_matter(imputer: MIWAEImputer) -> None:
    """A change of units changes imputations, thresholds and bound accordingly."""
    incomplete = ampute(two_factors(120))
    stretch, shift = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 0.5]), 3.0
    one, other = imputer.fit(incomplete), clone(imputer).fit(stretch * incomplete + shift)
    assert other.transform(stretch * incomplete + shift) == pytest.approx(
        stretch * one.transform(incomplete) + shift, rel=1e-4
    )
    jacobian = (~np.isnan(incomplete) @ np.log(stretch)).mean()
    assert other.score(stretch * incomplete + shift) == pytest.approx(
        one.score(incomplete) - jacobian, rel=1e-4
    )
    assert len(one.mechanisms_) == len(other.mechanisms_)
    for a, b, factor in zip(one.mechanisms_, other.mechanisms_, stretch, strict=False):
        assert b.slope == pytest.approx(a.slope / factor, rel=1e-3, abs=1e-6)
        if a.direction != "none" and abs(a.slope) > 1e-2:
            assert b.threshold == pytest.approx(factor * a.threshold + shift, rel=1e-2)


def test_pandas_pipelines_and_names_work() -> None:
    x = two_factors(200)
    y = x[:, 0] + 0.1 * x[:, 1]
    table = pd.DataFrame(ampute(x), columns=list("abcdef")).astype({"c": np.float32})
    pipeline = make_pipeline(MIWAEImputer(**{**SMALL, "epochs": 20}), LinearRegression())
    of_means = make_pipeline(MIWAEImputer(**{**QUICK, "epochs": 1}), LinearRegression())
    assert pipeline.fit(table, y).score(table, y) > of_means.fit(table, y).score(table, y)
    filled = pipeline[0].transform(table)
    assert isinstance(filled, pd.DataFrame)
    assert (filled.dtypes == table.dtypes).all()
    named = MIWAEImputer(**QUICK).set_output(transform="pandas")
    assert list(named.fit_transform(ampute(x)).columns) == [f"x{j}" for j in range(6)]
    objects = np.array([[1.0, None], [pd.NA, 2], [3.0, 4.0]], dtype=object)
    assert MIWAEImputer(**QUICK).fit_transform(objects).dtype == np.float64
    assert MIWAEImputer(**QUICK).fit_transform(ampute(x).astype(np.float32)).dtype == np.float32


def test_numbers_that_are_levels_are_named() -> None:
    x = np.stack([np.repeat([1.0, 2.0, 3.0], 40), np.arange(120.0)], 1)
    x[::5, 0] = np.nan
    filled = MIWAEImputer(categorical=[0], **QUICK).fit_transform(x)
    assert set(filled[:, 0]) == {1.0, 2.0, 3.0}
    assert len(set(MIWAEImputer(**QUICK).fit_transform(x)[:, 0])) > 10


# --- its training -------------------------------------------------------------------------------


def test_steps_report_progress_and_leave_a_fitted_estimator() -> None:
    incomplete = ampute(two_factors(120))
    imputer = MIWAEImputer(**{**QUICK, "epochs": 50})
    within = []
    for progress in imputer.fit_steps(incomplete):
        within.append(imputer.transform(incomplete))
        if progress.epoch == 4:
            break
    assert not np.array_equal(within[0], within[1])  # usable during training
    assert imputer.n_iter_ == len(imputer.history_) == 4
    assert [epoch.epoch for epoch in imputer.history_] == [1, 2, 3, 4]
    assert imputer.bound_ == pytest.approx(max(e.validation for e in imputer.history_), rel=1e-4)
    assert imputer.history_[-1] == Epoch(4, progress.loss, progress.validation)
    assert np.isfinite(imputer.transform(incomplete)).all()


def test_a_fit_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    incomplete = ampute(two_factors(120))
    whole = NotMIWAEImputer(restarts=2, **QUICK).fit(incomplete)
    broken = clone(whole).set_params(checkpoint=tmp_path / "run.pt", log_dir=tmp_path / "logs")
    for _ in itertools.islice(broken.fit_steps(incomplete), 1):
        pass
    resumed = clone(broken).fit(incomplete)
    assert len(resumed.history_) == 2  # epochs of this run
    assert np.array_equal(resumed.transform(incomplete), whole.transform(incomplete))
    assert list((tmp_path / "logs").iterdir())


def test_patience_ends_training_and_all_rows_can_validate() -> None:
    incomplete = ampute(two_factors(120))
    settings = {**QUICK, "epochs": 60, "patience": 3, "learning_rate": 0.1}
    imputer = MIWAEImputer(validation_fraction=0, **settings).fit(incomplete)
    best = max(imputer.history_, key=lambda epoch: epoch.validation)
    assert imputer.n_iter_ == best.epoch + 3 < 60


def test_the_best_of_several_restarts_is_kept() -> None:
    incomplete = ampute(two_factors(120))
    imputer = MIWAEImputer(restarts=4, **QUICK).fit(incomplete)
    assert imputer.restart_bounds_.shape == (4,)
    assert len(set(imputer.restart_bounds_)) == 4
    assert imputer.bound_ == imputer.restart_bounds_.max()
    # Member 0 equals a single training, up to rounding.
    single = MIWAEImputer(**QUICK).fit(incomplete)
    assert imputer.restart_bounds_[0] == pytest.approx(single.bound_, abs=1e-3)


def test_a_custom_process_is_a_template() -> None:
    incomplete = ampute(two_factors(120))
    template = SelfMasking(6)
    imputer = NotMIWAEImputer(template, **QUICK).fit(incomplete)
    assert (template.weight == 0).all()
    assert (imputer.model_.missing_process.weight != 0).all()
    assert NotMIWAEImputer(SelfMasking, **QUICK).fit(incomplete).score(
        incomplete
    ) == imputer.score(incomplete)
    made = NotMIWAEImputer(likelihood=lambda columns: Laplace(), **QUICK)
    with pytest.raises(NotImplementedError, match="Laplace"):
        made.fit(incomplete)


class Laplace(nn.Module):
    """A likelihood for which the library has no rule."""

    def forward(self, outputs: torch.Tensor) -> torch.distributions.Distribution:
        distribution = torch.distributions.Laplace(outputs, 1.0, validate_args=False)
        return torch.distributions.Independent(distribution, 1, validate_args=False)


def infinite(x: NDArray) -> Any:
    return np.where(np.arange(len(x))[:, None] == 3, np.inf, x)


@pytest.mark.parametrize(
    ("imputer", "change", "message"),
    [
        (MIWAEImputer(), lambda x: x * [1, np.nan, 1, 1, 1, 1], r"none in columns \[1\]"),
        (MIWAEImputer(), infinite, "infinity"),
        (MIWAEImputer(), lambda x: pd.DataFrame(infinite(x)), "column 0, got infinity"),
        (MIWAEImputer(), lambda x: x[:1], "minimum of 2"),
        (MIWAEImputer(), lambda x: pd.DataFrame(x[:1]), "at least 2 rows, got 1"),
        (NotMIWAEImputer(SelfMasking(5)), lambda x: x, "6 entries, got one of 5"),
        (MIWAEImputer(categorical=["a"]), lambda x: x, r"categorical columns .* got \['a'\]"),
        (
            MIWAEImputer(likelihood="student-t"),
            lambda x: pd.DataFrame(x, columns=list("abcdef")).assign(level="a"),
            r"among \['mixed'\], got 'student-t'",
        ),
        (MIWAEImputer(likelihood="cauchy"), lambda x: x, "'mixed'], got 'cauchy'"),
        (MIWAEImputer(loss="quartic"), lambda x: x, "got 'quartic'"),
    ],
)
def test_errors_say_what_was_expected(imputer: MIWAEImputer, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imputer.fit(change(two_factors(20)))


@pytest.mark.parametrize(
    ("rows", "epochs"), [(10, 500), (1_024, 500), (9_000, 56), (200_000, 5), (10**7, 5)]
)
def test_many_rows_get_fewer_epochs(rows: int, epochs: int) -> None:
    """About 4,000 steps of 128 rows, within 5 and 500 epochs."""
    assert default_epochs(rows, 128) == epochs


def test_the_default_number_of_epochs_follows_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "STEPS", 6)
    monkeypatch.setattr(completing, "FEWEST_EPOCHS", 1)
    x = np.random.default_rng(0).normal(size=(40, 3))
    settings = {"hidden": 4, "batch_size": 12, "draws": 2}
    assert MIWAEImputer(**settings).fit(x).n_iter_ == 2  # three steps an epoch, 36 rows
    assert MIWAEImputer(**settings, epochs=3).fit(x).n_iter_ == 3
