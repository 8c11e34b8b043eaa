"""Missing processes: p(s | x) = Π_d Bernoulli(s_d; σ(ℓ_d(x))), s_d = 1 if x_d is observed.

ℓ_d(x) is the log-odds of observing entry d, given the whole row x. Values are missing completely
at random (MCAR) if ℓ does not depend on x, at random (MAR) if ℓ depends only on observed values,
and not at random (MNAR) if ℓ depends on hidden values (Rubin 1976). Only MNAR processes change the
likelihood of x.
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
"""Change of the probability of being missing below which `interpret` reports no dependence."""


class Mechanism(NamedTuple):
    """How a process acts on one feature, as numbers."""

    kind: str
    feature: int | None  # None = the same for every feature
    direction: Direction  # which of its own values go missing
    threshold: float  # own value at which half are missing, the others at 0; NaN = no such value
    slope: float  # of the log-odds of being missing at the threshold, nats per unit of x
    driver: int | Literal["itself"] | None  # feature with the largest influence; None = none
    details: Mapping[str, float] = MappingProxyType({})  # further numbers of this kind


class MissingProcess(nn.Module, ABC):
    """A learnable p(s | x) over rows x (…, D); images are flattened to rows.

    A subclass defines `logits`; the other methods follow from it. Set the parameters to remove
    values from complete data, or fit them to learn why values are missing.

    Attributes:
        kind: its name in `interpret`.
        features: D; None if one rule applies to every feature, for any D.
        entrywise: do the log-odds of an entry depend on its own value only?
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
        """log p(s | x) = Σ_d log σ(±ℓ_d(x)), + where observed.

        Args:
            observed: s, bool (…, D); its leading dimensions broadcast with those of x, so one
                mask (B, D) applies to K completions (K, B, D).
            x: complete rows (…, D).

        Returns:
            (…,), nats.

        Raises:
            ValueError: `observed` is not bool, or D is not that of the process.
        """
        if observed.dtype != torch.bool:
            raise ValueError(f"expected observed of dtype bool, got {observed.dtype}")
        logits = self._checked_logits(x)
        if observed.shape[-1:] != logits.shape[-1:]:
            expected, got = logits.shape[-1], tuple(observed.shape)
            raise ValueError(f"expected observed of shape (…, {expected}), got {got}")
        return logsigmoid(torch.where(observed, logits, -logits)).sum(-1)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: Source) -> Tensor:
        """A draw of s: bool (…, D), True = observed."""
        probability = torch.sigmoid(self._checked_logits(x))
        noise = uniform(tuple(x.shape), generator, probability.dtype)
        return noise.to(x.device) < probability

    def sensitivity(self, x: Tensor) -> Tensor:
        """Mean over rows of ∂P(s_d = 0 | x)/∂x_j: x (B, D) → (D, D), per unit of x_j."""

        def mean_of_shifted_rows(shift: Tensor) -> Tensor:
            return self.missing_probability(x + shift).mean(0)

        jacobian = torch.func.jacrev(mean_of_shifted_rows, chunk_size=32)
        return jacobian(x.new_zeros(x.shape[-1])).detach()

    @torch.no_grad()
    def curve(self, feature: int, values: Tensor, at: Tensor | None = None) -> Tensor:
        """P(missing | x_feature = value), with the other features fixed.

        Args:
            feature: its value varies, and its probability is returned.
            values: (n,).
            at: (D,), values of the other features; None = 0, the mean of a standardised table.

        Returns:
            (n,), in [0, 1].
        """
        return self._along(feature, values, at)[:, feature]

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """One `Mechanism` per feature, or a single one if all features share one rule.

        Computed from the curves between `low` and `high`, with the other features at 0. A
        direction is reported if the probability changes and more than half of its total variation
        goes one way. The driver is the feature along which the probability has the largest total
        variation. Without a threshold the slope is the mean slope.
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
        """P(missing) of every entry, one feature taking each of `values` (n,): (n, D)."""
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

    A subclass defines `own_slopes`: −∂ℓ_d/∂x_d, (D,), or (1,) if all features share one rule.
    """

    @abstractmethod
    def own_slopes(self) -> Tensor:
        """Slope of the log-odds of being missing in a feature's own value, (D,) or (1,)."""

    def drivers(self) -> list[int | Literal["itself"] | None]:
        """The feature with the largest influence on each, (D,)."""
        return ["itself" if slope else None for slope in self.own_slopes().tolist()]

    @torch.no_grad()
    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """One exact `Mechanism` per feature, wherever the threshold lies."""
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
    """A parameter (size,) that starts at one common value or at `size` values."""
    return nn.Parameter(torch.as_tensor(values, dtype=torch.float32).expand(size).clone())


def _read(values: Tensor, missing: Tensor) -> tuple[Direction, float, float]:
    """Direction, threshold and slope of one curve P(missing) at `values`."""
    steps = missing.diff()
    net, total = steps.sum().item(), steps.abs().sum().item()
    log_odds = missing.logit(1e-6)
    direction: Direction = "none"
    if total > NEGLIGIBLE and abs(net) > total / 2:
        direction = "high" if net > 0 else "low"
    slopes = log_odds.diff() / values.diff()
    sign = 1.0 if net > 0 else -1.0
    crossing = (log_odds[:-1] * log_odds[1:] <= 0) & (sign * slopes > 0)
    if direction == "none" or not crossing.any():
        overall = (log_odds[-1] - log_odds[0]) / (values[-1] - values[0])
        return direction, float("nan"), overall.item()
    first = int(crossing.nonzero()[0])
    threshold = values[first] - log_odds[first] / slopes[first]
    return direction, threshold.item(), slopes[first].item()


def _driver(influence: Tensor, own: int, least: float) -> int | Literal["itself"] | None:
    """Index of the largest of `influence` (D,), if it is above `least`."""
    strongest = int(influence.argmax())
    if influence[strongest] <= least:
        return None
    return "itself" if strongest == own else strongest
