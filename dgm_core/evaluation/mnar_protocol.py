"""not-MIWAE's study of tables, run anew: the first half of the features lose all above the mean.

    UCI tables, target left out, standardised before anything is removed; RMSE over the removed
    entries, in standard deviations; several runs that differ in initial weights and noise.

Ipsen, Mattei & Frellsen 2021, §5.1 and table 1, whose numbers are `PUBLISHED`. Theirs: tanh
networks of two hidden layers of 128 units, D − 1 latents, K = 20, batches of 16, 100,000
iterations of Adam at 1e-3, and the weighted mean of E[x|z_k] over 10,000 draws. Here: the same
encoder, latents, K and batches; a linear decoder (PPCA) that is trained first and then, in the
nonlinear methods, may bend for a while (`LinearPlusNetwork`), with one noise scale; both the
weighted drawn values and their weighted decoder means are scored.

Hidden values lie beyond all that are seen of a column, so it is how a decoder extrapolates that
decides, and no held-out bound tells: of decoders that may bend from the start, the bound of
held-out rows rises for as long as it was watched, and the RMSE soon rises with it.

The runs of a method are trained together, vectorised, on the same batches with the same noise;
they differ in initial weights and in the draws of the imputation.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgm_core import data
from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.metrics import rmse_of_table
from dgm_core.missing.processes import (
    KnownSignSelfMasking,
    LinearMasking,
    MissingProcess,
    SelfMasking,
    above_the_mean,
)
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import (
    LinearPlusNetwork,
    Networks,
    linear_networks,
    tanh_networks,
)
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance, mean_of_decoder
from dgm_core.studies.progress import Frame
from dgm_core.training import Schedule, fit, latest_weights
from dgm_core.training.losses import negative_completion_bound
from dgm_core.training.restarts import Restarts, on_each
from dgm_core.types import Masked

TABLES = ("banknote", "concrete", "red-wine", "white-wine", "yeast", "breast")
KEY = ("table", "method")

Build = Callable[[int], MissingProcess]
_Begun = dict[tuple, list[MIWAE]]
"""Trained linear models of one table, which several methods go on from."""


@dataclass(frozen=True)
class Method:
    """One row of the table: networks, what is assumed of p(s|x), how it is trained."""

    networks: Callable[..., Networks] = linear_networks
    process: Build | None = None
    iterations: int = 12_000
    learning_rate: float = 3e-3
    bent_for: int = 0  # further iterations, in which the decoder may bend, at a third of the rate
    restarts: int = 1  # of each run; the best bound is kept


def known(features: int) -> MissingProcess:
    """High values go, from a strength of 3 on."""
    return KnownSignSelfMasking([1.0] * features, 3.0)


def of_unknown_sign(features: int) -> MissingProcess:
    """Strength 0: neither direction is favoured."""
    return SelfMasking(features)


BENT_FOR = 5_000

METHODS: dict[str, Method] = {
    "PPCA": Method(),
    "not-MIWAE PPCA, agnostic": Method(process=LinearMasking),
    "not-MIWAE PPCA, self-masking": Method(process=of_unknown_sign),
    "not-MIWAE PPCA, known sign": Method(process=known),
    "MIWAE": Method(bent_for=BENT_FOR),
    "not-MIWAE, agnostic": Method(process=LinearMasking, bent_for=BENT_FOR),
    "not-MIWAE, self-masking": Method(process=of_unknown_sign, bent_for=BENT_FOR),
    "not-MIWAE, self-masking, best of 5 bounds": Method(
        process=of_unknown_sign, bent_for=BENT_FOR, restarts=5
    ),
    "not-MIWAE, known sign": Method(process=known, bent_for=BENT_FOR),
    "MIWAE, tanh decoder": Method(tanh_networks, iterations=3_000, learning_rate=1e-3),
    "not-MIWAE, known sign, tanh decoder": Method(
        tanh_networks, known, iterations=3_000, learning_rate=1e-3
    ),
}
"""Name → method; the simple ones are those of `TABLE_BASELINES`."""

_PUBLISHED = """
PPCA                                      1.39 .00 1.61 .00 1.61 .00 1.57 .00 1.67 .00 0.90 .00
not-MIWAE PPCA, agnostic                  1.25 .15 1.47 .01 1.32 .00 1.27 .01 1.20 .05 0.78 .00
not-MIWAE PPCA, self-masking              0.57 .00 1.31 .00 1.13 .00 0.99 .00 0.78 .00 0.72 .00
not-MIWAE PPCA, known sign                0.57 .00 1.31 .00 1.13 .00 0.99 .00 0.77 .00 0.72 .00
MIWAE                                     1.19 .01 1.66 .01 1.62 .01 1.55 .01 1.72 .01 1.20 .01
not-MIWAE, agnostic                       0.80 .08 2.63 .12 1.30 .01 1.37 .00 1.43 .02 1.10 .01
not-MIWAE, self-masking                   1.88 .85 1.26 .02 1.08 .02 1.04 .01 1.48 .03 0.74 .01
not-MIWAE, self-masking, best of 5 bounds 1.88 .85 1.26 .02 1.08 .02 1.04 .01 1.48 .03 0.74 .01
not-MIWAE, known sign                     0.74 .05 1.12 .04 1.07 .00 1.04 .00 1.38 .02 0.76 .01
MIWAE, tanh decoder                       1.19 .01 1.66 .01 1.62 .01 1.55 .01 1.72 .01 1.20 .01
not-MIWAE, known sign, tanh decoder       0.74 .05 1.12 .04 1.07 .00 1.04 .00 1.38 .02 0.76 .01
missForest-like                           1.28 .00 1.76 .01 1.64 .00 1.63 .00 1.66 .00 1.57 .00
MICE                                      1.41 .00 1.70 .00 1.68 .00 1.41 .00 1.72 .00 1.17 .00
mean                                      1.73 .00 1.85 .00 1.83 .00 1.74 .00 1.69 .00 1.82 .00
"""

PUBLISHED: dict[str, dict[str, tuple[float, float]]] = {}
"""Method → table → RMSE and its standard error over five runs, as published."""
for _line in _PUBLISHED.strip().splitlines():
    _name, _numbers = _line[:41].strip(), [float(n) for n in _line[41:].split()]
    PUBLISHED[_name] = {
        table: (_numbers[2 * i], _numbers[2 * i + 1]) for i, table in enumerate(TABLES)
    }


@dataclass(frozen=True)
class Config:
    """What to run; the defaults are those of the documentation's table."""

    tables: tuple[str, ...] = TABLES
    methods: tuple[str, ...] = (*METHODS, *TABLE_BASELINES)
    runs: int = 5
    batch_size: int = 16
    draws: int = 20  # K in training
    samples: int = 2_000  # K of the imputation
    iterations: int | None = None  # None = those of the method

    def __post_init__(self) -> None:
        for name, known_names in (
            ("tables", TABLES),
            ("methods", (*METHODS, *TABLE_BASELINES)),
        ):
            unknown = set(getattr(self, name)) - set(known_names)
            if unknown:
                raise ValueError(
                    f"expected {name} among {', '.join(known_names)}, got {', '.join(unknown)}"
                )


