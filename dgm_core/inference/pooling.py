"""Rubin's rules: one estimate with its error from the analyses of m completed tables.

Each completed table gives an estimate Q_j and its squared standard error U_j.

    Q̄ = mean Q_j      Ū = mean U_j      B = Σ (Q_j − Q̄)² / (m − 1)      T = Ū + (1 + 1/m) B

T is the variance of Q̄. It covers both the sampling error and what is unknown because values are
missing, if the imputations are *proper*: they carry the uncertainty of the fitted model as well
(`sample_imputations(…, proper=True)`). Intervals use Student's t with the degrees of freedom of
Barnard & Rubin (1999), with λ = (1 + 1/m) B / T:

    1/ν = 1/ν_old + 1/ν_obs      ν_old = (m − 1) / λ²
                                 ν_obs = (ν_com + 1) / (ν_com + 3) · ν_com (1 − λ)

where ν_com are the degrees of freedom of the analysis if nothing were missing. The fraction of
missing information is (r + 2 / (ν + 3)) / (r + 1) with r = (1 + 1/m) B / Ū (Rubin 1987, 3.1.10).

    >>> pooled = pool([47.0120, 47.2407, 47.4995, 47.1485, 47.0042],
    ...               [0.9213, 0.8750, 1.0154, 0.9109, 0.9318], complete_df=30)
    >>> low, high = pooled.interval()
    >>> f"{pooled.estimate:.2f} ({low:.2f} to {high:.2f}), {pooled.df:.1f} degrees of freedom"
    '47.18 (45.15 to 49.22), 26.3 degrees of freedom'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.base import clone


class Test(NamedTuple):
    """Test of a value of all parameters together, by D1 of Li, Raghunathan & Rubin (1991)."""

    __test__ = False  # not a test of pytest

    statistic: float  # F
    df: tuple[float, float]  # of the F distribution
    p: float  # probability of a larger F if the value is true


@dataclass(frozen=True)
class Pooled:
    """A pooled estimate, or k of them: each number is a float or an array (k,).

    Attributes:
        estimate: Q̄.
        variance: T.
        df: ν, degrees of freedom of Student's t.
        fmi: fraction of missing information, in [0, 1].
        within, between: Ū and B.
        imputations: m.
        names: of the parameters (k,), if known.
    """

    estimate: Any
    variance: Any
    df: Any
    fmi: Any
    within: Any
    between: Any
    imputations: int
    names: tuple[Hashable, ...] | None = None
    _matrices: tuple[NDArray, NDArray, float] | None = None  # Ū and B (k, k), and ν_com

    @property
    def standard_error(self) -> Any:
        """√T."""
        return np.sqrt(self.variance)

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Ends of the central interval Q̄ ± t_ν √T.

        Raises:
            ValueError: `level` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"expected a level between 0 and 1, got {level}")
        half = stats.t.ppf((1 + level) / 2, self.df) * self.standard_error
        return self.estimate - half, self.estimate + half

    def p_value(self, value: float = 0.0) -> Any:
        """Two-sided p-value of each parameter alone being `value`."""
        t = np.abs(self.estimate - value) / self.standard_error
        return 2 * stats.t.sf(t, self.df)

    def test(self, value: ArrayLike = 0.0) -> Test:
        """Test of all k parameters being `value` (broadcasts to (k,)) together.

            D1 = (Q̄ − Q₀)ᵀ Ū⁻¹ (Q̄ − Q₀) / (k (1 + r)),   r = (1 + 1/m) tr(B Ū⁻¹) / k

        It assumes that the fraction of missing information is about equal for all parameters. The
        second degrees of freedom are those of Li et al., or of Reiter (2007) if ν_com is finite.

        Raises:
            ValueError: pooled from variances without covariances, or m (k) too small.
        """
        if self._matrices is None:
            raise ValueError("expected covariance matrices (m, k, k) in pool, got variances only")
        within, between, complete_df = self._matrices
        k, m = len(within), self.imputations
        inverse = np.linalg.inv(within)
        r = float((1 + 1 / m) * np.trace(between @ inverse) / k)
        error = np.atleast_1d(self.estimate) - value
        statistic = float(error @ inverse @ error / (k * (1 + r)))
        df = (float(k), _second_df(k, m, r, complete_df))
        return Test(statistic, df, float(stats.f.sf(statistic, *df)))

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per parameter: estimate, standard error, df, interval, p-value and FMI."""
        low, high = self.interval(level)
        columns = {
            "estimate": self.estimate,
            "standard error": self.standard_error,
            "df": self.df,
            "low": low,
            "high": high,
            "p": self.p_value(),
            "fmi": self.fmi,
        }
        rows = {name: np.atleast_1d(values) for name, values in columns.items()}
        return pd.DataFrame(rows, index=None if self.names is None else pd.Index(self.names))


