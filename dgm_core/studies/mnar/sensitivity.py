"""What if? Imputations under an assumed p(s|x), from a decoder trained once.

    α_k ∝ p(x_obs|z_k) p(z_k) / q(z_k|x_obs)  ·  Π_{d hidden} σ(W_d (x_{d,k} − b_d))

The completions (z_k, x_mis,k) and the first three factors are computed once, by `prepare`; a new
assumption changes the last factor alone, so `assume` runs no network and takes milliseconds. The
factors of what is observed are the same for all k and drop out. With W = 0 what is missing is
missing at random, and the weights are those of MIWAE.

The draws stay where a model of data missing at random put them. The further an assumption moves
the weights, the fewer draws carry them: `Assumed.ess` says when not to look any further.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dgm_core.metrics import MeanAndError, rmse_of_table
from dgm_core.missing.amputation import Problem
from dgm_core.missing.processes import Restricted, SelfMasking
from dgm_core.models.miwae import MIWAE
from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.studies.mnar.side_by_side import watched_rows
from dgm_core.types import Masked

FEW = 10
"""Effective importance samples below which a row's answer is not to be trusted."""


class Basis(NamedTuple):
    """Completions of some rows, weighted as if data were missing at random.

    H missing entries in all; those of one row share their K weights.
    """

    masked: Masked  # (B, D)
    truth: Tensor  # (B, D)
    hidden: Tensor  # (B, D) bool, the entries that count
    rows: Tensor  # (B,) which rows of the table these are
    row: Tensor  # (H,) of each missing entry, 0 … B − 1
    column: Tensor  # (H,)
    values: Tensor  # (H, K) x_mis,k
    log_w: Tensor  # (B, K) without p(s|x)
    at_random: Tensor  # (H,) mean of each missing entry by these weights


class Assumed(NamedTuple):
    """What the rows look like if an assumption holds."""

    mean: Tensor  # (B, D), as observed where observed
    sd: Tensor  # (B, D), 0 where observed
    rmse: MeanAndError  # over the hidden entries
    ess: Tensor  # (B,) effective importance samples
    weak_fraction: float  # of the rows, with fewer than `FEW` of them
    shift: Tensor  # (D,) of a column's imputed mean, SDs from missing at random; NaN: no hole
    weights: Tensor  # (B, K), they sum to 1


@torch.no_grad()
def prepare(
    model: MIWAE, problem: Problem, rows: int = 300, samples: int = 500, seed: int = 0
) -> Basis:
    """Draw and weigh completions of at most `rows` rows that lost something.

    Args:
        model: trained; of a not-MIWAE the own p(s|x) is left out.
        problem: the table and what was removed.
        rows: B at most, evenly spread.
        samples: K.
        seed: of the draws.
    """
    chosen = watched_rows(problem, rows)
    masked = problem.masked[chosen]
    sample = weighted_completions(model, masked, samples, generator(seed)).without("missing")
    row, column = (~masked.observed).nonzero().T
    values, log_w = sample.x[:, row, column].T.contiguous(), sample.log_w.T.contiguous()
    at_random = (log_w.softmax(1)[row] * values).sum(1)
    return Basis(
        masked,
        problem.truth.x[chosen],
        problem.hidden[chosen],
        chosen,
        row,
        column,
        values,
        log_w,
        at_random,
    )


def assumed_process(
    features: int, losing: list[int], strength: float, threshold: float = 0.0
) -> Restricted:
    """Self-masking of the columns that lose values, to be assumed.

    Args:
        features: D.
        losing: the entries of a row it is about.
        strength: W, nats a standard deviation; + = high values go missing, − = low ones.
        threshold: b, standard deviations from the mean.
    """
    affected = torch.zeros(features, dtype=torch.bool)
    affected[losing] = True
    return Restricted(SelfMasking(features, strength, threshold), affected).requires_grad_(False)


@torch.no_grad()
def assume(basis: Basis, process: Restricted) -> Assumed:
    """The same completions, weighted by what `process` says of the missing ones.

    Args:
        basis: from `prepare`.
        process: self-masking of some columns, as `assumed_process` makes it.

    Raises:
        TypeError: another process, which would need more than the missing values.
    """
    own = process.process
    if not isinstance(own, SelfMasking):
        raise TypeError(f"expected self-masking of some columns, got {own.kind}")
    column, row, values = basis.column, basis.row, basis.values
    slope = torch.where(process.affected, own.weight, 0)[column, None]
    log_missing = torch.nn.functional.logsigmoid(slope * (values - own.threshold[column, None]))
    log_w = basis.log_w.index_add(0, row, log_missing)
    weights = log_w.softmax(1)
    of_entry = weights.index_select(0, row)
    mean = (of_entry * values).sum(1)
    variance = (of_entry * (values - mean[:, None]).square()).sum(1)
    table = basis.masked.x.index_put((row, column), mean)
    ess = 1 / weights.square().sum(1)
    return Assumed(
        table,
        torch.zeros_like(table).index_put((row, column), variance.sqrt()),
        rmse_of_table(table, basis.truth, basis.hidden),
        ess,
        (ess < FEW).double().mean().item(),
        _mean_of_columns(mean - basis.at_random, column, table.shape[1]),
        weights,
    )


def histogram(basis: Basis, assumed: Assumed, column: int, edges: Tensor) -> Tensor:
    """Density of the values imputed in a column, (bins,) a standard deviation.

    Values beyond the outer edges are counted in none, so it integrates to 1 or less.

    Args:
        basis, assumed: which draws, and their weights.
        column: entry of a row.
        edges: ascending, (bins + 1,).
    """
    chosen = basis.column == column
    values, weights = basis.values[chosen], assumed.weights[basis.row[chosen]]
    inside = torch.bucketize(values, edges, right=True).flatten()  # 0 = below, bins + 1 = above
    mass = torch.bincount(inside, weights.flatten(), minlength=len(edges) + 1)[1:-1]
    return mass / chosen.sum() / edges.diff()


def _mean_of_columns(of_entry: Tensor, column: Tensor, columns: int) -> Tensor:
    """Means (D,) of what each missing entry has, (H,)."""
    total = of_entry.new_zeros(columns).index_add(0, column, of_entry)
    return total / torch.bincount(column, minlength=columns)
