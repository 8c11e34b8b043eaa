"""Many small arrays in one block of memory.

The arrays that a run yields lie scattered among the tensors of its computation. When these are
freed, the gaps are too small for the tensors of the next run. The memory of a server then grows to
several times of what its sessions hold.
"""

from __future__ import annotations

import pickle
from typing import TypeVar

T = TypeVar("T")
ALIGNED = 64
"""Arrays begin at multiples of this many bytes."""


def in_one_block(value: T) -> T:
    """A copy of anything that can be pickled, with all its NumPy arrays in one block of memory.

    Types, shapes and values stay the same. An array that occurs several times is stored once.
    """
    buffers: list[pickle.PickleBuffer] = []
    shell = pickle.dumps(value, 5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    starts, size = [], 0
    for raw in raws:
        starts.append(size)
        size += -(-raw.nbytes // ALIGNED) * ALIGNED
    block = memoryview(bytearray(size))
    for start, raw in zip(starts, raws, strict=True):
        block[start : start + raw.nbytes] = raw
    arrays = [block[start : start + raw.nbytes] for start, raw in zip(starts, raws, strict=True)]
    return pickle.loads(shell, buffers=arrays)