def pool(estimates: ArrayLike, variances: ArrayLike, complete_df: float = math.inf) -> Pooled:
    """Combine the estimates of m ≥ 2 completed tables by Rubin's rules.

    Args:
        estimates: Q, (m,) for one parameter, (m, k) for k of them.
        variances: U, squared standard errors of the same shape; or covariance matrices (m, k, k),
            which `Pooled.test` needs.
        complete_df: ν_com, degrees of freedom of the analysis of a complete table, such as rows −
            parameters; infinite = a large sample.

    Raises:
        ValueError: fewer than two tables, shapes that do not match, a negative variance, a value
            that is not finite, or degrees of freedom that are not positive.
    """
    q, u = np.asarray(estimates, np.float64), np.asarray(variances, np.float64)
    if q.ndim not in (1, 2) or len(q) < 2:
        raise ValueError(f"expected estimates (m,) or (m, k) with m ≥ 2, got shape {q.shape}")
    matrices = q.ndim == 2 and u.shape == (*q.shape, q.shape[1])
    if u.shape != q.shape and not matrices:
        raise ValueError(f"expected variances {q.shape} or covariances, got shape {u.shape}")
    each = np.diagonal(u, axis1=1, axis2=2) if matrices else u
    if not (np.isfinite(q).all() and np.isfinite(u).all()) or (each < 0).any():
        raise ValueError("expected finite estimates and variances that are not negative")
    if not complete_df > 0:
        raise ValueError(f"expected positive degrees of freedom, got {complete_df}")
    m, within, between = len(q), each.mean(0), q.var(0, ddof=1)
    extra = (1 + 1 / m) * between
    variance = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        of_missing = np.where(variance > 0, extra / variance, 0.0)  # λ
        increase = np.where(between > 0, extra / within, 0.0)  # r
        df = 1 / (1 / _observed_df(of_missing, complete_df) + of_missing**2 / (m - 1))
        small = 2 / (df + 3)
        fmi = np.where(np.isinf(increase), 1.0, (increase + small) / (increase + 1))
    kept = (u.mean(0), np.cov(q.T).reshape(u.shape[1:]), complete_df) if matrices else None
    scalar = (lambda values: float(values)) if q.ndim == 1 else np.asarray
    numbers = [scalar(x) for x in (q.mean(0), variance, df, fmi, within, between)]
    return Pooled(*numbers, imputations=m, _matrices=kept)


class Coefficients(NamedTuple):
    """Coefficients of a model with their covariance."""

    names: tuple[Hashable, ...]  # (k,)
    params: NDArray  # (k,)
    covariance: NDArray  # (k, k)
    df_resid: float = math.inf


