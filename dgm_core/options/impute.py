"""The settings of `dgm impute`: the models, what they assume, and what does not go together.

>>> Settings(model="cart", epochs=5)
Traceback (most recent call last):
    ...
ValueError: --epochs means nothing to cart, which does not train by epochs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Model = Literal["miwae", "not-miwae", "im-iwae", "mfa", "pmm", "cart"]
MODELS: dict[Model, str] = {
    "miwae": "a deep latent variable model, which assumes that values are missing at random",
    "not-miwae": "the same model, but values go missing by the process that you choose with "
    "--process, which is an assumption",
    "im-iwae": "the same model, but values go missing because of traits of the row that are not "
    "in the table, never because of the value itself, which is an assumption",
    "mfa": "a mixture of factor analysers, the fastest, which assumes that values are missing at "
    "random",
    "pmm": "chained equations that borrow each value from a row with a similar prediction, which "
    "assume that values are missing at random",
    "cart": "chained equations with regression trees that borrow each value from the same leaf, "
    "which assume that values are missing at random",
}
"""Model → what it is and what it assumes."""
CHAINED: tuple[Model, ...] = ("pmm", "cart")
"""Models without training, which learn from the whole table again and again."""

ASSUMPTIONS = {
    "self-masking": "a cell goes missing because of its own value, high or low",
    "self-masking-with-known-signs": "high values go missing",
    "self-masking-with-a-base-rate": "a cell goes missing because of its own value, high or low, "
    "or by chance",
    "linear": "the log-odds of being missing are linear in the whole row",
    "network": "the log-odds of being missing are a smooth function of the whole row",
}
"""Missing process that can be learned from any table → what it assumes, as a clause."""
LATENT_TRAITS = (
    "values go missing because of traits of the row that are not in the table, and never because "
    "of the value itself"
)
"""What im-iwae assumes, as a clause."""
SAMPLES = 1000


@dataclass(frozen=True)
class Settings:
    """The model, its training, and the requested tables.

    Args:
        model: one of `MODELS`.
        process: one of `ASSUMPTIONS`, for not-miwae, which has no default.
        draws: number of completed tables for multiple imputation.
        samples: K, importance samples per row in imputation; None = `SAMPLES`.
        epochs: largest number of training epochs, or of EM steps for mfa; None = the default of
            the estimator.
        seed: seed of all random numbers.
        constraints: column → which values it can have, in the words of `Constraint.parse`.
        suggest: whether the other numeric columns get the constraints that their values and names
            suggest.
        checkpoints: folder for checkpoints, from which a later run resumes; one file for each
            table and settings.
        log_dir: folder for TensorBoard logs.

    Raises:
        ValueError: an unknown name, a number that is too small, not-miwae without a process, or a
            setting that means nothing to the model.
    """

    model: Model = "miwae"
    process: str | None = None
    draws: int = 0
    samples: int | None = None
    epochs: int | None = None
    seed: int = 0
    constraints: Mapping[str, str] = field(default_factory=dict)
    suggest: bool = True
    checkpoints: Path | None = None
    log_dir: Path | None = None

    def __post_init__(self) -> None:
        for setting, chosen, choices in (
            ("model", self.model, MODELS),
            ("process", self.process, (None, *ASSUMPTIONS)),
        ):
            if chosen not in choices:
                named = ", ".join(filter(None, choices))
                raise ValueError(f"no {setting} {chosen!r}; there are {named}")
        if self.process and self.model != "not-miwae":
            raise ValueError(f"{self.model} learns no missing process; not-miwae does")
        check_process(self.model, self.process)
        if self.model == "mfa" and (self.checkpoints or self.log_dir):
            raise ValueError("mfa is fast and writes neither checkpoints nor logs")
        if self.model in ("mfa", *CHAINED) and self.samples is not None:
            raise ValueError(
                f"--samples means nothing to {self.model}, which draws no importance samples"
            )
        if self.model in CHAINED:
            self._check_chained()
        if self.draws < 0 or any(
            number is not None and number < 1 for number in (self.samples, self.epochs)
        ):
            raise ValueError("expected draws ≥ 0, samples ≥ 1 and epochs ≥ 1")

    def _check_chained(self) -> None:
        if self.epochs is not None:
            raise ValueError(
                f"--epochs means nothing to {self.model}, which does not train by epochs"
            )
        if self.checkpoints or self.log_dir:
            raise ValueError(f"{self.model} writes neither checkpoints nor logs")
        if self.constraints or not self.suggest:
            raise ValueError(
                f"{self.model} fills in values that were observed in the same column, so it needs "
                "neither --constrain nor --free"
            )


def check_process(model: str, process: str | None) -> None:
    """Check that not-miwae has a process.

    Raises:
        ValueError: it has none.
    """
    if model.lower() == "not-miwae" and not process:
        choices = "; ".join(f"{name} ({clause})" for name, clause in ASSUMPTIONS.items())
        raise ValueError(
            f"{model} needs a process, because the table cannot show why its cells are missing. "
            f"Choose what you assume: {choices}"
        )
