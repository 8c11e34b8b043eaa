"""Arrays moved into one block are equal, and their original memory is released."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from dgm_core.missing import masks
from dgm_core.studies.inpainting import two_samplers
from tests.ui.inpainting.test_chain_files import model
from ui.compact_memory import ALIGNED, in_one_block

ARRAYS = {
    "bool": np.eye(3, dtype=bool),
    "half": np.linspace(0, 1, 7).astype(np.float16),
    "double": np.linspace(0, 1, 5)[:, None] * np.arange(3),
    "none": np.zeros((0, 4), np.int64),
    "a column": np.arange(12.0).reshape(3, 4)[:, 1],
    "by columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "one number": np.array(2.5),
}


def block_of(array: np.ndarray) -> int:
    """Address of the memory block that contains an array."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return np.frombuffer(owner.base.obj, np.uint8).ctypes.data


@pytest.mark.parametrize("name", ARRAYS)
def test_values_types_and_shapes_are_kept(name: str) -> None:
    before = ARRAYS[name]
    after = in_one_block([before, "text", {"again": before}])
    assert after[1] == "text"
    for found in (after[0], after[2]["again"]):
        assert (found.dtype, found.shape) == (before.dtype, before.shape)
        np.testing.assert_array_equal(found, before)
    assert after[0] is after[2]["again"]


def test_all_arrays_are_in_one_block() -> None:
    before = [np.full((size,), size, np.float32) for size in (1, 100, 17, 5000)]
    after = in_one_block(before)
    assert len({block_of(array) for array in after}) == 1
    first = block_of(after[0])
    assert all((array.ctypes.data - first) % ALIGNED == 0 for array in after)
    ends = [(array.ctypes.data, array.ctypes.data + array.nbytes) for array in after]
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))


def test_nothing_of_a_run_changes() -> None:
    picture = two_samplers.pack(masks.box(28, 28, 8, 8, 12, 6).numpy())
    before = list(
        two_samplers.run(two_samplers.Config("tiny", picture, picture, 30, 5, 3), model())
    )
    after = in_one_block(before)
    assert len(after) == len(before)
    assert all(kept is shot for kept, shot in zip(after[-1].frames, after[:-1], strict=True))
    for one, other in zip(leaves(before), leaves(after), strict=True):
        np.testing.assert_array_equal(one, other)


def leaves(what: object) -> Iterator[object]:
    """Arrays and plain values, in order."""
    if isinstance(what, dict):
        what = tuple(what.values())
    if isinstance(what, list | tuple):
        for each in what:
            yield from leaves(each)
    else:
        yield what


def test_the_original_memory_is_released() -> None:
    before = np.arange(9.0)
    known = weakref.ref(before)
    after = in_one_block([before])
    del before
    gc.collect()
    assert known() is None
    np.testing.assert_array_equal(after[0], np.arange(9.0))
