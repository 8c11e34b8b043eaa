"""Predicting from rows with holes: supervised forms of MIWAE against impute-then-predict.

    impute, then predict     x̂ = E[x | x_obs], then p(y | x̂): one guess, whatever its uncertainty
    (sup-)(not-)MIWAE        Σ_k α_k p(y | x_obs, x_mis,k): the holes are integrated out, and the
                             labels of the training rows help to learn what stood in them

Ipsen, Mattei & Frellsen 2022. The predictor is the same everywhere, linear (softmax or Gaussian)
with an L2 penalty of half a squared weight: scikit-learn's on completed rows, a linear head within
the supervised models. The *oracle* is that predictor on the complete table: the bound to any
method whose predictor is linear.

Runs differ in the split, in what goes missing, and in all noise, and are paired between methods.
Training and test rows both lose values; labels of test rows are only ever compared with. Simple
methods may see the test rows' features when they impute; the deep models see training rows alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, roc_auc_score
from torch import Tensor, nn

from dgm_core import data
from dgm_core.baselines.tables import TABLE_BASELINES
from dgm_core.coding import TableCoding
from dgm_core.missing.amputation import Amputation, ampute
from dgm_core.models.miwae import MIWAE
from dgm_core.models.supmiwae import CategoricalPredictor, GaussianPredictor, SupMIWAE
from dgm_core.networks import linear
from dgm_core.objectives import negative_completion_bound
from dgm_core.rng import generator
from dgm_core.samplers.estimates import mean_and_variance
from dgm_core.studies import mnar
from dgm_core.training import Objective, fit, latest_weights
from dgm_core.types import Labelled, Masked

Task = Literal["classification", "regression"]

ORACLE, IMPUTED, SUP, SUP_NOT = "oracle", ", then predict", "supMIWAE", "sup-not-MIWAE"
METHODS = (
    ORACLE,
    f"mean{IMPUTED}",
    f"MICE{IMPUTED}",
    f"MIWAE{IMPUTED}",
    f"not-MIWAE{IMPUTED}",
    SUP,
    SUP_NOT,
)

SCORES: dict[Task, dict[str, str]] = {
    "classification": {
        "log loss": "−log of the probability given to the true class, nats, mean over test rows. "
        "Lower is better.",
        "accuracy": "Share of the test rows whose likeliest class is the true one. Higher is "
        "better.",
        "AUC": "Area under the ROC curve, one class against the rest, mean over classes. Higher "
        "is better.",
    },
    "regression": {
        "RMSE": "Root mean squared error of the predicted mean over test rows, in standard "
        "deviations of the target. Lower is better.",
    },
}
"""Name on the screen → definition; the first is the one that methods are compared by."""


@dataclass(frozen=True)
class Config(mnar.Config):
    """All that determines a study, but the table itself.

    Attributes:
        task: what kind of target it is.
        runs: splits, at least 2.
        test_share: of the rows.
        penalty: λ of ½ λ ‖w‖² beside the summed loss of the training rows.

    Raises:
        ValueError: what `mnar.Config` refuses, or a number of runs below 2.
    """

    steps: int = 400
    learning_rate: float = 1e-2
    task: Task = "classification"
    runs: int = 5
    test_share: float = 0.25
    penalty: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.runs < 2:
            raise ValueError(f"expected at least 2 runs, got {self.runs}")


TASKS = ("breast", "wine", "diabetes", "red-wine")
"""Tables of which every numeric column of the first half loses what is above its mean."""


def task_of(table: str, runs: int) -> tuple[Config, pd.DataFrame, pd.Series]:
    """A shipped task: its config, features and target.

    Raises:
        ValueError, DataUnavailable, DownloadError: as of `data.load_table`.
    """
    frame, about = data.load_table(table), data.TABLES[table]
    features = frame.drop(columns=about.target)
    coding = TableCoding.learn(features)
    numeric = [coding.entries_of(each.name).start for each in coding.coded if not each.levels]
    plan = Amputation(columns=tuple(numeric[: len(numeric) // 2]))
    return Config(table, plan, task=about.task, runs=runs), features, frame[about.target]


class Frame(NamedTuple):
    """One method of one run is done."""

    run: int
    method: str
    scores: Mapping[str, float]
    done: float


class Row(NamedTuple):
    """One method over all runs."""

    method: str
    mean: Mapping[str, float]
    error: Mapping[str, float]  # standard errors over runs
    each: tuple[float, ...]  # the first score, run by run
    behind: float  # how far sup-not-MIWAE's first score is better than this one's; its own: 0
    behind_error: float  # standard error of that difference, paired by runs


class Result(NamedTuple):
    """All methods over all runs."""

    task: Task
    rows: tuple[Row, ...]


class _Part(NamedTuple):
    """Rows of one part of a split."""

    known: Masked  # before anything is removed
    left: Masked
    y: Tensor  # (B,)


def run(config: Config, features: pd.DataFrame, target: pd.Series) -> Iterator[Frame | Result]:
    """A frame for each method of each run, then the result.

    Args:
        config: what to do.
        features: the table, NaN = missing.
        target: of each row; rows without one are left out.

    Raises:
        ValueError: the plan removes nothing or all of a column, or there is but one class.
    """
    seen = target.notna().to_numpy()
    features, target = features[seen], target[seen]
    y = _coded(target, config.task)
    methods = [m for m in METHODS if config.plan is not None or m != ORACLE]
    found: dict[str, list[Mapping[str, float]]] = {method: [] for method in methods}
    total = config.runs * len(methods)
    for number in range(config.runs):
        coding, train, test = _split(config, number, features, y)
        mnar.checked(ampute(train.left, None))
        for method in methods:
            predicted = _predicted(config, number, method, coding, train, test)
            found[method].append(_scores(config.task, predicted, test.y))
            done = sum(map(len, found.values())) / total
            yield Frame(number, method, found[method][-1], done)
    yield result(config.task, found)


def result(task: Task, found: Mapping[str, list[Mapping[str, float]]]) -> Result:
    """Means, standard errors, and differences paired by runs.

    Args:
        task: says which scores there are.
        found: method → the scores of each run.
    """
    first = next(iter(SCORES[task]))
    sign = 1.0 if first in ("log loss", "RMSE") else -1.0
    ours = np.array([scores[first] for scores in found[SUP_NOT]])
    rows = []
    for method, runs in found.items():
        each = {name: np.array([scores[name] for scores in runs]) for name in SCORES[task]}
        gap = sign * (each[first] - ours)
        rows.append(
            Row(
                method,
                {name: float(values.mean()) for name, values in each.items()},
                {name: _standard_error(values) for name, values in each.items()},
                tuple(each[first].tolist()),
                float(gap.mean()),
                _standard_error(gap),
            )
        )
    return Result(task, tuple(rows))


def sentence(found: Result) -> str:
    """Whether sup-not-MIWAE is at least as good as what it should beat, in plain words."""
    first = next(iter(SCORES[found.task]))
    rivals = [row for row in found.rows if row.method not in (ORACLE, SUP_NOT)]
    better = [r.method for r in rivals if r.behind > 2 * r.behind_error]
    worse = [r for r in rivals if r.behind < -2 * r.behind_error]
    said = f"By {first}, sup-not-MIWAE "
    if worse:
        ahead = " and ".join(
            f"{r.method} (by {-r.behind:.3f} ± {r.behind_error:.3f})" for r in worse
        )
        return said + f"is behind {ahead}: here it does not pay."
    if len(better) == len(rivals):
        return said + "is ahead of every other method by more than two standard errors."
    if better:
        return said + f"is ahead of {' and '.join(better)}, and level with the others."
    return said + "is level with the others: no difference exceeds two standard errors."


def _standard_error(values: NDArray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def _coded(target: pd.Series, task: Task) -> Tensor:
    """Classes 0, 1, … (long), or numbers of mean 0 and standard deviation 1."""
    if task == "classification":
        codes, classes = pd.factorize(target, sort=True)
        if len(classes) < 2:
            raise ValueError("There is only one class: nothing can be told apart.")
        return torch.from_numpy(codes.astype(np.int64))
    values = torch.tensor(target.to_numpy(np.float64))
    return ((values - values.mean()) / values.std()).float()


def _split(
    config: Config, number: int, features: pd.DataFrame, y: Tensor
) -> tuple[TableCoding, _Part, _Part]:
    seed = config.seed + 100 * number
    order = torch.randperm(len(y), generator=generator(seed))
    cut = round(config.test_share * len(y))
    parts = order[cut:], order[:cut]
    coding = TableCoding.learn(features.iloc[parts[0].tolist()])
    made = []
    for place, rows in enumerate(parts):
        known = coding.encode(features.iloc[rows.tolist()])
        plan = config.plan
        if plan is not None:
            plan = replace(plan, seed=(plan.seed + seed + 50 * place) % 10_000)
        made.append(_Part(known, ampute(known, plan).masked, y[rows]))
    return coding, *made


def _predicted(
    config: Config, number: int, method: str, coding: TableCoding, train: _Part, test: _Part
) -> NDArray:
    """Of the test rows: probabilities (B, classes), or means (B,)."""
    if method == ORACLE:
        return _two_steps(config, train.known.x, test.known.x, train.y)
    if method in (SUP, SUP_NOT):
        return _supervised(config, number, method, coding, train, test)
    by = method.removesuffix(IMPUTED)
    if by in TABLE_BASELINES:
        both = Masked(
            torch.cat([train.left.x, test.left.x]),
            torch.cat([train.left.observed, test.left.observed]),
        )
        *_, filled = TABLE_BASELINES[by]().run(both, generator(config.seed + number))
        cut = len(train.left)
        return _two_steps(config, filled.mean[:cut], filled.mean[cut:], train.y)
    model = mnar.build(_of_run(config, number), coding.columns, _losing(train))[by]
    _fit(config, number, model, negative_completion_bound(config.draws), train.left)
    filled = [_completed(config, model, part.left) for part in (train, test)]
    return _two_steps(config, *filled, train.y)


def _of_run(config: Config, number: int) -> Config:
    return replace(config, seed=config.seed + number)


def _losing(part: _Part) -> list[int]:
    return (~part.left.observed).any(0).nonzero()[:, 0].tolist()


def _two_steps(config: Config, x: Tensor, test: Tensor, y: Tensor) -> NDArray:
    """scikit-learn's linear predictor, fitted to completed rows."""
    x, test, y = x.numpy(), test.numpy(), y.numpy()
    if config.task == "classification":
        fitted = LogisticRegression(C=1 / config.penalty, max_iter=2000).fit(x, y)
        return fitted.predict_proba(test)
    return Ridge(alpha=config.penalty).fit(x, y).predict(test)


