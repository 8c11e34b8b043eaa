"""What a missing process is: p(s | x) = Π_d Bernoulli(s_d; σ(ℓ_d(x))), s_d = 1 where x_d is seen.

ℓ_d(x) is the log-odds of observing entry d, given the whole row x. A process is missing completely
at random (MCAR) if ℓ does not depend on x, at random (MAR) if only on what is observed, and not at
random (MNAR) if on what it hides (Rubin 1976). Only the last kind enters a likelihood.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from dgm_core.rng import Source, uniform

Direction = Literal["high", "low", "none"]

NEGLIGIBLE = 0.05
"""A change of the probability of being missing below which `interpret` sees no dependence."""


class Mechanism(NamedTuple):
    """What a process does to one feature, as numbers."""

    kind: str
    feature: int | None  # None = the same law for every feature
    direction: Direction  # which of its own values go missing
    threshold: float  # own value at which half are missing, the others at 0; NaN = no such value
    slope: float  # rise of the log-odds of being missing at the threshold, nats a unit of x
    driver: int | Literal["itself"] | None  # the feature that matters most; None = none does
    details: Mapping[str, float] = MappingProxyType({})  # further numbers of this kind


class MissingProcess(nn.Module, ABC):
    """A learnable p(s | x) over rows x (…, D); images are flattened to rows.

    A subclass gives `logits`, and the rest follows. Its parameters may be set, to remove values
    from complete data, or fitted, to learn why values are missing.

    Attributes:
        kind: its name in `interpret`.
        features: D, or None where one law serves every feature and any D.
        entrywise: do an entry's log-odds depend on its own value alone?
    """

    kind: str = "custom"
    features: int | None = None
    entrywise: bool = False

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Log-odds of being observed, in nats: (…, D) → (…, D)."""

    def missing_probability(self, x: Tensor) -> Tensor:
        """P(s_d = 0 | x) of every entry: (…, D) → (…, D)."""
        return torch.sigmoid(-self._checked_logits(x))

    def log_prob(self, observed: Tensor, x: Tensor) -> Tensor:
        """log p(s | x) = Σ_d log σ(±ℓ_d(x)), + where seen.

        Args:
            observed: s, bool (…, D); its leading dimensions broadcast with those of x, so one
                mask (B, D) serves K completions (K, B, D).
            x: complete rows (…, D).

        Returns:
            (…,), nats.

        Raises:
            ValueError: `observed` is not bool, or D differs from the process's.
        """
        if observed.dtype != torch.bool:
            raise ValueError(f"expected observed of dtype bool, got {observed.dtype}")
        logits = self._checked_logits(x)
        if observed.shape[-1:] != logits.shape[-1:]:
            want, got = logits.shape[-1], tuple(observed.shape)
            raise ValueError(f"expected observed of shape (…, {want}), got {got}")
        return logsigmoid(torch.where(observed, logits, -logits)).sum(-1)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: Source) -> Tensor:
        """A draw of s: bool (…, D), True = stays observed."""
        probability = torch.sigmoid(self._checked_logits(x))
        noise = uniform(tuple(x.shape), generator, probability.dtype)
        return noise.to(x.device) < probability

    def sensitivity(self, x: Tensor) -> Tensor:
        """Mean over rows of ∂P(s_d = 0 | x)/∂x_j: x (B, D) → (D, D), a unit of x_j."""

        def mean_when_all_rows_move(by: Tensor) -> Tensor:
            return self.missing_probability(x + by).mean(0)

        jacobian = torch.func.jacrev(mean_when_all_rows_move, chunk_size=32)
        return jacobian(x.new_zeros(x.shape[-1])).detach()

    @torch.no_grad()
    def curve(self, feature: int, values: Tensor, at: Tensor | None = None) -> Tensor:
        """P(missing | x_feature = value), the other features held still.

        Args:
            feature: whose value varies and whose probability is returned.
            values: (n,).
            at: (D,), where the others stand; None = 0, the mean of a standardised table.

        Returns:
            (n,), in [0, 1].
        """
        return self._along(feature, values, at)[:, feature]

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """One `Mechanism` a feature, or a single one where all features share a law.

        Read off the curves between `low` and `high`, the other features at 0. A direction is named
        where the probability changes, and more than half of its ups and downs go one way. The
        driver is the feature along which the probability has most ups and downs. Without a
        threshold the slope is the mean one.
        """
        values = torch.linspace(low, high, 241, dtype=torch.float64)
        like = next(self.parameters(), values)
        values = values.to(like)
        count = self.features or 1
        curves, influence = [], values.new_empty(count, count)
        with torch.no_grad():
            for j in range(count):
                missing = self._along(j, values, None)  # (n, D)
                curves.append(missing[:, j])
                influence[:, j] = missing.diff(dim=0).abs().sum(0)
        return tuple(
            Mechanism(
                self.kind,
                None if self.features is None else d,
                *_read(values, curves[d]),
                _driver(influence[d], d, NEGLIGIBLE),
            )
            for d in range(count)
        )

    def _along(self, feature: int, values: Tensor, at: Tensor | None) -> Tensor:
        """P(missing) of every entry while one feature takes `values` (n,): (n, D)."""
        if at is None:
            at = values.new_zeros(self.features or feature + 1)
        x = at.to(values).repeat(len(values), 1)
        x[:, feature] = values
        return self.missing_probability(x)

    def _checked_logits(self, x: Tensor) -> Tensor:
        if self.features is not None and x.shape[-1:] != (self.features,):
            raise ValueError(f"expected x of shape (…, {self.features}), got {tuple(x.shape)}")
        return self.logits(x)


