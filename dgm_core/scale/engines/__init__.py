"""Many independent tasks, on all cores of this machine or on many machines.

    >>> from functools import partial
    >>> from operator import itemgetter
    >>> pieces = ["a0", "b1", "c2"]
    >>> sorted(engine("local", workers=2).map(partial(itemgetter, 0), pieces))
    [(0, 'a'), (1, 'b'), (2, 'c')]

Each worker makes its tool once (here `itemgetter(0)`; often an object that loads a model) and
calls it on one piece after another. Results arrive as soon as they are ready. If a worker is
killed, it is replaced and its piece is done again. A piece may therefore run twice, and its side
effects must not depend on that.

Pieces, results and the function that makes the tool must be picklable. Pieces are, for example,
the blocks of a table or the cells of a study.
"""

from __future__ import annotations

from typing import Literal, get_args

from dgm_core.scale.engines.contract import LIVES, Engine, EngineMissing, Tool, WorkersLost

EngineName = Literal["local", "ray"]
NAMES: tuple[EngineName, ...] = get_args(EngineName)


def engine(name: EngineName, workers: int | None = None, address: str | None = None) -> Engine:
    """An engine by name.

    Args:
        name: "local" or "ray".
        workers: processes of one thread each; None = one per core.
        address: address of a running Ray cluster; None = start one on this machine for this work.

    Raises:
        EngineMissing: Ray is not installed.
        ValueError: an unknown name, fewer than one worker, or an address for the local engine.
    """
    if name not in NAMES:
        raise ValueError(f"expected an engine among {', '.join(NAMES)}, got {name!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    if name == "local":
        if address is not None:
            raise ValueError("--address needs --engine ray; the local engine has no address")
        from dgm_core.scale.engines.local import Local

        return Local(workers)
    from dgm_core.scale.engines.on_ray import OnRay

    return OnRay(workers, address)


__all__ = [
    "LIVES",
    "NAMES",
    "Engine",
    "EngineMissing",
    "EngineName",
    "Tool",
    "WorkersLost",
    "engine",
]
