"""Functions that are computed in short steps, so that a caller can stop between them.

    >>> @stepwise
    ... def total(numbers):
    ...     found = 0
    ...     for number in numbers:
    ...         found += number
    ...         yield
    ...     return found
    >>> total([1, 2, 3])
    6
    >>> list(total.steps([1, 2, 3]))  # in a generator: found = yield from total.steps(…)
    [None, None, None]

The steps of a generator are None, or a `Call` that a child process computes and that its caller
waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from dgm_core.child_process import Call

P = ParamSpec("P")
T = TypeVar("T")
Steps = Generator[Call | None, None, T]
"""Generator that returns the result of a computation."""


class Stepwise(Generic[P, T]):
    """A function that is computed at once if it is called, and in steps by `steps`."""

    def __init__(self, steps: Callable[P, Steps[T]]) -> None:
        self.steps = steps
        update_wrapper(self, getattr(steps, "func", steps))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result."""
        return finished(self.steps(*args, **kwargs))

    def partial(self, *args: Any, **kwargs: Any) -> Stepwise[..., T]:
        """The same function with some arguments set."""
        return Stepwise(partial(self.steps, *args, **kwargs))


stepwise = Stepwise
"""Decorator of a generator function."""


def finished(steps: Steps[T]) -> T:
    """The result of a computation, computed to its end."""
    while True:
        try:
            call = next(steps)
        except StopIteration as end:
            return end.value
        if call is not None:
            call.wait()


def in_process(
    function: Callable[..., T], *args: Any, memory: float, seconds: float
) -> Generator[Call, None, T]:
    """As `Pool.steps`, but computed here, in one step and without limits."""
    del memory, seconds
    return function(*args)
    yield
