"""The base class of the MIWAE estimators: settings, training, and completion of tables."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from dgm_core.device import default_device
from dgm_core.distributions.columns import Column
from dgm_core.distributions.likelihoods import (
    GaussianRowLikelihood,
    MixedLikelihood,
    StudentTLikelihood,
)
from dgm_core.estimators.coding import CodedColumn, Constraints, Table, TableCoding
from dgm_core.estimators.column_settings import loaded_column_setting, saved_column_setting
from dgm_core.estimators.saving import OwnPart, SavableEstimator
from dgm_core.estimators.seeds import RandomState, seed_from
from dgm_core.estimators.validation import validated_table
from dgm_core.missing.descriptions import describe, rebuild
from dgm_core.missing.processes import PROCESSES, ByColumn, Mechanism, MissingProcess
from dgm_core.models.miwae import MIWAE
from dgm_core.models.tabular import DECODERS, Networks
from dgm_core.rng import SameNoise, Source, Streams, generator
from dgm_core.samplers.completions import Completions, weighted_completions
from dgm_core.training import Objective, Progress, Schedule, Validation, fit
from dgm_core.training.losses import negative_completion_bound
from dgm_core.training.restarts import Restarts, on_each
from dgm_core.training.tensorboard import logged
from dgm_core.types import Labelled, Masked

LIKELIHOODS: dict[str, Callable[[Sequence[Column]], nn.Module]] = {
    "gaussian": lambda columns: GaussianRowLikelihood(),
    "student-t": lambda columns: StudentTLikelihood(len(columns)),
    "mixed": MixedLikelihood,
}
"""Name → constructor from the columns; only "mixed" allows columns that are not numeric."""

COMPLETIONS_AT_ONCE = {"cpu": 2**13, "cuda": 2**18}
"""Completed rows that are decoded together; on a CPU they fit in its cache."""


MOST_EPOCHS, FEWEST_EPOCHS, STEPS = 500, 5, 4_000
"""Limits of the default number of epochs, and the number of steps that it aims at."""


def default_epochs(rows: int, batch_size: int) -> int:
    """Epochs that make about `STEPS` steps.

    The learning rate falls to almost 0 within them, so the last steps average over many batches.
    More epochs on many rows take longer and hardly change the error; `docs/numbers/speed.md` has
    an example.
    """
    steps = math.ceil(rows / batch_size)
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(STEPS / steps)))


FIT_HISTORY = ("seed_", "n_iter_", "history_", "bound_", "restart_bounds_")
"""Attributes that describe a fit; those that exist are saved."""

Estimate = Callable[[Completions, Source, Any], Tensor]
"""(completions of B rows, a source of further noise, the model) → an estimate for each, (B, …)."""


class Epoch(NamedTuple):
    """One item of `history_`, in nats per row on the scale of the data."""

    epoch: int  # from 1
    loss: float  # −bound of the training rows, mean over the epoch and over restarts
    validation: float  # bound of the held-out rows; the best one with restarts


@dataclass(kw_only=True, eq=False, repr=False)
class CompletionEstimator(SavableEstimator):
    """A model of the MIWAE family fitted to a table with missing values.

    Args:
        latent_dim: L; None = entries of a row − 1.
        hidden: units of each of the two hidden layers of every network.
        decoder: a name in `DECODERS`. "linear and bent" is probabilistic PCA plus a network that
            starts at 0. It extrapolates linearly to hidden values beyond all observed values, as
            in self-masking. "tanh" is the published decoder.
        likelihood: p(x|z): a name in `LIKELIHOODS`, or a function from the table's columns to a
            likelihood; None = the decoder's own Gaussian, or mixed if not all columns are numeric.
        categorical: names (positions for an array) of columns whose numbers are categories.
        constraints: name (position for an array) → which values a numeric column can have, as a
            `Constraint` or in words such as "count" or "integer, 0:120"; "suggested" = from the
            values and names; None = any. See `estimators.constraints`.
        draws: K of the bound in training.
        samples: K in imputation, scoring and prediction.
        epochs: largest number of epochs; None = `default_epochs` of the number of rows.
        batch_size: rows per step.
        learning_rate: of Adam; it falls in the second half of the epochs.
        patience: training stops after this many epochs without a better validation bound; None =
            it does not stop early.
        validation_fraction: fraction of the rows held out for validation; 0 = validate on all.
        restarts: vectorised training runs from different initial weights; the one with the best
            bound is kept.
        checkpoint: file to write after each epoch, and to resume from if it exists; use another
            one for each fit.
        log_dir: folder for TensorBoard logs.
        random_state: seed of all random numbers: an int, a `RandomState`, or None for another
            seed each time.
    """

    latent_dim: int | None = None
    hidden: int = 128
    decoder: str = "tanh"
    likelihood: str | Callable[[Sequence[Column]], nn.Module] | None = None
    categorical: Collection[Hashable] = ()
    constraints: Constraints = None
    draws: int = 20
    samples: int = 1000
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    patience: int | None = 50
    validation_fraction: float = 0.1
    restarts: int = 1
    checkpoint: str | Path | None = None
    log_dir: str | Path | None = None
    random_state: RandomState = 0

    def fit(self, X: ArrayLike | pd.DataFrame, y: ArrayLike | None = None) -> Self:
        """Fit to X (N, columns), NaN = missing.

        Raises:
            ValueError: a column without any value, an infinite value, or fewer than two rows.
        """
        for _ in self.fit_steps(X, y):
            pass
        return self

    def fit_steps(
        self, X: ArrayLike | pd.DataFrame, y: ArrayLike | None = None
    ) -> Iterator[Progress]:
        """`fit` as a generator of progress, in nats per row on the scale of the data.

        The estimator can be used within the loop (with restarts only after it). If the loop ends
        early, the estimator is fitted, with the best weights of the finished epochs.
        """
        table = self._validated(X, reset=True)
        self.coding_ = TableCoding.learn(table, self.categorical, self.constraints)
        self.seed_ = seed_from(self.random_state)
        return self._steps(self._labelled(self.coding_.encode(table), y))

    @property
    def mechanisms_(self) -> tuple[Mechanism, ...]:
        """The learned effect of the missing process on each entry of a row.

        Thresholds are in the units of the column, and slopes in nats per unit at the threshold. An
        entry for a category has no threshold, and its slope is its weight in nats.
        `coding_.entries_of(name)` gives the position of a column's entries. Empty without a
        missing process.
        """
        check_is_fitted(self, "model_")
        process: MissingProcess | None = getattr(self.model_, "missing_process", None)
        if process is None:
            return ()
        found = process.interpret()
        if found[0].feature is None:  # the same mechanism for all entries
            found = tuple(found[0]._replace(feature=d) for d in range(self.coding_.width))
        columns = (self.coding_.coded[j] for j in self.coding_.column_of)
        return tuple(_in_units(*pair) for pair in zip(found, columns, strict=True))

    def _learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts = {name: getattr(self, name) for name in FIT_HISTORY if hasattr(self, name)}
        if "restart_bounds_" in facts:
            facts["restart_bounds_"] = facts["restart_bounds_"].tolist()
        return {"columns": self.coding_.as_json(), **facts}, self.model_.state_dict()

    def _set_learned(self, facts: dict[str, Any], arrays: dict[str, Tensor]) -> None:
        self.coding_ = TableCoding.from_json(facts["columns"])
        for name in set(FIT_HISTORY) & set(facts):
            setattr(self, name, facts[name])
        self.history_ = [Epoch(*each) for each in facts["history_"]]
        if "restart_bounds_" in facts:
            self.restart_bounds_ = np.array(facts["restart_bounds_"], np.float64)
        # A damaged file must not create huge networks: the file has all their numbers.
        sizes = [self.hidden, self.coding_.width, self.latent_dim or 1, self._outputs()]
        numbers = sum(array.numel() for array in arrays.values())
        if self.samples < 1 or min(sizes) < 1 or max(sizes) * self.hidden > numbers:
            raise ValueError("its settings do not match its arrays")
        model = self._build(self._networks(generator(0)), generator(0))
        model.load_state_dict(arrays, strict=True)
        self.model_ = model.eval()

    def _outputs(self) -> int:
        """Units of the last layer of a predictor; 1 without one."""
        return 1

    def _saved_setting(self, name: str, value: Any) -> tuple[Any, dict[str, Tensor]]:
        if saved := saved_column_setting(name, value):
            return saved
        if name == "likelihood" and callable(value):
            raise OwnPart
        if name == "missing_process" and value is not None:
            for process_name, constructor in PROCESSES.items():
                if value is constructor:
                    return {"constructor": process_name}, {}
            width = self.coding_.width
            process = value if isinstance(value, nn.Module) else value(width)
            about = describe(process) if isinstance(process, MissingProcess) else None
            if about is None:
                raise OwnPart
            return {"process": about}, process.state_dict()
        return super()._saved_setting(name, value)

    def _loaded_setting(self, name: str, value: Any, arrays: dict[str, Tensor]) -> Any:
        if (found := loaded_column_setting(name, value)) is not None:
            return found
        if name == "missing_process" and value is not None:
            if "constructor" in value:
                return PROCESSES[value["constructor"]]
            return rebuild(value["process"], arrays)
        return super()._loaded_setting(name, value, arrays)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _build(self, networks: Networks, source: torch.Generator) -> MIWAE:
        """An untrained model for rows of D = `coding_.width` entries."""
        return MIWAE(**networks)

    def _labelled(self, rows: Masked, y: ArrayLike | None) -> Masked | Labelled:
        """The training data: rows, with labels if the model predicts."""
        return rows

    def _log_scale(self, rows: Masked | Labelled) -> float:
        """Mean log-density of coded rows minus that of the data, nats."""
        masked = rows.masked if isinstance(rows, Labelled) else rows
        return float(self.coding_.log_scale(masked).mean())

    def _networks(self, source: torch.Generator) -> Networks:
        if self.decoder not in DECODERS:
            raise ValueError(f"expected a decoder among {[*DECODERS]}, got {self.decoder!r}")
        make, width = DECODERS[self.decoder], self.coding_.width
        kind = self.likelihood
        if kind is None and self.coding_.all_numeric:  # the Gaussian of the decoder
            return make(width, self.latent_dim, self.hidden, source=source)
        kind = kind or "mixed"
        if isinstance(kind, str):
            possible = [*LIKELIHOODS] if self.coding_.all_numeric else ["mixed"]
            if kind not in possible:
                raise ValueError(f"expected a likelihood among {possible}, got {kind!r}")
            kind = LIKELIHOODS[kind]
        likelihood = kind(self.coding_.columns)
        numbers = getattr(likelihood, "numbers", 1)
        return make(width, self.latent_dim, self.hidden, likelihood, numbers * width, source)

    def _process(
        self, template: MissingProcess | Callable[[int], MissingProcess]
    ) -> MissingProcess:
        """A copy of an instance, or a new process from a constructor that is called with D."""
        width = self.coding_.width
        if isinstance(template, MissingProcess):
            process = copy.deepcopy(template)
        else:
            process = template(width)
        if process.features not in (None, width):
            raise ValueError(
                f"expected a missing process of {width} entries, got one of {process.features}"
            )
        if self.coding_.all_numeric:
            return process
        return ByColumn(process, self.coding_.column_of.tolist())

    def _steps(self, rows: Masked | Labelled) -> Iterator[Progress]:
        device = default_device()
        training, held_out = self._split(rows)
        sources = [generator(self.seed_ + member) for member in range(self.restarts)]
        models = [self._build(self._networks(source), source).to(device) for source in sources]
        objective = negative_completion_bound(self.draws)
        if self.restarts == 1:
            trained = self.model_ = models[0]
        else:
            trained, objective = Restarts(models).to(device), on_each(objective)
        validate = _bound_of(held_out, objective, self.seed_)
        schedule = self._schedule(len(training))
        shift, held_out_shift = (self._log_scale(part) for part in (training, held_out))
        self.history_: list[Epoch] = []
        checkpoint = None if self.checkpoint is None else Path(self.checkpoint)
        run = fit(trained, objective, training, validate, schedule, checkpoint=checkpoint)
        try:
            with closing(run):
                yield from logged(self._in_units(run, shift, held_out_shift), self.log_dir)
        finally:
            bounds = np.atleast_1d(np.asarray(validate(trained))) - held_out_shift
            chosen = int(np.nan_to_num(bounds, nan=-np.inf).argmax())
            members = trained.members() if isinstance(trained, Restarts) else [trained]
            self.model_ = members[chosen].cpu()
            self.restart_bounds_, self.bound_ = bounds, float(bounds[chosen])

    def _in_units(
        self, run: Iterator[Progress], shift: float, held_out_shift: float
    ) -> Iterator[Progress]:
        """Progress on the scale of the data; extends `history_`."""
        for coded in run:
            progress = coded._replace(
                loss=coded.loss + shift,
                validation=coded.validation - held_out_shift,
                best=coded.best - held_out_shift,
            )
            self.n_iter_ = epoch = progress.epoch
            if progress.step == 0 and (not self.history_ or epoch > self.history_[-1].epoch):
                self.history_.append(Epoch(epoch, progress.loss, progress.validation))
            yield progress

    def _schedule(self, rows: int) -> Schedule:
        """The schedule of a training on so many rows."""
        return Schedule(
            self.epochs or default_epochs(rows, self.batch_size),
            self.batch_size,
            self.learning_rate,
            patience=self.patience,
            seed=self.seed_,
        )

    def _split(self, rows: Masked | Labelled) -> tuple[Masked | Labelled, Masked | Labelled]:
        """Rows for training and rows for validation."""
        order = torch.randperm(len(rows), generator=generator(self.seed_))
        count = round(self.validation_fraction * len(rows))
        return (rows[order[count:]], rows[order[:count]]) if count else (rows, rows)

    def _validated(self, X: ArrayLike | pd.DataFrame, *, reset: bool = False) -> Table:
        return validated_table(self, X, reset=reset)

    def _completed(
        self,
        X: ArrayLike | pd.DataFrame,
        estimate: Estimate,
        count: int,
        seed: int | None = None,
        numbers: Sequence[int] | None = None,
        model: MIWAE | None = None,
    ) -> tuple[Table, Tensor]:
        """The validated table, and its rows (`count`, N, D) filled in by `estimate`.

        `estimate` returns (B, `count`, D). See `_by_row` for the other arguments.
        """
        check_is_fitted(self, "model_")
        table = self._validated(X)
        rows = self.coding_.encode(table)
        completed = rows.x.repeat(count, 1, 1)
        incomplete = ~rows.observed.all(1)
        if incomplete.any():
            chosen = None if numbers is None else np.asarray(numbers)[incomplete.numpy()]
            filled = self._by_row(rows[incomplete], estimate, seed, chosen, model)
            completed[:, incomplete] = filled.movedim(1, 0)
        return table, completed

    @torch.no_grad()
    def _by_row(
        self,
        rows: Masked,
        estimate: Estimate,
        seed: int | None = None,
        numbers: NDArray | None = None,
        model: Any = None,
    ) -> Tensor:
        """`estimate` of the completions of each row by a model, (N, …); None = `model_`.

        Without a seed, all rows and all calls have the same noise, and rows are handled in chunks
        of one size, so the result for a row depends on that row alone. With a seed, each row has
        its own noise. With the rows' `numbers` (N,) as well, the noise of a row depends only on
        the seed and on its number.
        """
        device = default_device()
        model = self.model_ if model is None else model
        if device.type != "cpu":
            model = copy.deepcopy(model).to(device)
        at_once = max(1, COMPLETIONS_AT_ONCE[device.type] // self.samples)
        shared, parts = generator(seed or 0, device), []
        for start in range(0, len(rows), at_once):
            chosen = torch.arange(start, start + at_once).clamp_max(len(rows) - 1)
            source: Source = shared
            if seed is None:
                source = SameNoise(generator(self.seed_, device), at_once)
            elif numbers is not None:
                source = Streams.of_rows(seed, numbers[chosen])
            sample = weighted_completions(model, rows[chosen].to(device), self.samples, source)
            parts.append(estimate(sample, source, model).cpu())
        return torch.cat(parts)[: len(rows)]


def _in_units(found: Mechanism, column: CodedColumn) -> Mechanism:
    """A mechanism of a coded entry, in the units of its column."""
    if column.levels:
        return found._replace(threshold=math.nan, slope=found.slope)
    threshold = column.location + column.scale * found.threshold
    slope = found.slope / column.scale
    if column.line:
        place = torch.tensor(threshold, dtype=torch.float64)
        slope = slope / float(column.line.log_slope(place).exp())
        threshold = float(column.line.to_values(place))
    return found._replace(threshold=float(threshold), slope=float(slope))


def _bound_of(rows: Masked | Labelled, objective: Objective, seed: int) -> Validation:
    """The mean bound of `rows` with the same noise each time."""

    @torch.no_grad()
    def score(model: nn.Module) -> Tensor:
        device = next(model.parameters()).device
        source = generator(seed, device)
        parts = [rows[start : start + 500].to(device) for start in range(0, len(rows), 500)]
        total = torch.zeros(())
        for part in parts:
            total = total + objective(model, part, source).cpu() * len(part)
        return -total / len(rows)

    return score