class Row(NamedTuple):
    """One method on one table."""

    table: str
    method: str
    rmse: float  # mean over runs; weighted drawn values, the conditional mean
    standard_error: float  # over runs; NaN for one
    decoder_rmse: float  # weighted means of the decoder, as published; NaN for baselines
    decoder_standard_error: float
    each: tuple[float, ...]  # RMSE of each run
    bounds: tuple[float, ...]  # nats a row, of each run
    published: float  # NaN where nothing is
    published_error: float
    right_signs: float  # share of trainings that found every sign; NaN if not asked
    runs: int
    iterations: int
    minutes: float

    def sentence(self) -> str:
        """One line for a screen."""
        beside = "" if np.isnan(self.published) else f"   published {self.published:.2f}"
        signs = "" if np.isnan(self.right_signs) else f"   right signs {self.right_signs:.0%}"
        return (
            f"{self.table:12}{self.method:44}{self.rmse:.3f} ± {self.standard_error:.3f}"
            f"   decoder means {self.decoder_rmse:.3f}{beside}{signs}"
        )


def standardised(table: str) -> Tensor:
    """The features of a table, (N, D): mean 0 and standard deviation 1 before anything goes."""
    from dgm_core.data.tables import TABLES as NAMED

    frame = data.load_table(table).drop(columns=NAMED[table].target)
    x = torch.tensor(frame.to_numpy(np.float64))
    return ((x - x.mean(0)) / x.std(0, correction=0)).float()


