"""Processes made of others: on some features only, or with losses by chance on top."""

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

    The others never lose a value, and add exactly 0 to `log_prob` even where the data have a hole
    there: such a hole is taken as missing at random, which a likelihood ignores. They do remain
    inputs of the inner process, on which what is missing elsewhere may depend.

    Args:
        process: the process on all D features.
        affected: bool (D,), True = may go missing.

    Raises:
        ValueError: `affected` is not one-dimensional, or its D is not that of the process.
    """

    affected: Tensor

    def __init__(self, process: MissingProcess, affected: Sequence[bool] | Tensor) -> None:
        super().__init__()
        affected = torch.as_tensor(affected, dtype=torch.bool)
        if affected.dim() != 1 or process.features not in (None, len(affected)):
            want, got = process.features or "D", tuple(affected.shape)
            raise ValueError(f"expected affected of shape ({want},), got {got}")
        self.process, self.features, self.kind = process, len(affected), process.kind
        self.entrywise = process.entrywise
        self.register_buffer("affected", affected)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D), +∞ where never missing."""
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
        return tuple(
            each
            if may_go
            else Mechanism("always observed", each.feature, "none", math.nan, 0.0, None)
            for each, may_go in zip(inner, self.affected.tolist(), strict=True)
        )


class ByColumn(MissingProcess):
    """Another process, for rows in which a column spans several entries that go missing together.

        ℓ_column(x) = Σ ℓ_d(x) over the entries d of the column

    This is the law of the inner process given that the entries of each column share their fate.
    Under self-masking a one-hot block thus has log-odds of its own for every level.

    Args:
        process: on the D entries.
        column_of: (D,), the column 0, 1, … to which each entry belongs, in ascending order.

    Raises:
        ValueError: D is not that of the process.
    """

    column_of: Tensor
    first: Tensor  # (columns,), the first entry of each

    def __init__(self, process: MissingProcess, column_of: Sequence[int] | Tensor) -> None:
        super().__init__()
        column_of = torch.as_tensor(column_of)
        if process.features not in (None, len(column_of)):
            want, got = process.features, tuple(column_of.shape)
            raise ValueError(f"expected column_of of shape ({want},), got {got}")
        self.process, self.features, self.kind = process, len(column_of), process.kind
        self.register_buffer("column_of", column_of)
        first = torch.searchsorted(column_of, torch.arange(int(column_of.max()) + 1))
        self.register_buffer("first", first)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D), the same for all entries of a column."""
        return self._of_columns(x)[..., self.column_of]

    def log_prob(self, observed: Tensor, x: Tensor) -> Tensor:
        """Σ log p(s_column | x): (…,), nats; a hole where nothing can go missing adds 0."""
        logits = self._of_columns(x)
        seen = observed[..., self.first] | logits.isposinf()
        return logsigmoid(torch.where(seen, logits, -logits)).sum(-1)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: Source) -> Tensor:
        """A draw of s: bool (…, D), True = stays observed."""
        probability = torch.sigmoid(self._of_columns(x))
        noise = uniform(tuple(probability.shape), generator, probability.dtype)
        return (noise.to(x.device) < probability)[..., self.column_of]

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """The inner process's: slopes of the entries of a block compare its levels."""
        return self.process.interpret(low, high)

    def _of_columns(self, x: Tensor) -> Tensor:
        each = self.process.logits(x)
        sums = each.new_zeros(*each.shape[:-1], len(self.first))
        return sums.index_add(-1, self.column_of, each)


class WithBaseRate(MissingProcess):
    """p(s_d = 1 | x) = (1 − ρ) σ(ℓ_d(x)): another process, and losses by chance at a rate ρ.

    So P(missing) rises from ρ rather than from 0.

    Args:
        process: gives ℓ.
        rate: ρ, between 0 and 1; learned with the rest.

    Raises:
        ValueError: the rate is not strictly between 0 and 1.
    """

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
        seen = logsigmoid(self.log_odds) + logsigmoid(inner)
        by_chance = logsigmoid(-self.log_odds) + logsigmoid(inner)
        return seen - torch.logaddexp(logsigmoid(-inner), by_chance)

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """The mechanisms of both losses together, with ρ in `details`."""
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
