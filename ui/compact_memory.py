"""Many small arrays in one piece of memory.

What a run yields is scattered among the tensors of its computation. When these are freed, the
holes between are too small for those of the next run, and a server grows by several times of what
its sessions hold.
"""

from __future__ import annotations

import pickle
from typing import TypeVar

T = TypeVar("T")
ALIGNED = 64
"""Bytes; where an array begins."""


def in_one_block(what: T) -> T:
    """The same, anything that can be pickled, with all its NumPy arrays in one block.

    Equal arrays, of the same types and shapes; an array that stood in several places is one again.
    """
    buffers: list[pickle.PickleBuffer] = []
    shell = pickle.dumps(what, 5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    starts, size = [], 0
    for raw in raws:
        starts.append(size)
        size += -(-raw.nbytes // ALIGNED) * ALIGNED
    block = memoryview(bytearray(size))
    for start, raw in zip(starts, raws, strict=True):
        block[start : start + raw.nbytes] = raw
    places = [block[start : start + raw.nbytes] for start, raw in zip(starts, raws, strict=True)]
    return pickle.loads(shell, buffers=places)
