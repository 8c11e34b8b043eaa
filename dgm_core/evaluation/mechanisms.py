"""Which model of the mask is right? Tables of two mechanisms, and one table that cannot tell.

Rows have one latent variable, z ~ N(0, 1) and x_d = a_d z + √(1 − a_d²) ε_d. The first columns
lose values, with log-odds that grow with a driver:

    self-masking    slope (x_d − threshold)    each value decides for itself, as in not-MIWAE
    latent          slope (z − threshold)      no value decides for itself, as in IM-IWAE

`exact` integrates over z and the missing values on a grid. So each table also has the result of
the true model.

**Equal bounds.** The table "equal bounds" has one incomplete column x, whose mask depends on z,
and four columns that almost show z. If z is known, then with m = a z, v = 1 − a², w = slope / a

    p(x | z, s = 1) = N(m, v)       log-odds of missing given z = w m + constant

Let values decide for themselves instead, with log-odds w x + constant, and let x_mis be larger:

    p(x_mis | z, s = 0) = N(m + w v, v)

The ratio of the two densities of x, times the odds given z, is exp(w x + constant). So the second
description is consistent, is self-masking, and gives the same distribution to everything that is
observed. No table of any size can choose between them, and their imputed means differ by w v.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, softmax
from scipy.stats import norm

from dgm_core.estimators import IMIWAEImputer, MIWAEImputer, NotMIWAEImputer
from dgm_core.missing.pointwise import STEEP
from dgm_core.missing.processes import KnownSignSelfMasking, MissingProcess, Restricted
from dgm_core.studies.progress import Frame

ROWS = 1000
FRESH = 10_000
"""Added to the seed of a table for the seed of the rows on which bounds are measured."""
KEY = ("table", "method")
GRID = np.linspace(-6, 6, 401)
LOG_STEP = np.log(GRID[1] - GRID[0])


@dataclass(frozen=True)
class Design:
    """A distribution of tables.

    Attributes:
        loadings: a_d of each column.
        losing: number of columns that lose values, the first ones.
        own_value: whether the driver is the value itself; otherwise it is z.
        slope: of the log-odds of being missing, nats per standard deviation of the driver.
        threshold: of the driver; half of the values are missing there.
    """

    loadings: tuple[float, ...]
    losing: int
    own_value: bool
    slope: float
    threshold: float

    @property
    def noise(self) -> NDArray:
        """Standard deviation of x given z, (D,)."""
        return np.sqrt(1 - np.square(self.loadings))

    def log_odds(self, driver: NDArray) -> NDArray:
        """Log-odds of being missing."""
        return self.slope * (driver - self.threshold)

    def simulated(self, seed: int, rows: int = ROWS) -> tuple[NDArray, NDArray]:
        """A complete table (N, D), and the same with NaN where values went missing."""
        random = np.random.default_rng(seed)
        z = random.normal(size=(rows, 1))
        x = z * self.loadings + self.noise * random.normal(size=(rows, len(self.loadings)))
        driver = x if self.own_value else np.broadcast_to(z, x.shape)
        hidden = random.random(x.shape) < expit(self.log_odds(driver))
        hidden[:, self.losing :] = False
        return x, np.where(hidden, np.nan, x)


EQUAL_BOUNDS = "equal bounds"
FACTOR = (0.7,) * 6
TABLES = {
    "self-masking": Design(FACTOR, 4, own_value=True, slope=3.0, threshold=0.5),
    "latent": Design(FACTOR, 4, own_value=False, slope=3.0, threshold=0.5),
    EQUAL_BOUNDS: Design((0.7, *(0.95,) * 4), 1, own_value=False, slope=1.4, threshold=0.0),
}
"""Name → design."""

EXACT = "exact"
OTHER = "exact, if values decide for themselves"
"""Names of the rows without a fitted model."""


def exact(design: Design, table: NDArray) -> tuple[NDArray, NDArray]:
    """log p(x_obs, s), (N,) nats, and the table with E[x_mis | x_obs, s] filled in, (N, D)."""
    log_joint = norm.logpdf(GRID) + LOG_STEP + np.zeros((len(table), 1))  # (N, grid of z)
    means = []
    for d, (a, noise) in enumerate(zip(design.loadings, design.noise, strict=True)):
        x, mean = table[:, [d]], a * GRID
        log_observed = norm.logpdf(np.nan_to_num(x), mean, noise)
        log_missing = np.full_like(GRID, -np.inf)
        if d < design.losing and design.own_value:
            log_observed += log_expit(-design.log_odds(x))
            log_x = norm.logpdf(GRID[:, None], mean, noise) + LOG_STEP  # (grid of x, grid of z)
            log_x += log_expit(design.log_odds(GRID))[:, None]
            log_missing = np.logaddexp.reduce(log_x, 0)
            mean = GRID @ softmax(log_x, 0)
        elif d < design.losing:
            log_observed += log_expit(-design.log_odds(GRID))
            log_missing = log_expit(design.log_odds(GRID))
        log_joint += np.where(np.isnan(x), log_missing, log_observed)
        means.append(mean)
    expected = softmax(log_joint, 1) @ np.stack(means, 1)
    return np.logaddexp.reduce(log_joint, 1), np.where(np.isnan(table), expected, table)


def other_shift(design: Design) -> float:
    """w v: how much larger x_mis is if values decide for themselves, for "equal bounds"."""
    return design.slope / design.loadings[0] * float(design.noise[0]) ** 2


SETTINGS = {
    "hidden": 32,
    "decoder": "linear and bent",
    "likelihood": "gaussian",
    "epochs": 100,
    "learning_rate": 3e-3,
    "samples": 500,
}
"""The same for all methods."""


def _known_sign(design: Design) -> MissingProcess:
    columns = len(design.loadings)
    process = KnownSignSelfMasking([1.0] * columns, STEEP)
    return Restricted(process, [d < design.losing for d in range(columns)])


Method = Callable[[Design, int], MIWAEImputer]
"""(design, seed) → an imputer that is not fitted."""

METHODS: dict[str, Method] = {
    "MIWAE": lambda design, seed: MIWAEImputer(latent_dim=1, random_state=seed, **SETTINGS),
    "not-MIWAE, known sign": lambda design, seed: NotMIWAEImputer(
        _known_sign(design), latent_dim=1, random_state=seed, **SETTINGS
    ),
    "IM-IWAE": lambda design, seed: IMIWAEImputer(latent_dim=1, random_state=seed, **SETTINGS),
    "IM-IWAE, D − 1 latents": lambda design, seed: IMIWAEImputer(random_state=seed, **SETTINGS),
}
"""Name → method."""

OWN = {"self-masking": "not-MIWAE, known sign", "latent": "IM-IWAE"}
"""Table → the method that assumes its mechanism."""


@dataclass(frozen=True)
class Config:
    """What to measure.

    Attributes:
        tables: names in `TABLES`.
        methods: names in `METHODS`.
        seeds: number of simulated tables of each design; each is fitted once.
    """

    tables: tuple[str, ...] = tuple(TABLES)
    methods: tuple[str, ...] = tuple(METHODS)
    seeds: int = 5

    def __post_init__(self) -> None:
        for given, known in ((self.tables, TABLES), (self.methods, METHODS)):
            if unknown := set(given) - set(known):
                raise ValueError(f"expected names among {[*known]}, got {sorted(unknown)}")
        if self.seeds < 2:
            raise ValueError(f"expected at least 2 seeds, got {self.seeds}")


class Row(NamedTuple):
    """One method on the tables of one design; the lists have a number for each seed."""

    table: str
    method: str
    rmses: tuple[float, ...]  # of hidden values, in standard deviations
    imputed: tuple[float, ...]  # mean of the imputed values
    hidden: tuple[float, ...]  # mean of the hidden values in the simulation
    bounds: tuple[float, ...]  # on log p(x_obs, s) of fresh rows, nats per row; none for MIWAE
    seconds: float  # per seed

    def sentence(self) -> str:
        """One line of text."""
        off = np.subtract(self.imputed, self.hidden).mean()
        bound = f", bound {np.mean(self.bounds):.3f} nats" if self.bounds else ""
        return (
            f"{self.table}, {self.method}: RMSE {np.mean(self.rmses):.3f}, mean off by {off:+.3f}"
            f"{bound}, {self.seconds:.1f} s"
        )


def run(config: Config) -> Iterator[Frame | Row]:
    """Frames of progress, and rows as soon as they are measured, exact ones first."""
    done, total = 0, len(config.tables) * len(config.methods) * config.seeds
    for table in config.tables:
        yield from _exact_rows(table, config.seeds)
        for method in config.methods:
            results, started = [], time.perf_counter()
            for seed in range(config.seeds):
                results.append(_fitted(TABLES[table], METHODS[method], seed))
                done += 1
                yield Frame(f"{table}, {method}", done / total)
            seconds = (time.perf_counter() - started) / config.seeds
            yield _row(table, method, results, seconds, bounds=method != "MIWAE")


class _Result(NamedTuple):
    rmse: float
    imputed: float
    hidden: float
    bound: float


def _fitted(design: Design, method: Method, seed: int) -> _Result:
    full, incomplete = design.simulated(seed)
    _, fresh = design.simulated(FRESH + seed)
    imputer = method(design, seed).fit(incomplete)
    completed = np.asarray(imputer.transform(incomplete))
    return _result(full, incomplete, completed, imputer.score(fresh))


def _result(full: NDArray, incomplete: NDArray, completed: NDArray, bound: float) -> _Result:
    hidden = np.isnan(incomplete)
    imputed, truth = completed[hidden], full[hidden]
    error = float(np.linalg.norm(imputed - truth) / np.sqrt(len(truth)))
    return _Result(error, float(imputed.mean()), float(truth.mean()), bound)


def _exact_rows(table: str, seeds: int) -> Iterator[Row]:
    design, results, others = TABLES[table], [], []
    for seed in range(seeds):
        full, incomplete = design.simulated(seed)
        bound = exact(design, design.simulated(FRESH + seed)[1])[0].mean()
        completed = exact(design, incomplete)[1]
        results.append(_result(full, incomplete, completed, bound))
        shifted = np.where(np.isnan(incomplete), completed + other_shift(design), completed)
        others.append(_result(full, incomplete, shifted, bound))
    yield _row(table, EXACT, results, 0.0)
    if table == EQUAL_BOUNDS:
        yield _row(table, OTHER, others, 0.0)


def _row(
    table: str, method: str, results: list[_Result], seconds: float, *, bounds: bool = True
) -> Row:
    rmses, imputed, hidden, found = (
        tuple(round(float(value), 4) for value in values) for values in zip(*results, strict=True)
    )
    return Row(table, method, rmses, imputed, hidden, found if bounds else (), seconds)
