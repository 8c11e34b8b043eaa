"""Missing processes built from others: for some features, by column, or with a base rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from dgm_core.missing.base import AffineProcess, Mechanism, MissingProcess, numbers
from dgm_core.rng import Source, uniform


class Restricted(MissingProcess):
    """Another process on some features only; p(s_d = 1 | x) = 1 for the others.

    The other features never lose a value. They add exactly 0 to `log_prob`, even where they are
    missing in the data: such values are assumed to be missing at random, which a likelihood
    ignores. They remain inputs of the inner process.

    Args:
        process: the process on all D features.
        affected: bool (D,), True = may go missing.

    Raises:
        ValueError: `affected` is not one-dimensional, or its D is not that of the process.
    """

    process: MissingProcess
    affected: Tensor

    def __init__(self, process: MissingProcess, affected: Sequence[bool] | Tensor) -> None:
        super().__init__()
        affected = torch.as_tensor(affected, dtype=torch.bool)
        if affected.dim() != 1 or process.features not in (None, len(affected)):
            expected, got = process.features or "D", tuple(affected.shape)
            raise ValueError(f"expected affected of shape ({expected},), got {got}")
        self.process, self.features, self.kind = process, len(affected), process.kind
        self.entrywise = process.entrywise
        self.register_buffer("affected", affected)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D), +∞ for features that are never missing."""
        return torch.where(self.affected, self.process.logits(x), math.inf)

    def log_prob(self, observed: Tensor, x: Tensor) -> Tensor:
        """Σ log p(s_d | x) over the affected features: (…,), nats."""
        if observed.dtype == torch.bool and observed.shape[-1:] == self.affected.shape:
            observed = observed | ~self.affected
        return super().log_prob(observed, x)

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """The inner process's mechanisms; the other features are of kind "always observed"."""
        inner = self.process.interpret(low, high)
        if self.process.features is None:
            inner = tuple(inner[0]._replace(feature=d) for d in range(len(self.affected)))
        always_observed = Mechanism("always observed", None, "none", math.nan, 0.0, None)
        return tuple(
            each if affected else always_observed._replace(feature=each.feature)
            for each, affected in zip(inner, self.affected.tolist(), strict=True)
        )


class ByColumn(MissingProcess):
    """Another process for rows in which all entries of a column go missing together.

        ℓ_column(x) = Σ ℓ_d(x) over the entries d of the column

    This is the distribution of the inner process, given that the entries of each column are either
    all observed or all missing. Under self-masking every level of a one-hot column has its own
    log-odds.

    Args:
        process: on the D entries.
        column_of: (D,), the column 0, 1, … of each entry, in ascending order.

    Raises:
        ValueError: D is not that of the process.
    """

    process: MissingProcess
    column_of: Tensor
    first: Tensor  # (columns,), the first entry of each

    def __init__(self, process: MissingProcess, column_of: Sequence[int] | Tensor) -> None:
        super().__init__()
        column_of = torch.as_tensor(column_of)
        if process.features not in (None, len(column_of)):
            expected, got = process.features, tuple(column_of.shape)
            raise ValueError(f"expected column_of of shape ({expected},), got {got}")
        self.process, self.features, self.kind = process, len(column_of), process.kind
        self.register_buffer("column_of", column_of)
        first = torch.searchsorted(column_of, torch.arange(int(column_of.max()) + 1))
        self.register_buffer("first", first)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D), the same for all entries of a column."""
        return self._of_columns(x)[..., self.column_of]

    def log_prob(self, observed: Tensor, x: Tensor) -> Tensor:
        """Σ log p(s_column | x): (…,), nats; a column that is never missing adds 0."""
        logits = self._of_columns(x)
        column_observed = observed[..., self.first] | logits.isposinf()
        return logsigmoid(torch.where(column_observed, logits, -logits)).sum(-1)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: Source) -> Tensor:
        """A draw of s: bool (…, D), True = observed."""
        probability = torch.sigmoid(self._of_columns(x))
        noise = uniform(tuple(probability.shape), generator, probability.dtype)
        return (noise.to(x.device) < probability)[..., self.column_of]

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """The inner process's mechanisms; slopes within a one-hot column compare its levels."""
        return self.process.interpret(low, high)

    def _of_columns(self, x: Tensor) -> Tensor:
        each = self.process.logits(x)
        sums = each.new_zeros(*each.shape[:-1], len(self.first))
        return sums.index_add(-1, self.column_of, each)


class WithBaseRate(MissingProcess):
    """p(s_d = 1 | x) = (1 − ρ) σ(ℓ_d(x)): another process, and values missing by chance.

    P(missing) is at least ρ.

    Args:
        process: defines ℓ.
        rate: ρ, between 0 and 1; a learned parameter.

    Raises:
        ValueError: the rate is not strictly between 0 and 1.
    """

    process: MissingProcess

    def __init__(self, process: MissingProcess, rate: float = 0.05) -> None:
        super().__init__()
        if not 0 < rate < 1:
            raise ValueError(f"expected a rate strictly between 0 and 1, got {rate}")
        self.process, self.features, self.kind = process, process.features, process.kind
        self.entrywise = process.entrywise
        self.log_odds = numbers(math.log((1 - rate) / rate), 1)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        inner = self.process.logits(x)
        log_observed = logsigmoid(self.log_odds) + logsigmoid(inner)
        log_by_chance = logsigmoid(-self.log_odds) + logsigmoid(inner)
        return log_observed - torch.logaddexp(logsigmoid(-inner), log_by_chance)

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """The mechanisms of both together, with ρ in `details`."""
        rate = torch.sigmoid(-self.log_odds).item()
        if isinstance(self.process, AffineProcess) and rate < 0.5:
            # (1 − ρ) σ(ℓ) = ½ where ℓ = −log(1 − 2ρ), with slope (1 − 2ρ) / (1 − ρ) in ℓ.
            shift, flatter = math.log1p(-2 * rate), (1 - 2 * rate) / (1 - rate)
            found = tuple(
                each._replace(
                    threshold=each.threshold + (shift / each.slope if each.slope else 0.0),
                    slope=each.slope * flatter,
                )
                for each in self.process.interpret()
            )
        else:
            found = super().interpret(low, high)
        return tuple(each._replace(details={**each.details, "base rate": rate}) for each in found)
