"""Read a stranger's file in a child process, with limits of memory and time.

    pool = Pool(2)
    reading = read_limited(path.read_bytes(), path.name, pool.call)

A file can need far more memory than its size: it may be compressed, repeat a value millions of
times, or state less than it contains. `read_table` refuses what it can recognise. The limits of
the child process stop the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dgm_core.child_process import ChildFailed, OutOfMemory, OutOfTime
from dgm_core.data.reading import Limits, Reading, UnreadableTable, read_table
from dgm_core.data.reading.remarks import quoted

MEMORY = 300 * 2**20
"""Bytes that reading a file may need."""
SECONDS = 20.0
"""Time limit for reading a file."""


def read_limited(
    content: bytes, name: str, call: Callable[..., Reading], *, limits: Limits
) -> Reading:
    """`read_table`, computed elsewhere, with limits of memory and time.

    Args:
        content: the bytes of the file.
        name: the file's name, for messages.
        call: `Pool.call`, or another function with its arguments.
        limits: the largest table to read.

    Raises:
        UnreadableTable: no table can be read within the limits; the message is for a visitor.
    """
    read = partial(read_table, limits=limits)
    try:
        return call(read, content, name, memory=MEMORY, seconds=SECONDS)
    except OutOfMemory as error:
        problem = f"needs more than {MEMORY / 2**20:.0f} MB of memory to read"
        raise _refused(name, problem) from error
    except OutOfTime as error:
        raise _refused(name, f"takes longer than {SECONDS:.0f} s to read") from error
    except ChildFailed as error:
        raise _refused(name, "cannot be read: it is damaged, or it needs too much") from error


def _refused(name: str, problem: str) -> UnreadableTable:
    return UnreadableTable(
        f"{quoted(name)} {problem}. Save the table again with fewer rows or shorter texts, "
        "and choose that file."
    )