def _supervised(
    config: Config, number: int, method: str, coding: TableCoding, train: _Part, test: _Part
) -> NDArray:
    plain = mnar.build(_of_run(config, number), coding.columns, _losing(train))["not-MIWAE"]
    source = generator(config.seed + number)
    if config.task == "classification":
        head = linear(coding.width, int(train.y.max()) + 1, source)
        predictor: nn.Module = CategoricalPredictor(head)
    else:
        head = linear(coding.width, 1, source)
        predictor = GaussianPredictor(head)
    model = SupMIWAE(
        plain.encoder, plain.posterior, plain.decoder, plain.likelihood, plain.latent_dim,
        predictor=predictor,
        missing_process=plain.missing_process if method == SUP_NOT else None,
    )  # fmt: skip
    bound = negative_completion_bound(config.draws)

    def penalised(model: SupMIWAE, rows: Labelled, source: torch.Generator) -> Tensor:
        weights = model.predictor.network.weight.square().sum()
        return bound(model, rows, source) + 0.5 * config.penalty * weights / len(train.y)

    _fit(config, number, model, penalised, Labelled(train.left, train.y))
    with torch.no_grad():
        pieces = [
            model.predict(sample)
            for sample in mnar.pieces(model, test.left, config.samples, generator(config.seed))
        ]
    if config.task == "classification":
        return torch.cat([law.probs for law in pieces]).numpy()
    return torch.cat([law.mean for law in pieces]).numpy()


