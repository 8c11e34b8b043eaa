"""Time of training and imputation of tables, compared with network passes alone, and by rows.

Table and sizes are those of the public PyTorch code of not-MIWAE: 2,000 × 10, 9 latents, two
hidden layers of 128, K = 20, batches of 64, one thread. `plain_forms` has that method in the form
of public code, timed in the same run. Weights do not matter here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from dgm_core.bench.plain_forms import PlainNotMIWAE
from dgm_core.bench.timing import Line, milliseconds, one_thread
from dgm_core.device import default_device
from dgm_core.missing.processes import SelfMasking, above_the_mean
from dgm_core.models.miwae import MIWAE
from dgm_core.models.notmiwae import NotMIWAE
from dgm_core.models.tabular import Networks, tanh_networks
from dgm_core.rng import generator, normal
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.training import Schedule, fit
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Masked

ROWS, FEATURES, LATENTS, BATCH, DRAWS = 2_000, 10, 9, 64, 20
EPOCH_GOAL, IMPUTING_GOAL = 0.5, 0.3
"""Largest time ÷ that of the plain form."""
PIECES = 50
"""Blocks of rows in the imputation, small enough for the processor's cache."""
MORE_ROWS = (2_000, 20_000, 200_000)


def run() -> Iterator[Line]:
    """All lines of this benchmark."""
    with one_thread():
        yield from _epochs()
        yield from _imputation()
        yield from _by_rows()


def _table(rows: int) -> Masked:
    x = normal((rows, FEATURES), generator(0))
    return Masked(x, above_the_mean(x)).to(default_device())


def _models() -> dict[str, MIWAE]:
    def networks() -> Networks:
        return tanh_networks(FEATURES, LATENTS, source=generator(1))

    notmiwae = NotMIWAE(**networks(), missing_process=SelfMasking(FEATURES))
    return {
        "MIWAE": MIWAE(**networks()).to(default_device()),
        "not-MIWAE": notmiwae.to(default_device()),
    }


def _plain() -> dict[str, PlainNotMIWAE]:
    return {
        name: PlainNotMIWAE(FEATURES, LATENTS, masking=name == "not-MIWAE").to(default_device())
        for name in ("MIWAE", "not-MIWAE")
    }


def _passes(model: MIWAE, masked: Masked) -> None:
    """The least work of an epoch: networks forwards and backwards, and the optimiser."""
    optimizer = torch.optim.Adam(model.parameters())
    for start in range(0, len(masked), BATCH):
        rows = masked[start : start + BATCH]
        z = model.encoder(torch.cat([rows.x, rows.observed.float()], 1))[:, :LATENTS]
        out: Tensor = model.decoder(z.repeat(DRAWS, 1))
        optimizer.zero_grad(set_to_none=True)
        out.square().mean().backward()
        optimizer.step()


def _epoch(model: MIWAE, masked: Masked) -> None:
    for _ in fit(
        model,
        negative_completion_bound(DRAWS),
        masked,
        lambda _: 0.0,
        Schedule(1, BATCH),
        report_every=10**9,
    ):
        pass


def _epochs() -> Iterator[Line]:
    masked, models = _table(ROWS), _models()
    taken = milliseconds(
        {
            "passes": lambda: _passes(models["MIWAE"], masked),
            **{name: lambda m=model: _epoch(m, masked) for name, model in models.items()},
            **{
                f"plain {name}": lambda m=model: m.epoch(masked, BATCH, DRAWS)
                for name, model in _plain().items()
            },
        },
        repeats=15,
        warmup=2,
    )
    yield Line("network passes and optimiser, one epoch", taken["passes"] / 1e3, "s", None)
    for name in models:
        yield Line(f"{name}: one epoch of 2,000 × 10", taken[name] / 1e3, "s", None)
        ratio = taken[name] / taken[f"plain {name}"]
        yield Line(f"{name}: epoch ÷ the plain form's", ratio, "×", EPOCH_GOAL)
        yield Line(f"{name}: epoch ÷ passes", taken[name] / taken["passes"], "×", None)


def _imputation(samples: int = 1_000) -> Iterator[Line]:
    masked, models = _table(ROWS), _models()
    taken = milliseconds(
        {
            "decoder": lambda: _decoder_passes(models["MIWAE"], samples),
            **{n: lambda m=model: _impute(m, masked, samples) for n, model in models.items()},
            **{
                f"plain {name}": lambda m=model: m.impute(masked, samples, BATCH)
                for name, model in _plain().items()
            },
        },
        repeats=3,
        warmup=1,
    )
    what = f"decoder passes alone, {samples:,} samples"
    yield Line(what, taken["decoder"] / 1e3, "s", None)
    for name in models:
        what = f"{name}: imputing the mean, {samples:,} samples"
        yield Line(what, taken[name] / 1e3, "s", None)
        ratio = taken[name] / taken[f"plain {name}"]
        yield Line(f"{name}: imputing ÷ the plain form's", ratio, "×", IMPUTING_GOAL)
        yield Line(f"{name}: imputing ÷ decoder passes", taken[name] / taken["decoder"], "×", None)


@torch.no_grad()
def _decoder_passes(model: MIWAE, samples: int) -> None:
    z = torch.zeros(ROWS * samples // PIECES, LATENTS, device=default_device())
    for _ in range(PIECES):
        model.decoder(z)


@torch.no_grad()
def _impute(model: MIWAE, masked: Masked, samples: int) -> Tensor:
    source = generator(0, masked.device)
    rows = -(-len(masked) // PIECES)
    means = []
    for start in range(0, len(masked), rows):
        sample = weighted_completions(model, masked[start : start + rows], samples, source)
        means.append(mean_and_variance(sample)[0])
    return torch.cat(means)


def _by_rows() -> Iterator[Line]:
    """Time should be proportional to rows: the slope of log seconds over log rows is 1."""
    seconds = {}
    model = _models()["not-MIWAE"]
    for rows in MORE_ROWS:
        masked = _table(rows)
        start = time.perf_counter()
        _epoch(model, masked)
        _impute(model, masked, 20)
        seconds[rows] = time.perf_counter() - start
        what = f"not-MIWAE: one epoch and imputing (K = 20), {rows:,} rows"
        yield Line(what, seconds[rows], "s", None)
    few, many = MORE_ROWS[0], MORE_ROWS[-1]
    slope = math.log(seconds[many] / seconds[few]) / math.log(many / few)
    yield Line("exponent of seconds over rows (1 = linear)", slope, "", 1.1)
