"""The exact imputer against oracles, and properties of its likelihood."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dgm_core.distributions.gaussian import LowRankMixture, condition, low_rank_conditional
from dgm_core.estimators import MFAImputer


def low_rank_table(rows: int = 1500, seed: int = 0) -> tuple[NDArray, dict[str, torch.Tensor]]:
    """Two clusters of eight columns with two factors each, on scales from 1 to 1,000."""
    rng = np.random.default_rng(seed)
    scale = np.logspace(0, 3, 8)
    theta = {
        "log_weights": np.log([0.6, 0.4]),
        "mean": scale * np.stack([np.full(8, 2.0), np.linspace(-4, 4, 8)]),
        "loadings": scale[:, None] * np.random.default_rng(9).normal(size=(2, 8, 2)),
        "noise": np.tile(0.05 * scale**2, (2, 1)),
    }
    m = rng.choice(2, rows, p=[0.6, 0.4])
    z = rng.normal(size=(rows, 2))
    x = theta["mean"][m] + np.einsum("ndr,nr->nd", theta["loadings"][m], z)
    x = x + np.sqrt(theta["noise"][m]) * rng.normal(size=x.shape)
    return x, {name: torch.from_numpy(each) for name, each in theta.items()}


def ampute(x: NDArray, rate: float = 0.3, seed: int = 1) -> NDArray:
    """Missing completely at random."""
    return np.where(np.random.default_rng(seed).random(x.shape) < rate, np.nan, x)


def error(filled: NDArray, x: NDArray, incomplete: NDArray) -> float:
    """Root mean square over hidden entries, in standard deviations of their columns."""
    return float(np.sqrt((((filled - x) / x.std(0))[np.isnan(incomplete)] ** 2).mean()))


def oracle(theta: dict[str, torch.Tensor], incomplete: NDArray) -> LowRankMixture:
    x = torch.from_numpy(incomplete)
    return low_rank_conditional(**theta, x=x, observed=~x.isnan())


def test_it_recovers_a_low_rank_table_about_as_well_as_the_true_parameters() -> None:
    x, theta = low_rank_table()
    incomplete = ampute(x)
    imputer = MFAImputer(components=2, factors=2).fit(incomplete)
    new, _ = low_rank_table(seed=5)
    for complete, table in ((x, incomplete), (new, ampute(new, seed=6))):
        mine = error(imputer.transform(table), complete, table)
        assert mine < 1.05 * error(oracle(theta, table).mean.numpy(), complete, table)
        assert mine < 0.6 * error(np.tile(np.nanmean(incomplete, 0), (len(x), 1)), complete, table)


def test_one_cluster_is_worse_than_two() -> None:
    x, _ = low_rank_table()
    incomplete = ampute(x)
    one, two = (MFAImputer(m, 2).fit(incomplete) for m in (1, 2))
    assert two.score(incomplete) > one.score(incomplete) + 0.5
    assert error(two.transform(incomplete), x, incomplete) < 0.9 * error(
        one.transform(incomplete), x, incomplete
    )


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("isotropic", [False, True])
def test_the_likelihood_never_falls(rate: float, isotropic: bool) -> None:
    x, _ = low_rank_table(400)
    incomplete = ampute(x, rate)
    imputer = MFAImputer(3, 2, isotropic=isotropic, iterations=60).fit(incomplete)
    path = np.append(imputer.log_likelihoods_, imputer.score(incomplete))
    assert np.diff(path).min() > -1e-9
    assert path[-1] > path[0]
    assert imputer.n_iter_ == len(imputer.log_likelihoods_) <= 60


def test_the_score_is_a_density_of_the_data_on_its_own_scale() -> None:
    x, theta = low_rank_table(1000)
    incomplete = ampute(x)
    imputer = MFAImputer(2, 2).fit(incomplete)
    rows = {name: each.expand(len(x), *each.shape) for name, each in theta.items()}
    seen = torch.from_numpy(~np.isnan(incomplete))
    best = LowRankMixture(**rows, hidden=seen).log_prob(torch.from_numpy(x)).mean().item()
    assert (
        best < imputer.score(incomplete) < best + 0.2
    )  # in sample: a little better than the true parameters
    # A change of units by a factor moves the density by its logarithm.
    moved = MFAImputer(2, 2).fit(1000 * incomplete + 5)
    shift = np.log(1000) * seen.sum(1).double().mean().item()
    assert moved.score(1000 * incomplete + 5) == pytest.approx(
        imputer.score(incomplete) - shift, abs=1e-6
    )


def test_observed_entries_come_back_bit_for_bit() -> None:
    x, _ = low_rank_table(200)
    incomplete = ampute(x)
    seen = ~np.isnan(incomplete)
    imputer = MFAImputer().fit(incomplete)
    filled, draws = (
        imputer.transform(incomplete),
        imputer.sample_imputations(incomplete, 3, proper=False),
    )
    assert filled.dtype == draws.dtype == np.float64
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[seen], incomplete[seen])
    assert draws.shape == (3, 200, 8)
    assert (draws[:, seen] == incomplete[seen]).all()
    assert np.isnan(incomplete).any()  # the input is unchanged


def test_draws_are_those_of_the_conditional_and_follow_their_seed() -> None:
    x, _ = low_rank_table(300)
    imputer = MFAImputer(2, 2).fit(x)
    incomplete = ampute(x, 0.5)[:4]
    n, hidden = 20_000, np.isnan(incomplete)
    draws = imputer.sample_imputations(incomplete, n, random_state=2, proper=False)
    standard_error = draws.std(0)[hidden] / np.sqrt(n)
    off = (draws.mean(0) - imputer.transform(incomplete))[hidden] / standard_error
    assert np.abs(off).max() < 5
    distribution = imputer.model_.conditional(imputer._coded(incomplete))
    expected = distribution.variance.sqrt().numpy() * imputer.scale_
    assert draws.std(0)[hidden] == pytest.approx(expected[hidden], rel=0.1)
    few = imputer.sample_imputations(incomplete, 3, random_state=7, proper=False)
    assert np.array_equal(
        few, imputer.sample_imputations(incomplete, 3, random_state=7, proper=False)
    )
    assert not np.array_equal(
        few, imputer.sample_imputations(incomplete, 3, random_state=8, proper=False)
    )


def test_standard_deviations_are_those_of_the_dense_conditional() -> None:
    incomplete = ampute(low_rank_table(200)[0], 0.5)
    imputer = MFAImputer(components=1, factors=2).fit(incomplete)
    mean, sd = imputer.impute_with_sd(incomplete)
    np.testing.assert_array_equal(mean, imputer.transform(incomplete))
    np.testing.assert_array_equal(sd > 0, np.isnan(incomplete))
    loadings, noise = imputer.model_.loadings[0], imputer.model_.noise[0]
    covariance = loadings @ loadings.mT + noise.diag()
    coded = imputer._coded(incomplete)
    x, observed = coded.x, coded.observed
    for row in range(20):
        dense = condition(imputer.model_.mean[0], covariance, x[row], observed[row])
        hidden = ~observed[row].numpy()
        expected = dense.covariance.diagonal().detach().numpy() ** 0.5 * imputer.scale_[hidden]
        np.testing.assert_allclose(sd[row, hidden], expected, rtol=1e-8)


def estimated_mean(imputer: MFAImputer) -> NDArray:
    weights = imputer.model_.log_weights.exp()
    return imputer.location_ + imputer.scale_ * (weights @ imputer.model_.mean).numpy()


def three_columns(rows: int, seed: int) -> NDArray:
    """Correlated normal columns with mean (1, 2, 3); one factor fits any such covariance."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 1))
    return np.array([1.0, 2.0, 3.0]) + z @ [[1.0, 1.2, 0.8]] + rng.normal(size=(rows, 3))