def _fit(
    config: Config, number: int, model: nn.Module, objective: Objective, rows: Masked | Labelled
) -> None:
    schedule = replace(config.schedule(len(rows)), seed=config.seed + number)
    for _ in fit(model, objective, rows, latest_weights(), schedule, report_every=10**9):
        pass


@torch.no_grad()
def _completed(config: Config, model: MIWAE, masked: Masked) -> Tensor:
    """The conditional mean in every hole."""
    source = generator(config.seed)
    pieces = mnar.pieces(model, masked, config.samples, source)
    return torch.cat([mean_and_variance(sample)[0] for sample in pieces])


def _scores(task: Task, predicted: NDArray, y: Tensor) -> dict[str, float]:
    truth = y.numpy()
    if task == "regression":
        return {"RMSE": float(np.sqrt(np.mean((predicted - truth) ** 2)))}
    predicted = predicted.astype(np.float64)
    predicted /= predicted.sum(1, keepdims=True)
    labels = np.arange(predicted.shape[1])
    area = (
        roc_auc_score(truth, predicted[:, 1])
        if len(labels) == 2
        else roc_auc_score(truth, predicted, multi_class="ovr", labels=labels)
    )
    return {
        "log loss": float(log_loss(truth, predicted, labels=labels)),
        "accuracy": float((predicted.argmax(1) == truth).mean()),
        "AUC": float(area),
    }
