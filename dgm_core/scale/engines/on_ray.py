"""Actors of Ray, on this machine or a cluster, each with its tool."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dgm_core.scale.engines.contract import LIVES, EngineMissing, Tool, WorkersLost, one_thread

SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # actors that ask for no GPU see those there are
    "RAY_USAGE_STATS_ENABLED": "0",
}


class OnRay:
    """The engine of Ray; a cluster of its own ends with the work, another's stays."""

    name = "ray"

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        for setting, value in SETTINGS.items():
            os.environ.setdefault(setting, value)
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise EngineMissing(
                "The engine ray is not installed: pip install ray. "
                "Without it, --engine local uses all cores of this machine."
            ) from error
        self.address, self._asked = address, workers
        self.workers = workers or os.cpu_count() or 1

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """As of `Engine`."""
        import ray

        if not pieces:
            return
        self._connect()
        try:
            workers = self._asked or max(1, int(ray.cluster_resources().get("CPU", 1)))
            self.workers = min(workers, len(pieces))
            lasting = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": LIVES - 1}
            actor, made = ray.remote(**lasting)(_Worker), ray.put(make)
            idle = [actor.remote() for _ in range(self.workers)]
            waiting = list(enumerate(pieces))[::-1]
            under_way: dict[Any, tuple[int, Any]] = {}  # future → place, its actor
            while waiting or under_way:
                while waiting and idle:
                    (place, piece), free = waiting.pop(), idle.pop()
                    under_way[free.use.remote([made], piece)] = place, free
                (ready,), _ = ray.wait(list(under_way))
                result, error = ray.get(ready)
                if error is not None:
                    raise error
                place, free = under_way.pop(ready)
                idle.append(free)
                yield place, result
        except ray.exceptions.RayError as error:
            raise WorkersLost(
                f"workers died {LIVES} times at the same piece, or could not be replaced: {error}"
            ) from None
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        import ray

        about = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address is None:
            ray.init(num_cpus=self.workers, include_dashboard=False, **about)
        else:  # its machines have the packages, but not this library
            library = str(Path(__file__).parents[2])
            ray.init(self.address, runtime_env={"py_modules": [library]}, **about)


class _Worker:
    """An actor: makes its tool once, with the first piece."""

    def __init__(self) -> None:
        one_thread()
        self.tool: Tool | None = None

    def use(self, make: list[Any], piece: Any) -> tuple[Any, Exception | None]:
        """The result, or what was raised: the driver raises it as it is.

        Args:
            make: in a list, so that the tool's maker, a model with its weights perhaps, is not
                fetched anew with every piece.
            piece: as of `Engine.map`.
        """
        import ray

        try:
            if self.tool is None:
                self.tool = ray.get(make[0])()
            return self.tool(piece), None
        except Exception as error:
            error.add_note(traceback.format_exc())
            return None, error
