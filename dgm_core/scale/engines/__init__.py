"""Many independent pieces of work, on all cores of this machine or on many machines.

    >>> from functools import partial
    >>> from operator import itemgetter
    >>> pieces = ["a0", "b1", "c2"]
    >>> sorted(engine("local", workers=2).map(partial(itemgetter, 0), pieces))
    [(0, 'a'), (1, 'b'), (2, 'c')]

Each worker makes its tool once (`itemgetter(0)` here; one that loads a model, say) and uses it on
one piece after another. Results come as they are ready. A worker that is killed is replaced and
its piece done again, so a piece may be done twice: what it leaves behind must not depend on that.

Pieces, results and the maker of tools must be picklable. The rest of the library knows of no
engine; whoever has independent pieces, a table's blocks or a study's cells, hands them to one.
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
        workers: processes of one thread each; None = as many as there are cores.
        address: of a running Ray cluster; None = one on this machine, for as long as it is needed.

    Raises:
        EngineMissing: Ray is not installed.
        ValueError: another name, no worker, or an address for the local engine.
    """
    if name not in NAMES:
        raise ValueError(f"no engine {name!r}; there are {', '.join(NAMES)}")
    if workers is not None and workers < 1:
        raise ValueError(f"expected at least one worker, got {workers}")
    if name == "local":
        if address is not None:
            raise ValueError("the local engine has no address; --engine ray does")
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