def pool_models(models: Sequence[Any], complete_df: float | None = None) -> Pooled:
    """Pool models that were fitted to m completed tables.

    Args:
        models: results of statsmodels (anything with `params` and `cov_params()`), or
            `Coefficients`.
        complete_df: as in `pool`; None = `df_resid` of the models, or infinite if they have none.

    Raises:
        ValueError: the models have different parameters, or see `pool`.
    """
    found = [_coefficients(model) for model in models]
    if not found or any(each.names != found[0].names for each in found):
        raise ValueError("expected models with the same parameters")
    df = min(each.df_resid for each in found) if complete_df is None else complete_df
    pooled = pool([each.params for each in found], [each.covariance for each in found], df)
    return Pooled(**{**vars(pooled), "names": found[0].names})


def bootstrapped(
    estimator: Any,
    X: ArrayLike | pd.DataFrame,
    y: ArrayLike,
    *,
    repetitions: int = 200,
    seed: int = 0,
    coefficients: Callable[[Any], ArrayLike] | None = None,
) -> Coefficients:
    """Coefficients of a scikit-learn model on one completed table; covariance by the bootstrap.

    Args:
        estimator: unfitted, with `coef_` and `intercept_` after a fit; copies are fitted.
        X, y: features (N, features) and target (N,).
        repetitions: number of fits to rows drawn with replacement.
        seed: of the draws.
        coefficients: function of a fitted copy that returns numbers (k,); None = intercept and
            coefficients.

    Raises:
        ValueError: fewer than two repetitions.
    """
    if repetitions < 2:
        raise ValueError(f"expected at least two repetitions, got {repetitions}")
    table, target = pd.DataFrame(X), np.asarray(y)
    read = coefficients or _intercept_and_slopes
    random = np.random.default_rng(seed)

    def fitted(rows: NDArray) -> NDArray:
        model: Any = clone(estimator)
        model.fit(table.iloc[rows], target[rows])
        return np.asarray(read(model), np.float64).ravel()

    params = fitted(np.arange(len(table)))
    drawn = [fitted(random.integers(len(table), size=len(table))) for _ in range(repetitions)]
    names: tuple[Hashable, ...] = tuple(range(len(params)))
    if coefficients is None and len(params) == table.shape[1] + 1:
        names = ("intercept", *table.columns)
    covariance = np.cov(np.stack(drawn).T).reshape(len(params), len(params))
    return Coefficients(names, params, covariance, float(len(table) - len(params)))


def _observed_df(of_missing: NDArray, complete_df: float) -> Any:
    if math.isinf(complete_df):
        return math.inf
    return (complete_df + 1) / (complete_df + 3) * complete_df * (1 - of_missing)


def _second_df(k: int, m: int, r: float, complete_df: float) -> float:
    """Denominator degrees of freedom of D1."""
    t = k * (m - 1)
    if math.isinf(complete_df):  # Li, Raghunathan & Rubin 1991
        if r == 0:
            return math.inf
        if t > 4:
            return 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
        return t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    if t <= 4:
        raise ValueError(f"expected k (m − 1) > 4 with finite degrees of freedom, got {t}")
    # Reiter 2007, equations 9 and 10.
    a = r * t / (t - 2)
    v = (complete_df + 1) / (complete_df + 3) * complete_df
    c1, c2 = v - 2 * (1 + a), v - 4 * (1 + a)
    terms = (
        a**2 * c1 / ((1 + a) ** 2 * c2)
        + 8 * a**2 * c1 / ((1 + a) * c2**2)
        + 4 * a**2 / ((1 + a) * c2)
        + 4 * a**2 / (c1 * c2)
        + 16 * a**2 * c1 / c2**3
        + 8 * a**2 / c2**2
    )
    return 4 + 1 / (1 / c2 + terms / (t - 4))


def _coefficients(model: Any) -> Coefficients:
    if isinstance(model, Coefficients):
        return model
    params = model.params
    names = tuple(getattr(params, "index", range(len(params))))
    df = float(getattr(model, "df_resid", math.inf))
    return Coefficients(names, np.asarray(params), np.asarray(model.cov_params()), df)


def _intercept_and_slopes(model: Any) -> NDArray:
    return np.concatenate([np.ravel(model.intercept_), np.ravel(model.coef_)])
