"""Do pooled intervals cover what they claim? Many simulated tables, imputed and analysed.

Each table has 200 rows of four correlated Gaussian columns, so the truth is known:

    chance          30 % of all cells go missing completely at random
    other columns   the first two columns lose 30 % of their cells, with log-odds that are linear
                    in the last two columns, which stay complete: missing at random

It is imputed m times and analysed for the mean of the first column and for two slopes. Over the
tables, Q̄ is the pooled estimate and Q the one of the complete table:

    coverage    how often the pooled 95 % interval contains the truth
    ratio       mean B ÷ (Var(Q̄ − Q) − mean B / m)

The denominator is the variance that the missing values add if m is infinite. Rubin (1987) calls
imputations proper if B estimates it without bias, so the ratio is 1 for proper imputations, and
below 1 if the draws leave out the uncertainty of the model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.experimental import enable_iterative_imputer  # noqa: F401, allows the next line
from sklearn.impute import IterativeImputer

from dgm_core.estimators import ChainedImputer, MFAImputer, MIWAEImputer
from dgm_core.evaluation.mice import mice
from dgm_core.inference import pool
from dgm_core.studies.progress import Frame

CORRELATIONS = np.array(
    [
        [1.0, 0.6, 0.4, 0.3],
        [0.6, 1.0, 0.5, 0.2],
        [0.4, 0.5, 1.0, 0.4],
        [0.3, 0.2, 0.4, 1.0],
    ]
)
ROWS = 200
RATE = 0.3
KEY = ("method", "mechanism", "estimand")

Mechanism = Callable[[NDArray, np.random.Generator], NDArray]
"""(complete table, random numbers) → which cells go missing, bool."""


def _chance(table: NDArray, random: np.random.Generator) -> NDArray:
    return random.random(table.shape) < RATE


def _other_columns(table: NDArray, random: np.random.Generator) -> NDArray:
    """P(missing) is about 30 % on average: −1.1 is chosen for log-odds of variance 1.4."""
    hidden = np.zeros(table.shape, bool)
    for column, slopes in ((0, [1.0, 0.0]), (1, [0.5, 0.7])):
        log_odds = -0.9 + table[:, 2:] @ slopes
        hidden[:, column] = random.random(len(table)) < 1 / (1 + np.exp(-log_odds))
    return hidden


MECHANISMS: dict[str, Mechanism] = {"chance": _chance, "other columns": _other_columns}
ESTIMANDS = ("mean", "partial slope", "simple slope")


def _truth() -> NDArray:
    partial = np.linalg.solve(CORRELATIONS[1:, 1:], CORRELATIONS[1:, 0])[0]
    return np.array([0.0, partial, CORRELATIONS[0, 1]])


def analysed(table: NDArray) -> tuple[NDArray, NDArray]:
    """Estimates and squared standard errors of `ESTIMANDS` on a complete table, (3,) each."""
    y, x = table[:, 0], table[:, 1:]
    mean = y.mean(), y.var(ddof=1) / len(y)
    estimates, variances = zip(mean, _slope(x, y), _slope(x[:, :1], y), strict=True)
    return np.array(estimates), np.array(variances)


def _slope(x: NDArray, y: NDArray) -> tuple[float, float]:
    """The first coefficient of a linear regression with intercept, and its variance."""
    design = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    residual = y - design @ beta
    variance = residual @ residual / (len(y) - design.shape[1])
    return float(beta[1]), float(variance * inverse[1, 1])


Method = Callable[[NDArray, int, int], NDArray]
"""(incomplete table (N, D), m, seed) → (m, N, D)."""


def _iterative(table: NDArray, m: int, seed: int) -> NDArray:
    completed: list[Any] = [
        IterativeImputer(sample_posterior=True, random_state=seed + j).fit_transform(table)
        for j in range(m)
    ]
    return np.stack(completed)


def _chained(method: Literal["norm", "pmm"]) -> Method:
    def imputed(table: NDArray, m: int, seed: int) -> NDArray:
        imputer = ChainedImputer(method, rounds=5, random_state=seed).fit(table)
        return np.asarray(imputer.sample_imputations(table, m, seed))

    return imputed


def _mfa(*, proper: bool) -> Method:
    def imputed(table: NDArray, m: int, seed: int) -> NDArray:
        imputer = MFAImputer(random_state=seed).fit(table)
        return np.asarray(imputer.sample_imputations(table, m, seed, proper=proper))

    return imputed


def _miwae(*, proper: bool) -> Method:
    def imputed(table: NDArray, m: int, seed: int) -> NDArray:
        imputer = MIWAEImputer(hidden=32, samples=200, random_state=seed)
        # Without a first fit: the proper draws have models of their own.
        imputer.set_params(epochs=1 if proper else None).fit(table)
        imputer.set_params(epochs=None)
        return np.asarray(imputer.sample_imputations(table, m, seed, proper=proper))

    return imputed


METHODS: dict[str, Method] = {
    "MFA, proper": _mfa(proper=True),
    "MFA, one model": _mfa(proper=False),
    "MIWAE, proper": _miwae(proper=True),
    "MIWAE, one model": _miwae(proper=False),
    "chained equations, norm": _chained("norm"),
    "chained equations, PMM": _chained("pmm"),
    "IterativeImputer with posterior draws": _iterative,
    "R's mice, norm": lambda table, m, seed: mice("norm")(table, m, seed),
    "R's mice, PMM": lambda table, m, seed: mice("pmm")(table, m, seed),
}
"""Name → method; the last two need R."""


@dataclass(frozen=True)
class Config:
    """What to measure.

    Attributes:
        methods: names in `METHODS`.
        mechanisms: names in `MECHANISMS`.
        tables: number of simulated tables, the same ones for each method.
        draws: m.
        seed: of the first table.
    """

    methods: tuple[str, ...] = tuple(METHODS)
    mechanisms: tuple[str, ...] = tuple(MECHANISMS)
    tables: int = 500
    draws: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for given, known in ((self.methods, METHODS), (self.mechanisms, MECHANISMS)):
            if unknown := set(given) - set(known):
                raise ValueError(f"expected names among {[*known]}, got {sorted(unknown)}")
        if self.tables < 2 or self.draws < 2:
            raise ValueError(f"expected at least 2 tables and draws, got {self}")


class Row(NamedTuple):
    """One estimand by one method under one mechanism."""

    method: str
    mechanism: str
    estimand: str
    tables: int
    draws: int
    bias: float  # of Q̄
    bias_error: float
    ratio: float  # NaN for complete tables
    ratio_error: float
    coverage: float  # of the 95 % interval
    coverage_error: float
    width: float  # mean width of the interval
    seconds: float  # per table, all draws together

    def sentence(self) -> str:
        """One line of text."""
        return (
            f"{self.method}, {self.mechanism}, {self.estimand}: ratio {self.ratio:.2f} ± "
            f"{self.ratio_error:.2f}, coverage {self.coverage:.3f} ± {self.coverage_error:.3f}, "
            f"bias {self.bias:+.4f} ± {self.bias_error:.4f}, {self.seconds:.2f} s"
        )


def simulated(mechanism: str, seed: int) -> tuple[NDArray, NDArray]:
    """A complete table (N, D), and the same with NaN where cells went missing."""
    random = np.random.default_rng(seed)
    table = random.multivariate_normal(np.zeros(len(CORRELATIONS)), CORRELATIONS, ROWS)
    hidden = MECHANISMS[mechanism](table, random)
    return table, np.where(hidden, np.nan, table)


def run(config: Config) -> Iterator[Frame | Row]:
    """Frames of progress, and three rows for each method and mechanism."""
    pairs = [(method, each) for method in config.methods for each in config.mechanisms]
    for number, (method, mechanism) in enumerate(pairs):
        pooled, complete, started = [], [], time.perf_counter()
        for table in range(config.tables):
            seed = config.seed + table
            full, incomplete = simulated(mechanism, seed)
            completed = METHODS[method](incomplete, config.draws, seed)
            estimates, variances = zip(*map(analysed, completed), strict=True)
            each = [
                pool(np.array(estimates)[:, k], np.array(variances)[:, k], ROWS - parameters)
                for k, parameters in enumerate((1, 4, 2))
            ]
            pooled.append([(p.estimate, p.between, *p.interval()) for p in each])
            complete.append(analysed(full)[0])
            done = (number + (table + 1) / config.tables) / len(pairs)
            yield Frame(f"{method}, {mechanism}", done)
        seconds = (time.perf_counter() - started) / config.tables
        yield from rows_of(
            method, mechanism, np.array(pooled), np.array(complete), config.draws, seconds
        )


def rows_of(
    method: str,
    mechanism: str,
    pooled: NDArray,
    complete: NDArray,
    draws: int,
    seconds: float,
) -> Iterator[Row]:
    """Rows of all estimands.

    Args:
        method, mechanism: names.
        pooled: Q̄, B, and the ends of the interval, (tables, 3, 4).
        complete: Q of the complete tables, (tables, 3).
        draws: m.
        seconds: per table.
    """
    tables = len(pooled)
    for k, (name, truth) in enumerate(zip(ESTIMANDS, _truth().tolist(), strict=True)):
        estimate, between, low, high = pooled[:, k].T
        added = estimate - complete[:, k]

        def ratio(rows: NDArray, between: NDArray = between, added: NDArray = added) -> float:
            expected = added[rows].var(ddof=1) - between[rows].mean() / draws
            return float(between[rows].mean() / expected) if expected > 0 else math.nan

        everything = np.arange(tables)
        left_out = [ratio(np.delete(everything, i)) for i in range(tables)]
        jackknife = math.sqrt((tables - 1) * np.var(left_out))
        inside = (low <= truth) & (truth <= high)
        yield Row(
            method,
            mechanism,
            name,
            tables,
            draws,
            float(estimate.mean() - truth),
            float(estimate.std(ddof=1) / math.sqrt(tables)),
            ratio(everything),
            jackknife,
            float(inside.mean()),
            float(math.sqrt(max(inside.mean() * (1 - inside.mean()), 1 / tables) / tables)),
            float((high - low).mean()),
            seconds,
        )
