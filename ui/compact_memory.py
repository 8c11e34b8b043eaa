"""Large results of a run that has ended, compressed while nobody looks at them.

The arrays that a run yields lie scattered among the tensors of its computation. When these are
freed, the gaps are too small for the tensors of the next run. The memory of a server then grows to
several times of what its sessions hold. Compressed, all arrays lie in one block.
"""

from __future__ import annotations

import pickle
import zlib
from typing import Generic, TypeVar

T = TypeVar("T")


class Compressed(Generic[T]):
    """A value that can be pickled, such as nested lists of NumPy arrays.

    An array that occurs several times is stored once.
    """

    def __init__(self, value: T) -> None:
        self._packed = zlib.compress(pickle.dumps(value, 5))

    def value(self) -> T:
        """A new copy of the value; types, shapes and numbers are the same."""
        return pickle.loads(zlib.decompress(self._packed))
