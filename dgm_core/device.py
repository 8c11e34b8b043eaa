"""What a program settles once at its edge: the device, and how freed memory is kept.

The device is `$DGM_DEVICE`, else CUDA when present, else the CPU.

    >>> default_device().type in ("cpu", "cuda", "mps")
    True
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def default_device() -> torch.device:
    """The device for models and data made at the edge (command line, app, training)."""
    import torch  # seconds of start-up, which the front door does without

    named = os.environ.get("DGM_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def keep_freed_memory(megabytes: int = 128) -> None:
    """Let the C allocator keep this much freed memory instead of handing it back at once.

    Networks free and ask for the same few megabytes at every step; with glibc's defaults each
    round trip to the kernel costs as much as a layer. No effect with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD in malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(mmap_threshold, 32 * 2**20)
        mallopt(trim_threshold, megabytes * 2**20)