def run(config: Config) -> Iterator[Frame | Row]:
    """Frames while a method is trained, and its row; tables that are not here are passed over."""
    for i, table in enumerate(config.tables):
        try:
            x = standardised(table)
        except data.DataUnavailable:
            yield Frame(f"{table} is not here", (i + 1) / len(config.tables))
            continue
        for item in of_table(config, table, x):
            if isinstance(item, Frame):
                yield Frame(item.doing, (i + item.done) / len(config.tables))
            else:
                yield item


def of_table(config: Config, table: str, x: Tensor) -> Iterator[Frame | Row]:
    """The methods on one table, (N, D) as of `standardised`."""
    masked, begun = Masked(x, above_the_mean(x)), {}
    for number, name in enumerate(config.methods):
        for item in _row(config, table, name, x, masked, begun):
            if isinstance(item, float):
                yield Frame(f"{table}, {name}", (number + item) / len(config.methods))
            else:
                yield item


def _row(
    config: Config, table: str, name: str, x: Tensor, masked: Masked, begun: _Begun
) -> Iterator[float | Row]:
    started = time.monotonic()
    if name in TABLE_BASELINES:
        means = [
            list(TABLE_BASELINES[name]().run(masked, generator(seed)))[-1].mean
            for seed in range(config.runs)
        ]
        each = [_rmse(mean, x, masked) for mean in means]
        yield _finished(config, table, name, each, [np.nan], [], np.nan, 0, started)
        return
    method = METHODS[name]
    iterations = config.iterations or method.iterations
    models, bounds, right = [], [], []
    for group in range(method.restarts):
        # Vectorised over the runs; of a method with restarts, one restart of every run at a time.
        trained = None
        for item in _trained(config, method, masked, iterations, group, begun):
            if isinstance(item, float):
                yield (group + item) / method.restarts
            else:
                trained = item
        models.append(trained)
        bounds.append([_bound(model, masked) for model in trained])
        right.append([_right_signs(model, masked) for model in trained])
    chosen = np.argmax(np.array(bounds), 0)
    kept = [models[group][member] for member, group in enumerate(chosen)]
    of_kept = [bounds[group][member] for member, group in enumerate(chosen)]
    both = [_imputed(model, masked, config.samples) for model in kept]
    each, decoders = ([_rmse(pair[i], x, masked) for pair in both] for i in (0, 1))
    signs = [right[group][member] for member, group in enumerate(chosen)]
    asked = method.process is of_unknown_sign
    found = float(np.mean(signs)) if asked else np.nan
    yield _finished(config, table, name, each, decoders, of_kept, found, iterations, started)


