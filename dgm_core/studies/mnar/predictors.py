"""Methods that predict y from rows with missing values, all with the same linear predictor.

    p(y|x) = softmax(W x + b)_y  or  N(y; w·x + b, s²),   log p(W) = −½ λ ‖W‖² + constant

They differ in how they treat x_mis:

    oracle                   uses the complete table: the reference for such a predictor
    impute, then predict     x̂ = E[x_mis | x_obs], used as if it had been observed
    sup(-not)-MIWAE          Σ_k α_k p(y | x_obs, x_mis,k): x_mis is integrated out, and the
                             targets of the training rows help to learn its distribution

Ipsen, Mattei & Frellsen 2022. The predictor is linear so that its optimum is unique; then the
comparison depends only on the imputation. On completed rows it is trained to that optimum. In a
supervised model it is trained together with the other networks.

Everything is learned from the training rows. Only the mean and MICE also use the features of the
test rows. No method uses the targets of the test rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_core.baselines.filling import Budget
from dgm_core.baselines.table_imputers import TABLE_BASELINES, UNLIMITED, completed
from dgm_core.distributions.columns import Column
from dgm_core.models.miwae import MIWAE
from dgm_core.models.supmiwae import CategoricalPredictor, GaussianPredictor, SupMIWAE
from dgm_core.networks import linear
from dgm_core.rng import generator
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.stepwise import Steps, Stepwise, stepwise
from dgm_core.studies.mnar import side_by_side
from dgm_core.training import Objective, fit, latest_weights
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Labelled, Masked

ORACLE, IMPUTED, SUP, SUP_NOT = "oracle", ", then predict", "supMIWAE", "sup-not-MIWAE"


@dataclass(frozen=True)
class Training(side_by_side.Config):
    """Settings of the training of models and predictors.

    Attributes:
        assumed: a key of `side_by_side.ASSUMPTIONS`, for not-MIWAE and sup-not-MIWAE.
        penalty: λ.
    """

    assumed: str | None = side_by_side.KNOWN
    steps: int = 400
    batch_size: int = 64
    penalty: float = 1.0


class Split(NamedTuple):
    """The data that a method may use."""

    seed: int
    columns: tuple[Column, ...]
    classes: int | None  # None = y is a number
    known: Masked  # training rows before values were removed, for the oracle
    masked: Masked  # training rows
    y: Tensor  # (N,) of the training rows
    test_known: Masked
    test_masked: Masked


Predictions = list[Distribution]
"""p(y | …) of the test rows, each for some consecutive rows."""

ITERATIONS = 500
"""Most iterations of the search for the optimal predictor."""
AT_ONCE = 300_000_000
"""Iterations × rows × weights of the predictor that are computed in one step."""


@stepwise
def by_oracle(config: Training, split: Split, budget: Budget = UNLIMITED) -> Steps[Predictions]:
    """Predict from the complete table; its own missing values are set to the column's mean, 0."""
    return (yield from _two_stage(config, split, split.known.x, split.test_known.x))


@stepwise
def by_baseline(
    name: str, config: Training, split: Split, budget: Budget = UNLIMITED
) -> Steps[Predictions]:
    """Predict from the imputations of a simple method."""
    both = Masked(
        torch.cat([split.masked.x, split.test_masked.x]),
        torch.cat([split.masked.observed, split.test_masked.observed]),
    )
    filled = yield from completed.steps(
        TABLE_BASELINES[name](), both, generator(split.seed), budget
    )
    count = len(split.masked)
    return (yield from _two_stage(config, split, filled.mean[:count], filled.mean[count:]))


@stepwise
def by_imputation(
    name: str, config: Training, split: Split, budget: Budget = UNLIMITED
) -> Steps[Predictions]:
    """Predict from the conditional means of MIWAE or not-MIWAE, trained without targets."""
    config = replace(config, seed=split.seed)
    model = side_by_side.build(config, split.columns, split.masked.losing)[name]
    yield from _train(config, model, negative_completion_bound(config.draws), split.masked)
    train = yield from _completed(config, model, split.masked)
    test = yield from _completed(config, model, split.test_masked)
    return (yield from _two_stage(config, split, train, test))


