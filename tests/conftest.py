"""Tests run in four processes, file by file; the files that take longest come first."""

from __future__ import annotations

import os
import sys

# Before torch is imported: the processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser tests, and put them and the files with slow tests first.

    Files are distributed in the order of collection; a long one at the end would run alone.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (BROWSER not in item.path.parents, item.path not in slow))
    for item in items:
        if BROWSER in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if "CI" in os.environ:  # a busy machine delays some event beyond any patience
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def restored_main_module() -> Iterator[None]:
    """Restore `__main__`: a page run by a test replaces it, and new processes would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
