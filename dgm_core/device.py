"""Settings of a whole program: the device, and how much freed memory it keeps.

The device is `$DGM_DEVICE`, else CUDA when present, else the CPU.

    >>> default_device().type in ("cpu", "cuda", "mps")
    True
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def default_device() -> torch.device:
    """The device for models and data made at the edge (command line, app, training)."""
    import torch  # takes seconds, which the start page does not need

    named = os.environ.get("DGM_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def device_of(model: object) -> torch.device:
    """The device of a model's parameters and buffers; the CPU if it has none."""
    import torch

    for name in ("parameters", "buffers"):
        tensors: Callable[[], Iterable[torch.Tensor]] = getattr(model, name, tuple)
        for each in tensors():
            return each.device
    return torch.device("cpu")


def return_freed_memory() -> None:
    """Let the C allocator return the freed memory that it keeps, in milliseconds.

    Worthwhile after a large computation, since each thread may keep some. No effect with another
    C library than glibc.
    """
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def keep_freed_memory(megabytes: int = 128) -> None:
    """Let the C allocator keep this much freed memory instead of returning it at once.

    Networks free and request the same few megabytes at every step. With glibc's defaults each
    such request to the kernel takes as long as a layer. No effect with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD in malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(mmap_threshold, 32 * 2**20)
        mallopt(trim_threshold, megabytes * 2**20)
