"""Catalogue of missing processes p(s | x), used in simulations and learned by not-MIWAE.

    process = SelfMasking(D, weight=2.0, threshold=0.5)     # high values go missing
    observed = process.sample(x, generator)                 # bool (B, D), True = observed
    process.log_prob(observed, x)                           # log p(s | x), (B,), nats

A simulation and a model use the same class, so the true and the learned curve can be compared:
`process.curve(feature, values)`. `PROCESSES` maps a name to a constructor from D; every test of
processes runs over it.

A new process defines how the log-odds of being *observed* depend on x, and inherits the rest. The
example is a thermometer that fails when it is hot: higher temperatures are observed less often,
hence the minus sign.

    >>> import torch
    >>> from torch import Tensor, nn
    >>> from dgm_core.missing.base import MissingProcess
    >>> class HeatFailure(MissingProcess):
    ...     kind = "heat failure"
    ...     def __init__(self, limit: float = 60.0, width: float = 4.0) -> None:
    ...         super().__init__()
    ...         self.limit = nn.Parameter(torch.tensor(limit))  # °C, half of the readings fail
    ...         self.width = nn.Parameter(torch.tensor(width))  # °C per factor e of the odds
    ...     def logits(self, x: Tensor) -> Tensor:
    ...         return -(x - self.limit) / self.width
    >>> sensor = HeatFailure()
    >>> celsius = torch.tensor([20.0, 56.0, 60.0, 80.0])
    >>> [f"{p:.3f}" for p in sensor.curve(0, celsius)]
    ['0.000', '0.269', '0.500', '0.993']
    >>> found = sensor.interpret(low=0.0, high=100.0)[0]
    >>> found.direction, round(found.threshold, 2), round(found.slope, 2), found.driver
    ('high', 60.0, 0.25, 'itself')
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_core.missing.agnostic import LinearMasking, MLPMasking
from dgm_core.missing.base import Direction, Mechanism, MissingProcess
from dgm_core.missing.combined import ByColumn, Restricted, WithBaseRate
from dgm_core.missing.pointwise import (
    Clipping,
    GivenSelfMasking,
    KnownSignSelfMasking,
    MissingCompletelyAtRandom,
    SelfMasking,
    Sinusoidal,
)


def _with_known_signs(features: int) -> MissingProcess:
    return KnownSignSelfMasking([1.0] * features)


def _clipping(features: int) -> MissingProcess:
    return Clipping()


def _sinusoidal(features: int) -> MissingProcess:
    return Sinusoidal()


def _completely_at_random(features: int) -> MissingProcess:
    return MissingCompletelyAtRandom()


def _of_the_first_half(features: int) -> MissingProcess:
    return Restricted(SelfMasking(features), torch.arange(features) < (features + 1) // 2)


def _with_a_base_rate(features: int) -> MissingProcess:
    return WithBaseRate(SelfMasking(features))


PROCESSES: dict[str, Callable[[int], MissingProcess]] = {
    "self-masking": SelfMasking,
    "self-masking with known signs": _with_known_signs,
    "linear": LinearMasking,
    "network": MLPMasking,
    "clipping": _clipping,
    "sinusoidal": _sinusoidal,
    "completely at random": _completely_at_random,
    "self-masking of the first half": _of_the_first_half,
    "self-masking with a base rate": _with_a_base_rate,
}
"""Name → constructor(D) with the initial values of learning; each can be pickled."""


def above_the_mean(x: Tensor, features: int | None = None) -> Tensor:
    """Mask that hides every value above the mean in the first features.

    This is self-masking with an infinite slope, as in not-MIWAE's study of tables (arXiv
    2006.12871, §5.1). For N(0, 1) features, imputing the mean of the observed values then has an
    RMSE of 1.706.

    Args:
        x: complete rows, (B, D).
        features: number of features that lose values; None = D / 2, rounded down.

    Returns:
        observed, bool (B, D), True = observed.
    """
    features = x.shape[-1] // 2 if features is None else features
    affected = torch.arange(x.shape[-1], device=x.device) < features
    return ~(affected & (x > x.mean(0)))


__all__ = [
    "PROCESSES",
    "ByColumn",
    "Clipping",
    "Direction",
    "GivenSelfMasking",
    "KnownSignSelfMasking",
    "LinearMasking",
    "MLPMasking",
    "Mechanism",
    "MissingCompletelyAtRandom",
    "MissingProcess",
    "Restricted",
    "SelfMasking",
    "Sinusoidal",
    "WithBaseRate",
    "above_the_mean",
]