def test_estimates_are_consistent_under_mcar_and_zero_filling_is_not() -> None:
    x = three_columns(4000, 0)
    incomplete = ampute(x, 0.4)
    standard_error = x.std(0) / np.sqrt((~np.isnan(incomplete)).sum(0))
    one = MFAImputer(1, 1)
    right = estimated_mean(one.fit(incomplete))
    wrong = estimated_mean(clone(one).fit(np.nan_to_num(incomplete)))
    assert (np.abs(right - [1, 2, 3]) / standard_error).max() < 5
    assert (np.abs(wrong - [1, 2, 3]) / standard_error).min() > 10


def test_estimates_are_consistent_under_mar_and_observed_means_are_not() -> None:
    x = three_columns(4000, 3)
    hidden = (x[:, 0] > 1)[:, None] & np.array([False, True, False])  # depends on observed values
    incomplete = np.where(hidden, np.nan, x)
    standard_error = 2 * x[:, 1].std() / np.sqrt(len(x))  # half the rows inform about column 1
    imputer = MFAImputer(1, 1, iterations=1000).fit(incomplete)
    assert abs(estimated_mean(imputer)[1] - 2) < 5 * standard_error
    assert abs(np.nanmean(incomplete[:, 1]) - 2) > 10 * standard_error


def test_a_complete_table_is_fitted_as_by_the_missing_data_path() -> None:
    x, _ = low_rank_table(300)
    one_more = np.vstack([x, np.full(8, np.nan)])  # a row without observed values
    fast = MFAImputer(1, 2, tolerance=0, iterations=30).fit(x)
    slow = MFAImputer(1, 2, tolerance=0, iterations=30).fit(one_more)
    gap = fast.score(x) - slow.score(x)
    assert abs(gap) < 0.02  # not 0: the empty row moves the start a little


def test_pandas_names_pipelines_and_pickles_work() -> None:
    x, _ = low_rank_table(100)
    table = pd.DataFrame(ampute(x), columns=list("abcdefgh"))
    imputer = MFAImputer().set_output(transform="pandas")
    filled = imputer.fit_transform(table)
    assert list(filled.columns) == list(imputer.get_feature_names_out()) == list("abcdefgh")
    assert imputer.n_features_in_ == 8
    again = pickle.loads(pickle.dumps(imputer))
    assert again.transform(table).equals(filled)
    pipeline = make_pipeline(MFAImputer(), StandardScaler())
    assert np.isfinite(pipeline.fit_transform(table)).all()


def test_a_constant_column_and_a_row_without_values_are_accepted() -> None:
    x, _ = low_rank_table(60)
    incomplete = ampute(x)
    incomplete[:, 3] = np.where(np.isnan(incomplete[:, 3]), np.nan, 0.1)
    incomplete[7] = np.nan
    filled = MFAImputer().fit_transform(incomplete)
    assert np.isfinite(filled).all()
    assert filled[:, 3] == pytest.approx(0.1, abs=0.01)
    assert error(np.tile(filled[7], (60, 1)), x, np.full_like(x, np.nan)) < 2


def test_errors_say_what_was_expected() -> None:
    x, _ = low_rank_table(20)
    x[:, [2, 5]] = np.nan
    with pytest.raises(ValueError, match=r"none in columns \[2, 5\]"):
        MFAImputer().fit(x)
    complete, _ = low_rank_table(20)
    with pytest.raises(ValueError, match="expected at least 30 rows"):
        MFAImputer(components=30).fit(complete)
    with pytest.raises(ValueError, match="expecting 8 features"):
        MFAImputer().fit(complete).transform(complete[:, :5])
    complete[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MFAImputer().fit(complete)
