"""Missing processes in which missingness of any feature may depend on any other feature."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from dgm_core import rng
from dgm_core.missing.base import AffineProcess, MissingProcess
from dgm_core.networks import linear


class LinearMasking(AffineProcess):
    """logit p(s = 1 | x) = A x + b, a logistic regression of each s_d on the whole row.

    A_dj < 0: entry d tends to go missing where x_j is high.

    Args:
        features: D.
        weight: initial A, (D, D), nats per unit of x; None = 0.
        bias: initial b, (D,), nats; None = 0.
    """

    kind = "linear"

    def __init__(
        self, features: int, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> None:
        super().__init__()
        self.features = features
        self.weight = nn.Parameter(torch.zeros(features, features))
        self.bias = nn.Parameter(torch.zeros(features))
        with torch.no_grad():
            if weight is not None:
                self.weight.copy_(weight)
            if bias is not None:
                self.bias.copy_(bias)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        return nn.functional.linear(x, self.weight, self.bias)

    def own_slopes(self) -> Tensor:
        """−A_dd, (D,)."""
        return -self.weight.diagonal()

    def drivers(self) -> list[int | Literal["itself"] | None]:
        """The j of the largest |A_dj| for each d; comparable if the features are standardised."""
        size, column = self.weight.abs().max(1)
        return [
            None if not most else "itself" if j == d else j
            for d, (most, j) in enumerate(zip(size.tolist(), column.tolist(), strict=True))
        ]


class MLPMasking(MissingProcess):
    """logit p(s = 1 | x) = A₂ tanh(A₁ x + b₁) + b₂: a network with one hidden layer.

    Args:
        features: D.
        hidden: number of units in the hidden layer.
        generator: draws the initial weights; None = one with seed 0.
    """

    kind = "network"

    def __init__(
        self, features: int, hidden: int = 64, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.features = features
        generator = generator or rng.generator(0)
        self.network = nn.Sequential(
            linear(features, hidden, generator), nn.Tanh(), linear(hidden, features, generator)
        )

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        return self.network(x)
