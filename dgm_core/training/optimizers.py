"""Adam and gradient descent, as light as their formulas.

Adam (Kingma & Ba 2015), with gradient g, rates β₁, β₂ and step number t:

    m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
    x ← x − rate · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε)

The steps are those of `torch.optim.Adam(fused=True)`, to the last bit: the same kernel computes
them. The first optimiser of `torch.optim` in a process imports torch's compiler, which takes about
as long as importing torch. These do not.

    >>> x = nn.Parameter(torch.tensor([3.0]))
    >>> adam = Adam([x], rate=0.1)
    >>> for _ in range(200):
    ...     adam.zero_grad()
    ...     (x - 1).square().sum().backward()
    ...     adam.step()
    >>> bool((x - 1).abs() < 0.05)
    True
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class _Moments(NamedTuple):
    """What Adam keeps of a parameter."""

    step: Tensor  # () float, t
    exp_avg: Tensor  # m
    exp_avg_sq: Tensor  # v


class Adam:
    """Adam on the parameters that have a gradient.

    Args:
        parameters: floating-point parameters, each on any device.
        rate: the learning rate; it may be changed between steps.
        betas: β₁ and β₂.
        weight_decay: multiple of x that is added to its gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.rate, self.betas, self.weight_decay = rate, betas, weight_decay
        self._moments: dict[int, _Moments] = {}  # number of a parameter → its moments

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters, in place."""
        groups: dict[tuple[torch.device, torch.dtype], list[tuple[Tensor, ...]]] = {}
        for number, x in enumerate(self.parameters):
            if x.grad is None:
                continue
            if number not in self._moments:
                step = torch.zeros((), dtype=torch.float32, device=x.device)
                self._moments[number] = _Moments(step, torch.zeros_like(x), torch.zeros_like(x))
            moments = self._moments[number]
            groups.setdefault((x.device, x.dtype), []).append((x, x.grad, *moments))
        for rows in groups.values():
            xs, gradients, steps, m, v = map(list, zip(*rows, strict=True))
            torch._foreach_add_(steps, 1)  # pyright: ignore[reportPrivateImportUsage]
            torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage]
                xs,
                gradients,
                m,
                v,
                [],
                steps,
                lr=self.rate,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=self.weight_decay,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )

    def state_dict(self) -> dict[str, Any]:
        """The moments, as `torch.optim.Adam` names them."""
        return {"state": {number: each._asdict() for number, each in self._moments.items()}}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore the moments from a `state_dict`, also from one of `torch.optim.Adam`.

        Raises:
            ValueError: the moments do not fit the parameters.
        """
        moments = {}
        for number, each in saved["state"].items():
            fits = number in range(len(self.parameters))
            if not fits or each["exp_avg"].shape != self.parameters[number].shape:
                raise ValueError(f"the moments of parameter {number} do not fit this model")
            x = self.parameters[number]
            moments[number] = _Moments(
                each["step"].to(x.device, torch.float32, copy=True),
                each["exp_avg"].to(x, copy=True),
                each["exp_avg_sq"].to(x, copy=True),
            )
        self._moments = moments


class GradientDescent:
    """x ← x − rate · gradient.

    Args:
        parameters: to change.
        rate: the learning rate.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        self.parameters, self.rate = list(parameters), rate

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters, in place."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=self.rate)
