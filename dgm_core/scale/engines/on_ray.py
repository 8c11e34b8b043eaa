"""The Ray engine: actors on this machine or a cluster, each with its tool."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dgm_core.scale.engines.contract import LIVES, EngineMissing, Tool, WorkersLost, one_thread

SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # actors that request no GPU see all GPUs
    "RAY_USAGE_STATS_ENABLED": "0",
}


class OnRay:
    """The engine of Ray; a cluster that it starts ends with the work."""

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
        self.address, self._requested = address, workers
        self.workers = workers or os.cpu_count() or 1

    def map(self, make: Callable[[], Tool], pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine.map`."""
        import ray
        from ray.exceptions import RayError

        if not pieces:
            return
        self._connect()
        try:
            workers = self._requested or max(1, int(ray.cluster_resources().get("CPU", 1)))
            self.workers = min(workers, len(pieces))
            options: dict[str, Any] = {
                "num_cpus": 1,
                "max_restarts": -1,
                "max_task_retries": LIVES - 1,
            }
            actor: Any = ray.remote(**options)(_Worker)
            maker = ray.put(make)
            idle = [actor.remote() for _ in range(self.workers)]
            waiting = list(enumerate(pieces))[::-1]
            running: dict[Any, tuple[int, Any]] = {}  # future → index of the piece, its worker
            while waiting or running:
                while waiting and idle:
                    (index, piece), worker = waiting.pop(), idle.pop()
                    running[worker.use.remote([maker], piece)] = index, worker
                (ready,), _ = ray.wait(list(running))
                result, error = ray.get(ready)
                if error is not None:
                    raise error
                index, worker = running.pop(ready)
                idle.append(worker)
                yield index, result
        except RayError as error:
            raise WorkersLost(
                f"workers died {LIVES} times at the same piece, or could not be replaced: {error}"
            ) from None
        finally:
            ray.shutdown()

    def _connect(self) -> None:
        import ray

        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address is None:
            ray.init(num_cpus=self.workers, include_dashboard=False, **quiet)
        else:  # the machines of a cluster have the packages, but not this library
            library = str(Path(__file__).parents[2])
            ray.init(self.address, runtime_env={"py_modules": [library]}, **quiet)


class _Worker:
    """An actor, which makes its tool once, for the first piece."""

    def __init__(self) -> None:
        one_thread()
        self.tool: Tool | None = None

    def use(self, make: list[Any], piece: Any) -> tuple[Any, Exception | None]:
        """The result, or the exception, which the driver raises again.

        Args:
            make: a reference to the function that makes the tool, in a list. Ray would fetch a
                bare reference, possibly a model with its weights, for every piece.
            piece: see `Engine.map`.
        """
        import ray

        try:
            if self.tool is None:
                maker: Any = ray.get(make[0])
                self.tool = maker()
            assert self.tool is not None  # made above
            return self.tool(piece), None
        except Exception as error:
            error.add_note(traceback.format_exc())
            return None, error