def _trained(
    config: Config, method: Method, masked: Masked, iterations: int, group: int, begun: _Begun
) -> Iterator[float | list[MIWAE]]:
    """Shares of the work, then the models of all runs."""
    key = (method.networks, method.process, iterations, method.learning_rate, group)
    bent_for = min(method.bent_for, iterations)
    total = iterations + bent_for
    if key not in begun:
        seeds = [1000 * group + run for run in range(config.runs)]
        models = [_model(method, masked.x.shape[1], seed) for seed in seeds]
        several = Restarts(models)
        for done in _fitted(config, several, masked, iterations, method.learning_rate, group):
            yield done * iterations / total
        begun[key] = several.members()
    models = begun[key]
    if bent_for:
        models = [copy.deepcopy(model) for model in models]
        for run, model in enumerate(models):
            model.decoder = LinearPlusNetwork.around(model.decoder, source=generator(run))
        several = Restarts(models)
        for done in _fitted(config, several, masked, bent_for, method.learning_rate / 3, group):
            yield (iterations + done * bent_for) / total
        models = several.members()
    yield models


def _fitted(
    config: Config, several: Restarts, masked: Masked, iterations: int, rate: float, seed: int
) -> Iterator[float]:
    """Train so many iterations, to whole epochs; yields the share that is done."""
    epochs = max(1, round(iterations * config.batch_size / len(masked)))
    for step in fit(
        several,
        on_each(negative_completion_bound(config.draws)),
        masked,
        latest_weights(config.runs),
        Schedule(epochs, config.batch_size, rate, constant_part=0.6, seed=seed),
        report_every=10**9,
    ):
        yield step.epoch / epochs


def _model(method: Method, features: int, seed: int) -> MIWAE:
    source = generator(seed)
    networks = method.networks(features, source=source)
    if method.process is None:
        return MIWAE(**networks)
    process = method.process(features)
    if method.process is of_unknown_sign:
        torch.nn.init.normal_(process.weight, 0, 0.1, generator=source)
    return NotMIWAE(**networks, missing_process=process)


@torch.no_grad()
def _bound(model: MIWAE, masked: Masked, draws: int = 200) -> float:
    source = generator(1)
    parts = [
        weighted_completions(model, masked[r], draws, source).bound for r in _rows(masked, 50)
    ]
    return torch.cat(parts).mean().item()


@torch.no_grad()
def _imputed(model: MIWAE, masked: Masked, samples: int) -> tuple[Tensor, Tensor]:
    """Weighted drawn values, and weighted means of the decoder, (N, D) each."""
    source = generator(2)
    pairs = []
    for rows in _rows(masked, max(1, 2**21 // (samples * masked.x.shape[1]))):
        sample = weighted_completions(model, masked[rows], samples, source)
        pairs.append((mean_and_variance(sample)[0], mean_of_decoder(sample)))
    drawn, decoded = (torch.cat(each) for each in zip(*pairs, strict=True))
    return drawn, decoded


def _rows(masked: Masked, at_once: int) -> Iterator[slice]:
    for start in range(0, len(masked), at_once):
        yield slice(start, start + at_once)


def _rmse(mean: Tensor, x: Tensor, masked: Masked) -> float:
    return rmse_of_table(mean, x, ~masked.observed).mean.item()


def _right_signs(model: MIWAE, masked: Masked) -> bool:
    """Does every losing column's learned process hide high values?"""
    process = getattr(model, "missing_process", None)
    if not isinstance(process, SelfMasking):
        return False
    return bool((process.own_slopes()[~masked.observed.all(0)] > 0).all())


def _finished(
    config: Config,
    table: str,
    name: str,
    each: list[float],
    decoders: list[float],
    bounds: list[float],
    right_signs: float,
    iterations: int,
    started: float,
) -> Row:
    def mean_and_error(values: list[float]) -> tuple[float, float]:
        error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
        return float(np.mean(values)), float(error)

    published = PUBLISHED.get(name, {}).get(table, (np.nan, np.nan))
    return Row(
        table,
        name,
        *mean_and_error(each),
        *mean_and_error(decoders),
        tuple(round(value, 4) for value in each),
        tuple(round(value, 3) for value in bounds),
        *published,
        right_signs,
        len(each),
        iterations,
        (time.monotonic() - started) / 60,
    )
