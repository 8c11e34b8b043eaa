"""Missing processes that depend on an entry's own value only, or on no value.

Self-masking is the mechanism of not-MIWAE (Ipsen, Mattei & Frellsen 2021, arXiv 2006.12871).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from dgm_core.missing.base import AffineProcess, Mechanism, MissingProcess, numbers

STEEP = 3.0
"""Initial strength of self-masking with known direction, nats per standard deviation. Training
finds steep mechanisms sooner than from 1."""


class _OwnValue(AffineProcess):
    """logit p(s_d = 1 | x) = −slope_d (x_d − threshold_d)."""

    entrywise = True
    threshold: Tensor

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        return -self.own_slopes() * (x - self.threshold)


class SelfMasking(_OwnValue):
    """logit p(s_d = 1 | x) = −W_d (x_d − b_d), with W of either sign.

    W > 0: high values go missing. The default W = 0 favours neither direction.

    Args:
        features: D.
        weight: initial W, one or (D,), nats per unit of x.
        threshold: initial b, one or (D,), in units of x: half are missing there.
    """

    kind = "self-masking"

    def __init__(
        self,
        features: int,
        weight: float | Sequence[float] | Tensor = 0.0,
        threshold: float | Sequence[float] | Tensor = 0.0,
    ) -> None:
        super().__init__()
        self.features = features
        self.weight, self.threshold = numbers(weight, features), numbers(threshold, features)

    def own_slopes(self) -> Tensor:
        """W, (D,)."""
        return self.weight


class KnownSignSelfMasking(_OwnValue):
    """logit p(s_d = 1 | x) = −sign_d softplus(raw_d) (x_d − b_d): self-masking with fixed signs.

    Args:
        signs: (D,), +1 = high values go missing, −1 = low ones.
        strength: initial softplus(raw) > 0, one or (D,), nats per unit of x.
        threshold: initial b, one or (D,), in units of x.

    Raises:
        ValueError: a sign is not ±1, or a strength is not positive.
    """

    kind = "self-masking with known signs"
    signs: Tensor

    def __init__(
        self,
        signs: Sequence[float] | Tensor,
        strength: float | Sequence[float] | Tensor = 1.0,
        threshold: float | Sequence[float] | Tensor = 0.0,
    ) -> None:
        super().__init__()
        signs = torch.as_tensor(signs, dtype=torch.float32)
        strength = torch.as_tensor(strength, dtype=torch.float64)
        if signs.dim() != 1 or not (signs.abs() == 1).all():
            raise ValueError(f"expected signs of +1 and −1, shape (D,), got {signs.tolist()}")
        if not (strength > 0).all():
            raise ValueError(f"expected a positive strength, got {strength.tolist()}")
        self.features = len(signs)
        self.register_buffer("signs", signs)
        # The inverse of softplus, without overflow for large strengths.
        self.raw = numbers(strength + torch.log(-torch.expm1(-strength)), len(signs))
        self.threshold = numbers(threshold, len(signs))

    def own_slopes(self) -> Tensor:
        """sign · softplus(raw), (D,)."""
        return self.signs * softplus(self.raw)


class GivenSelfMasking(_OwnValue):
    """logit p(s_d = 1 | x) = −w_d (x_d − b_d), where the slopes w are given and b is learned.

    Args:
        slopes: w, (D,), nats per unit of x; w > 0: high values go missing.

    Raises:
        ValueError: the slopes are not one row of finite numbers.
    """

    kind = "self-masking of given strength"
    slopes: Tensor

    def __init__(self, slopes: Sequence[float] | Tensor) -> None:
        super().__init__()
        given = torch.as_tensor(slopes, dtype=torch.float32)
        if given.dim() != 1 or not given.isfinite().all():
            raise ValueError(f"expected finite slopes of shape (D,), got {given.tolist()}")
        self.features = len(given)
        self.register_buffer("slopes", given)
        self.threshold = numbers(0.0, len(given))

    def own_slopes(self) -> Tensor:
        """w, (D,)."""
        return self.slopes


class Clipping(_OwnValue):
    """Values beyond a threshold go missing; one threshold and strength for every entry.

    The defaults are those of not-MIWAE's study of SVHN, W = −50 and b = .75: bright pixels go
    missing. The logarithm of the strength is learned, so that steps are relative.

    Args:
        threshold: in units of x, for pixels in [0, 1]; half are missing there.
        strength: nats per unit of x; at 50, P(missing) rises from 8 to 92 % within 0.1.
        direction: "high" = values above go missing, "low" = those below.
        given: True = both numbers stay as they are in training; False = they are learned.

    Raises:
        ValueError: the strength is not positive, or the direction is unknown.
    """

    kind = "clipping"

    def __init__(
        self,
        threshold: float = 0.75,
        strength: float = 50.0,
        direction: Literal["high", "low"] = "high",
        *,
        given: bool = False,
    ) -> None:
        super().__init__()
        if direction not in ("high", "low"):
            raise ValueError(f"expected the direction 'high' or 'low', got {direction!r}")
        if not strength > 0:
            raise ValueError(f"expected a positive strength, got {strength}")
        self.given = given
        self.sign = 1.0 if direction == "high" else -1.0
        self.log_strength, self.threshold = numbers(math.log(strength), 1), numbers(threshold, 1)
        self.requires_grad_(not given)

    def own_slopes(self) -> Tensor:
        """± strength, (1,)."""
        return self.sign * self.log_strength.exp()


class Sinusoidal(MissingProcess):
    """logit p(s_d = 1 | x) = −(c + a sin(2π f x_d + φ)): values in recurring bands go missing.

    Args:
        amplitude: a, nats.
        frequency: f, cycles per unit of x.
        phase: φ, radians.
        offset: c, nats: the log-odds of being missing midway between the extremes.
    """

    kind = "sinusoidal"
    entrywise = True

    def __init__(
        self,
        amplitude: float = 2.0,
        frequency: float = 0.5,
        phase: float = 0.0,
        offset: float = 0.0,
    ) -> None:
        super().__init__()
        self.amplitude, self.frequency = numbers(amplitude, 1), numbers(frequency, 1)
        self.phase, self.offset = numbers(phase, 1), numbers(offset, 1)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        angle = 2 * math.pi * self.frequency * x + self.phase
        return -(self.offset + self.amplitude * torch.sin(angle))

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """No direction and no single threshold; the four parameters are in `details`."""
        details = {name: value.item() for name, value in self.named_parameters()}
        driver = "itself" if details["amplitude"] and details["frequency"] else None
        return (Mechanism(self.kind, None, "none", math.nan, 0.0, driver, details),)


class MissingCompletelyAtRandom(MissingProcess):
    """p(s_d = 1 | x) = 1 − rate for every x; a likelihood may ignore this process.

    Args:
        rate: fraction that goes missing, one for every entry or (D,), between 0 and 1.

    Raises:
        ValueError: a rate is not strictly between 0 and 1.
    """

    kind = "completely at random"
    entrywise = True

    def __init__(self, rate: float | Sequence[float] | Tensor = 0.5) -> None:
        super().__init__()
        rate = torch.as_tensor(rate, dtype=torch.float64)
        if not ((rate > 0) & (rate < 1)).all():
            raise ValueError(f"expected a rate strictly between 0 and 1, got {rate.tolist()}")
        self.features = len(rate) if rate.dim() else None
        self.log_odds = numbers(torch.logit(1 - rate), len(rate) if rate.dim() else 1)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D), constant."""
        return self.log_odds.expand_as(x)

    def interpret(self, low: float = -3.0, high: float = 3.0) -> tuple[Mechanism, ...]:
        """No direction; the rate is in `details`."""
        rates = torch.sigmoid(-self.log_odds).tolist()
        features = [None] if self.features is None else range(self.features)
        return tuple(
            Mechanism(self.kind, feature, "none", math.nan, 0.0, None, {"rate": rate})
            for feature, rate in zip(features, rates, strict=True)
        )
