"""The size of a mixture of factor analysers follows the table."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dgm_core.estimators import MFAImputer
from dgm_core.estimators.mfa_size import FOLDS, SMALL, Size, scores_of_sizes
from dgm_core.models.mfa import MixtureOfFactorAnalysers, em_steps, initialise_mfa
from dgm_core.rng import generator

ROWS, COLUMNS = 1_200, 12


def factor_table(factors: int, rows: int = ROWS, seed: int = 0) -> NDArray:
    """Columns that depend linearly on a few factors, with noise of a tenth of their variance."""
    source = np.random.default_rng(seed)
    loadings = source.normal(size=(factors, COLUMNS)) / factors**0.5
    return source.normal(size=(rows, factors)) @ loadings + 0.3 * source.normal(
        size=(rows, COLUMNS)
    )


def two_planes(seed: int = 0) -> NDArray:
    """Two groups of rows with opposite correlations and the same mean."""
    source = np.random.default_rng(seed)
    z = source.normal(size=(ROWS, 1))
    sign = np.where(np.arange(COLUMNS) % 2, 1.0, np.where(source.random((ROWS, 1)) < 0.5, 1, -1))
    return sign * z + 0.1 * source.normal(size=(ROWS, COLUMNS))


def with_holes(x: NDArray, rate: float = 0.2, seed: int = 1) -> NDArray:
    holes = np.random.default_rng(seed).random(x.shape) < rate
    return np.where(holes, np.nan, x)


def rmse(imputer: MFAImputer, x: NDArray) -> float:
    """Error on the missing cells."""
    incomplete = with_holes(x)
    filled = imputer.fit_transform(incomplete)
    return float(np.sqrt(np.square(filled - x)[np.isnan(incomplete)].mean()))


def test_the_number_of_factors_is_found() -> None:
    x = factor_table(5)
    chosen = MFAImputer()
    error = rmse(chosen, x)
    assert chosen.size_.components == 1
    assert 5 <= chosen.size_.factors <= 8
    assert error < 1.01 * rmse(MFAImputer(1, 5), x)
    assert error < 0.8 * rmse(MFAImputer(1, 2), x)  # too few factors


def test_the_number_of_components_is_found() -> None:
    x = two_planes()
    chosen = MFAImputer()
    error = rmse(chosen, x)
    assert chosen.size_.components > 1
    assert error < 0.8 * rmse(MFAImputer(1, 1), x)


def test_noise_is_imputed_as_by_the_smallest_model() -> None:
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(size=(400, 6))
        chosen = MFAImputer()
        error = rmse(chosen, noise)
        assert chosen.size_.components == 1
        assert error < 1.03 * rmse(MFAImputer(1, 1), noise)
        assert error < 0.95 * rmse(MFAImputer(8, 5), noise)  # too many


def test_the_size_with_the_best_score_is_chosen() -> None:
    imputer = MFAImputer().fit(with_holes(factor_table(3)))
    assert imputer.size_scores_[imputer.size_] == max(imputer.size_scores_.values())


def test_a_given_number_is_kept() -> None:
    x = with_holes(factor_table(5))
    assert MFAImputer(components=3).fit(x).size_.components == 3
    assert MFAImputer(factors=2).fit(x).size_.factors == 2
    both = MFAImputer(2, 3).fit(x)
    assert both.size_ == Size(2, 3)
    assert np.isnan(both.size_scores_[2, 3])


def test_a_score_is_the_likelihood_of_rows_that_were_not_fitted() -> None:
    x = torch.from_numpy(with_holes(factor_table(3)))
    observed, size = ~x.isnan(), Size(1, 4)

    def untrained(size: Size) -> MixtureOfFactorAnalysers:
        return MixtureOfFactorAnalysers([COLUMNS], *size, 1e-4).double()

    scores = scores_of_sizes(x, observed, untrained, components=1, seed=3)
    order = torch.randperm(ROWS, generator=generator(3))
    held, fitted = order[: ROWS // FOLDS], order[ROWS // FOLDS :]
    model = untrained(size)
    initialise_mfa(model, x[fitted], generator(3), observed[fitted])
    for _ in em_steps(model, x[fitted], iterations=300, observed=observed[fitted]):
        pass
    own = model.log_prob(x[fitted], observed[fitted]).mean().item()
    expected = model.log_prob(x[held], observed[held]).mean().item()
    assert scores[size] == pytest.approx(expected, abs=0.02)  # the search stops EM earlier
    assert abs(own - expected) > 0.05  # the score of the fitted rows is another number


def test_all_rows_of_a_small_table_are_held_out_once() -> None:
    fits: list[Size] = []

    def untrained(size: Size) -> MixtureOfFactorAnalysers:
        fits.append(size)
        return MixtureOfFactorAnalysers([COLUMNS], *size, 1e-4).double()

    x = torch.from_numpy(with_holes(factor_table(2, rows=SMALL - 1)))
    scores = scores_of_sizes(x, ~x.isnan(), untrained)
    assert Counter(fits) == dict.fromkeys(scores, FOLDS)


def test_few_rows_get_the_smallest_size() -> None:
    x = factor_table(3, rows=8)
    fitted = MFAImputer().fit(x)
    assert fitted.size_ == Size(1, 1)
    assert np.isnan(fitted.size_scores_[1, 1])