class AffineProcess(MissingProcess):
    """A process whose log-odds are affine in the feature's own value, so `interpret` is exact.

    A subclass gives `own_slopes`: −∂ℓ_d/∂x_d, (D,), or (1,) where all features share a law.
    """

    @abstractmethod
    def own_slopes(self) -> Tensor:
        """Rise of the log-odds of being missing with a feature's own value, (D,) or (1,)."""

    def drivers(self) -> list[int | Literal["itself"] | None]:
        """The feature that matters most to each, (D,)."""
        return ["itself" if slope else None for slope in self.own_slopes().tolist()]

    @torch.no_grad()
    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """One exact `Mechanism` a feature, wherever the threshold lies."""
        slopes = self.own_slopes()
        at_zero = -self.logits(torch.zeros_like(slopes))
        return tuple(
            Mechanism(
                self.kind,
                None if self.features is None else d,
                "high" if slope > 0 else "low" if slope < 0 else "none",
                -log_odds / slope if slope else float("nan"),
                slope,
                driver,
            )
            for d, (slope, log_odds, driver) in enumerate(
                zip(slopes.tolist(), at_zero.tolist(), self.drivers(), strict=True)
            )
        )


def numbers(values: float | Sequence[float] | Tensor, size: int) -> nn.Parameter:
    """A parameter (size,) that starts at one value for all or at `size` values."""
    return nn.Parameter(torch.as_tensor(values, dtype=torch.float32).expand(size).clone())


def _read(values: Tensor, missing: Tensor) -> tuple[Direction, float, float]:
    """Direction, threshold and slope of one curve."""
    steps = missing.diff()
    net, total = steps.sum().item(), steps.abs().sum().item()
    log_odds = missing.logit(1e-6)
    direction: Direction = "none"
    if total > NEGLIGIBLE and abs(net) > total / 2:
        direction = "high" if net > 0 else "low"
    slopes = log_odds.diff() / values.diff()
    wanted = 1.0 if net > 0 else -1.0
    crossing = (log_odds[:-1] * log_odds[1:] <= 0) & (wanted * slopes > 0)
    if direction == "none" or not crossing.any():
        overall = (log_odds[-1] - log_odds[0]) / (values[-1] - values[0])
        return direction, float("nan"), overall.item()
    first = int(crossing.nonzero()[0])
    threshold = values[first] - log_odds[first] / slopes[first]
    return direction, threshold.item(), slopes[first].item()


def _driver(influence: Tensor, own: int, least: float) -> int | Literal["itself"] | None:
    """Which of `influence` (D,) is largest, if any is above `least`."""
    strongest = int(influence.argmax())
    if influence[strongest] <= least:
        return None
    return "itself" if strongest == own else strongest
