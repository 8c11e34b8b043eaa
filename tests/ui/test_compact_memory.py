"""Compressed arrays come back unchanged, and their original memory is released."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from dgm_core.missing import masks
from dgm_core.studies.inpainting import two_samplers
from tests.ui.inpainting.test_chain_files import model
from ui.compact_memory import Compressed

ARRAYS = {
    "bool": np.eye(3, dtype=bool),
    "half": np.linspace(0, 1, 7).astype(np.float16),
    "double": np.linspace(0, 1, 5)[:, None] * np.arange(3),
    "none": np.zeros((0, 4), np.int64),
    "a column": np.arange(12.0).reshape(3, 4)[:, 1],
    "by columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "one number": np.array(2.5),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_values_types_and_shapes_are_kept(name: str) -> None:
    before = ARRAYS[name]
    after = Compressed([before, "text", {"again": before}]).value()
    assert after[1] == "text"
    for found in (after[0], after[2]["again"]):
        assert (found.dtype, found.shape) == (before.dtype, before.shape)
        np.testing.assert_array_equal(found, before)
    assert after[0] is after[2]["again"]


def test_the_value_is_stored_small() -> None:
    stored = Compressed([np.zeros((1000, 100)), np.eye(300, dtype=bool)])
    assert len(pickle.dumps(stored)) < 10_000


def test_nothing_of_a_run_changes() -> None:
    picture = two_samplers.pack(masks.box(28, 28, 8, 8, 12, 6).numpy())
    before = list(
        two_samplers.run(two_samplers.Config("tiny", picture, picture, 30, 5, 3), model())
    )
    after = Compressed(before).value()
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
    stored = Compressed([before])
    del before
    gc.collect()
    assert known() is None
    np.testing.assert_array_equal(stored.value()[0], np.arange(9.0))
