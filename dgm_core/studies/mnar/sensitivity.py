"""Sensitivity analysis: imputations under an assumed p(s|x), from a model trained once.

    α_k ∝ p(x_obs|z_k) p(z_k) / q(z_k|x_obs)  ·  Π_{d hidden} σ(W_d (x_{d,k} − b_d))

`prepare` computes the completions (z_k, x_mis,k) and the first three factors once. A new
assumption changes only the last factor, so `assume` runs no network and takes milliseconds. The
factors of observed entries are the same for all k and cancel. With W = 0 values are missing at
random, and the weights are those of MIWAE.

The draws come from a model that assumes values missing at random. The further an assumption moves
the weights, the smaller is the effective sample size `Assumed.ess`.
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
"""Effective sample size below which the imputation of a row is unreliable."""


class Basis(NamedTuple):
    """Completions of some rows, with weights for values missing at random.

    There are H missing entries in all; those of one row share their K weights.
    """

    masked: Masked  # (B, D)
    true_values: Tensor  # (B, D)
    hidden: Tensor  # (B, D) bool, the entries that are scored
    rows: Tensor  # (B,) indices of these rows in the table
    row: Tensor  # (H,) row 0 … B − 1 of each missing entry
    column: Tensor  # (H,) its column
    values: Tensor  # (H, K) x_mis,k
    log_w: Tensor  # (B, K) without p(s|x)
    at_random: Tensor  # (H,) mean of each missing entry by these weights


class Assumed(NamedTuple):
    """Imputations under an assumption."""

    mean: Tensor  # (B, D), observed values where observed
    sd: Tensor  # (B, D), 0 where observed
    rmse: MeanAndError  # over the hidden entries
    ess: Tensor  # (B,) effective sample size
    weak_fraction: float  # fraction of rows with an effective sample size below `FEW`
    shift: Tensor  # (D,) change of a column's imputed mean in SD; NaN: nothing is missing
    weights: Tensor  # (B, K), each row sums to 1


@torch.no_grad()
def prepare(
    model: MIWAE, problem: Problem, rows: int = 300, samples: int = 500, seed: int = 0
) -> Basis:
    """Draw and weight completions of at most `rows` rows with missing values.

    Args:
        model: trained; the p(s|x) of a not-MIWAE is ignored.
        problem: the table and the values removed.
        rows: maximal B; the rows are evenly spread.
        samples: K.
        seed: of the draws.
    """
    chosen = watched_rows(problem, rows)
    masked = problem.masked[chosen]
    sample = weighted_completions(model, masked, samples, generator(seed)).without("missing")
    assert sample.x is not None, "expected completions of x"
    row, column = (~masked.observed).nonzero().T
    values, log_w = sample.x[:, row, column].T.contiguous(), sample.log_w.T.contiguous()
    at_random = (log_w.softmax(1)[row] * values).sum(1)
    return Basis(
        masked,
        problem.original.x[chosen],
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
    """An assumption: self-masking of the columns with missing values.

    Args:
        features: D.
        losing: the entries of a row that it applies to.
        strength: W, nats per standard deviation; + = high values go missing, − = low ones.
        threshold: b, standard deviations from the mean.
    """
    affected = torch.zeros(features, dtype=torch.bool)
    affected[losing] = True
    return Restricted(SelfMasking(features, strength, threshold), affected).requires_grad_(False)


@torch.no_grad()
def assume(basis: Basis, process: Restricted) -> Assumed:
    """The same completions, weighted by the process.

    Args:
        basis: from `prepare`.
        process: self-masking of some columns, from `assumed_process`.

    Raises:
        TypeError: any other process; it would need more than the missing values.
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
        rmse_of_table(table, basis.true_values, basis.hidden),
        ess,
        (ess < FEW).double().mean().item(),
        _mean_of_columns(mean - basis.at_random, column, table.shape[1]),
        weights,
    )


def histogram(basis: Basis, assumed: Assumed, column: int, edges: Tensor) -> Tensor:
    """Density of the values imputed in a column, (bins,) per standard deviation.

    Values beyond the outer edges are not counted, so it integrates to at most 1.

    Args:
        basis, assumed: draws and their weights.
        column: entry of a row.
        edges: ascending, (bins + 1,).
    """
    chosen = basis.column == column
    values, weights = basis.values[chosen], assumed.weights[basis.row[chosen]]
    inside = torch.bucketize(values, edges, right=True).flatten()  # 0 = below, bins + 1 = above
    mass = torch.bincount(inside, weights.flatten(), minlength=len(edges) + 1)[1:-1]
    return mass / chosen.sum() / edges.diff()


def _mean_of_columns(of_entry: Tensor, column: Tensor, columns: int) -> Tensor:
    """Mean over the missing entries of each column: (H,) → (D,)."""
    total = of_entry.new_zeros(columns).index_add(0, column, of_entry)
    return total / torch.bincount(column, minlength=columns)
