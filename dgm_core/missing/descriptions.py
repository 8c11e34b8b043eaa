"""Descriptions of missing processes: their class and settings, as a dict that `json` can write.

A description and the state of a process (its parameters and buffers) suffice to build the process
again. Sizes are read from the arrays of the state.

    >>> process = SelfMasking(2, weight=[1.0, -1.0], threshold=0.5)
    >>> describe(process)
    {'class': 'SelfMasking'}
    >>> rebuild(describe(process), process.state_dict()).threshold
    Parameter containing:
    tensor([0.5000, 0.5000], requires_grad=True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from dgm_core.missing.base import MissingProcess
from dgm_core.missing.processes import (
    ByColumn,
    Clipping,
    KnownSignSelfMasking,
    LinearMasking,
    MissingCompletelyAtRandom,
    MLPMasking,
    Restricted,
    SelfMasking,
    Sinusoidal,
    WithBaseRate,
)

Description = dict[str, Any]
Arrays = Mapping[str, Tensor]


def _network(first_layer: Tensor) -> MissingProcess:
    hidden, features = first_layer.shape
    return MLPMasking(features, hidden)


def _completely_at_random(about: Description, arrays: Arrays) -> MissingProcess:
    size = len(arrays["log_odds"])
    return MissingCompletelyAtRandom([0.5] * size if about["by column"] else 0.5)


_BUILD: dict[type[MissingProcess], Callable[[Description, Arrays], MissingProcess]] = {
    SelfMasking: lambda _, arrays: SelfMasking(len(arrays["weight"])),
    KnownSignSelfMasking: lambda _, arrays: KnownSignSelfMasking(arrays["signs"]),
    LinearMasking: lambda _, arrays: LinearMasking(len(arrays["bias"])),
    MLPMasking: lambda _, arrays: _network(arrays["network.0.weight"]),
    Clipping: lambda about, _: Clipping(direction=about["direction"]),
    Sinusoidal: lambda *_: Sinusoidal(),
    MissingCompletelyAtRandom: _completely_at_random,
    Restricted: lambda about, arrays: Restricted(_inner(about, arrays), arrays["affected"]),
    ByColumn: lambda about, arrays: ByColumn(_inner(about, arrays), arrays["column_of"]),
    WithBaseRate: lambda about, arrays: WithBaseRate(_inner(about, arrays)),
}
"""Class → function that builds a process of the right sizes; its values are then replaced."""

_NAMES = {each.__name__: each for each in _BUILD}


def describe(process: MissingProcess) -> Description | None:
    """The description that `rebuild` needs; None if the class is not one of this library."""
    if type(process) not in _BUILD:
        return None
    about: Description = {"class": type(process).__name__}
    if frozen := [name for name, p in process.named_parameters() if not p.requires_grad]:
        about["frozen"] = frozen
    if isinstance(process, Clipping):
        about["direction"] = "high" if process.sign > 0 else "low"
    if isinstance(process, MissingCompletelyAtRandom):
        about["by column"] = process.features is not None
    if isinstance(process, Restricted | ByColumn | WithBaseRate):
        if (inner := describe(process.process)) is None:
            return None
        about["process"] = inner
    return about


def rebuild(about: Description, arrays: Arrays) -> MissingProcess:
    """Build a process from a description and a state.

    Raises:
        ValueError: the class is unknown.
        KeyError, TypeError, RuntimeError: description and state do not match.
    """
    process = _built(about, arrays)
    process.load_state_dict(arrays, strict=True, assign=True)
    for name in about.get("frozen", ()):
        process.get_parameter(name).requires_grad_(False)
    return process


def _built(about: Description, arrays: Arrays) -> MissingProcess:
    if about["class"] not in _NAMES:
        raise ValueError(f"expected a process among {[*_NAMES]}, got {about['class']!r}")
    return _BUILD[_NAMES[about["class"]]](about, arrays)


def _inner(about: Description, arrays: Arrays) -> MissingProcess:
    start = "process."
    inside = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
    return _built(about["process"], inside)