@stepwise
def by_supervision(
    config: Training, split: Split, budget: Budget = UNLIMITED, *, learns_process: bool
) -> Steps[Predictions]:
    """Predict by a supervised model: p(y | x_obs, s) by its own weights, without y."""
    config = replace(config, seed=split.seed)
    plain = side_by_side.not_miwae(config, split.columns, split.masked.losing)
    model = SupMIWAE(
        plain.encoder,
        plain.posterior,
        plain.decoder,
        plain.likelihood,
        plain.latent_dim,
        predictor=predictor(split),
        missing_process=plain.missing_process if learns_process else None,
    )
    bound = negative_completion_bound(config.draws)

    def penalised(module: nn.Module, rows: Labelled, source: torch.Generator) -> Tensor:
        head = cast(SupMIWAE, module).predictor
        return bound(module, rows, source) + penalty(config, head, len(split.y))

    yield from _train(config, model, penalised, Labelled(split.masked, split.y))
    predictions = []
    pieces = side_by_side.pieces(model, split.test_masked, config.samples, generator(split.seed))
    for sample in pieces:
        yield None
        with torch.no_grad():
            predictions.append(model.predict(sample))
        yield None
    return predictions


METHODS: dict[str, Stepwise[..., Predictions]] = {
    ORACLE: by_oracle,
    f"mean{IMPUTED}": by_baseline.partial("mean"),
    f"MICE{IMPUTED}": by_baseline.partial("MICE"),
    f"MIWAE{IMPUTED}": by_imputation.partial("MIWAE"),
    f"not-MIWAE{IMPUTED}": by_imputation.partial("not-MIWAE"),
    SUP: by_supervision.partial(learns_process=False),
    SUP_NOT: by_supervision.partial(learns_process=True),
}
"""Name → function of training, split and budget of simple methods; predicts y for test rows."""


def predictor(split: Split) -> nn.Module:
    """p(y|x) before training."""
    features = split.masked.x.shape[1]
    head = linear(features, split.classes or 1, generator(split.seed))
    return CategoricalPredictor(head) if split.classes else GaussianPredictor(head)


def penalty(config: Training, head: nn.Module, rows: int) -> Tensor:
    """½ λ ‖W‖², nats per training row."""
    weight = cast(nn.Linear, head.network).weight
    return 0.5 * config.penalty * weight.square().sum() / rows


@stepwise
def fitted(config: Training, head: nn.Module, x: Tensor, y: Tensor) -> Steps[nn.Module]:
    """The optimal predictor on complete rows, in double precision.

    Args:
        config: sets the penalty.
        head: from `predictor`; changed in place.
        x: (N, D).
        y: (N,).
    """
    head, x = head.double(), x.double()
    weights = list(head.parameters())
    work = len(x) * sum(each.numel() for each in weights)
    at_once = max(1, min(ITERATIONS, AT_ONCE // work))
    optimizer = torch.optim.LBFGS(
        weights,
        max_iter=at_once,
        max_eval=2 * ITERATIONS,
        tolerance_grad=1e-8,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = penalty(config, head, len(y)) - head(x).log_prob(y).mean()
        value.backward()
        return value

    # The optimizer's state lasts from step to step, so the path does not depend on `at_once`.
    for done in range(at_once, ITERATIONS + at_once, at_once):
        optimizer.step(loss)
        yield None
        if optimizer.state[weights[0]]["n_iter"] < done:
            break  # converged
    return head


def _two_stage(config: Training, split: Split, x: Tensor, test: Tensor) -> Steps[Predictions]:
    """Fit a predictor to completed training rows and apply it to completed test rows."""
    head = yield from fitted.steps(config, predictor(split), x, split.y)
    with torch.no_grad():
        return [head(test.double())]


def _train(
    config: Training, model: nn.Module, objective: Objective, rows: Masked | Labelled
) -> Steps[None]:
    for _ in fit(
        model, objective, rows, latest_weights(), config.schedule(len(rows)), report_every=1
    ):
        yield None


def _completed(config: Training, model: MIWAE, rows: Masked) -> Steps[Tensor]:
    """Rows with missing values replaced by their conditional means."""
    means = []
    for sample in side_by_side.pieces(model, rows, config.samples, generator(config.seed)):
        yield None
        with torch.no_grad():
            means.append(mean_and_variance(sample)[0])
        yield None
    return torch.cat(means)
