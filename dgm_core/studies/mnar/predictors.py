"""Ways to predict y from rows with holes, all with the same linear predictor.

    p(y|x) = softmax(W x + b)_y  or  N(y; w·x + b, s²),   log p(W) = −½ λ ‖W‖² + constant

What differs is where x_mis comes from:

    complete data            from the complete table: what such a predictor can reach at best
    impute, then predict     x̂ = E[x_mis | x_obs], put in as if it had been seen
    (sup-)(not-)MIWAE        Σ_k α_k p(y | x_obs, x_mis,k): the holes are integrated out, and the
                             labels of the training rows help to learn what stood in them

Ipsen, Mattei & Frellsen 2022. The predictor is linear because its optimum is then unique: whoever
fits it to completed rows finds the same one, and nothing but the completion is compared. With
completed rows it is trained to that optimum, within a supervised model along with the rest.

All is learned from the training rows; only the mean and MICE also read the features of the test
rows, which are filled in with the others. No method sees the labels of the test rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_core.baselines.table_imputers import TABLE_BASELINES
from dgm_core.distributions.columns import Column
from dgm_core.models.miwae import MIWAE
from dgm_core.models.supmiwae import CategoricalPredictor, GaussianPredictor, SupMIWAE
from dgm_core.networks import linear
from dgm_core.rng import generator
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.studies.mnar import side_by_side
from dgm_core.training import Objective, fit, latest_weights
from dgm_core.training.losses import negative_completion_bound
from dgm_core.types import Labelled, Masked

ORACLE, IMPUTED, SUP, SUP_NOT = "oracle", ", then predict", "supMIWAE", "sup-not-MIWAE"


@dataclass(frozen=True)
class Training(side_by_side.Config):
    """How models and predictors are trained.

    Attributes:
        penalty: λ.
    """

    steps: int = 400
    batch_size: int = 64
    penalty: float = 1.0


class Split(NamedTuple):
    """What a method may know."""

    seed: int
    columns: tuple[Column, ...]
    classes: int | None  # None = y is a number
    known: Masked  # training rows before anything was removed, for the oracle
    left: Masked
    y: Tensor  # (N,) of the training rows
    test_known: Masked
    test_left: Masked

    @property
    def losing(self) -> list[int]:
        """The entries of a row that have holes in training."""
        return (~self.left.observed).any(0).nonzero()[:, 0].tolist()


Laws = list[Distribution]
"""p(y | …) of the test rows, some consecutive rows each."""


def by_oracle(config: Training, split: Split) -> Laws:
    """From the complete data; what was missing to begin with is at its column's mean, 0."""
    return _two_stage(config, split, split.known.x, split.test_known.x)


def by_baseline(name: str, config: Training, split: Split) -> Laws:
    """From what a simple method fills in."""
    both = Masked(
        torch.cat([split.left.x, split.test_left.x]),
        torch.cat([split.left.observed, split.test_left.observed]),
    )
    *_, filled = TABLE_BASELINES[name]().run(both, generator(split.seed))
    count = len(split.left)
    return _two_stage(config, split, filled.mean[:count], filled.mean[count:])


def by_imputation(name: str, config: Training, split: Split) -> Laws:
    """From the conditional means of MIWAE or not-MIWAE, trained without labels."""
    config = replace(config, seed=split.seed)
    model = side_by_side.build(config, split.columns, split.losing)[name]
    _train(config, model, negative_completion_bound(config.draws), split.left)
    filled = (_completed(config, model, rows) for rows in (split.left, split.test_left))
    return _two_stage(config, split, *filled)


def by_supervision(config: Training, split: Split, *, knows_process: bool) -> Laws:
    """From a supervised model: p(y | x_obs, s) by its own weights, without y."""
    config = replace(config, seed=split.seed)
    plain = side_by_side.build(config, split.columns, split.losing)["not-MIWAE"]
    model = SupMIWAE(
        plain.encoder,
        plain.posterior,
        plain.decoder,
        plain.likelihood,
        plain.latent_dim,
        predictor=predictor(split),
        missing_process=plain.missing_process if knows_process else None,
    )
    bound = negative_completion_bound(config.draws)

    def penalised(model: SupMIWAE, rows: Labelled, source: torch.Generator) -> Tensor:
        return bound(model, rows, source) + penalty(config, model.predictor, len(split.y))

    _train(config, model, penalised, Labelled(split.left, split.y))
    pieces = side_by_side.pieces(model, split.test_left, config.samples, generator(split.seed))
    with torch.no_grad():
        return [model.predict(sample) for sample in pieces]


METHODS: dict[str, Callable[[Training, Split], Laws]] = {
    ORACLE: by_oracle,
    f"mean{IMPUTED}": partial(by_baseline, "mean"),
    f"MICE{IMPUTED}": partial(by_baseline, "MICE"),
    f"MIWAE{IMPUTED}": partial(by_imputation, "MIWAE"),
    f"not-MIWAE{IMPUTED}": partial(by_imputation, "not-MIWAE"),
    SUP: partial(by_supervision, knows_process=False),
    SUP_NOT: partial(by_supervision, knows_process=True),
}
"""Name → what it predicts."""


def predictor(split: Split) -> nn.Module:
    """p(y|x) before training."""
    features = split.left.x.shape[1]
    head = linear(features, split.classes or 1, generator(split.seed))
    return CategoricalPredictor(head) if split.classes else GaussianPredictor(head)


def penalty(config: Training, head: nn.Module, rows: int) -> Tensor:
    """½ λ ‖W‖², nats a training row."""
    return 0.5 * config.penalty * head.network.weight.square().sum() / rows


def fitted(config: Training, head: nn.Module, x: Tensor, y: Tensor) -> nn.Module:
    """The predictor that is best on complete rows, in double precision.

    Args:
        config: of the penalty.
        head: from `predictor`; it is changed.
        x: (N, D).
        y: (N,).
    """
    head, x = head.double(), x.double()
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=500, tolerance_grad=1e-8, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = penalty(config, head, len(y)) - head(x).log_prob(y).mean()
        value.backward()
        return value

    optimizer.step(loss)
    return head


@torch.no_grad()
def _two_stage(config: Training, split: Split, x: Tensor, test: Tensor) -> Laws:
    """By a predictor of rows completed beforehand."""
    with torch.enable_grad():
        head = fitted(config, predictor(split), x, split.y)
    return [head(test.double())]


def _train(
    config: Training, model: nn.Module, objective: Objective, rows: Masked | Labelled
) -> None:
    for _ in fit(
        model, objective, rows, latest_weights(), config.schedule(len(rows)), report_every=10**9
    ):
        pass


@torch.no_grad()
def _completed(config: Training, model: MIWAE, rows: Masked) -> Tensor:
    """The conditional mean in every hole."""
    pieces = side_by_side.pieces(model, rows, config.samples, generator(config.seed))
    return torch.cat([mean_and_variance(sample)[0] for sample in pieces])
