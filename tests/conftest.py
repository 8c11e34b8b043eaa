"""Tests run in two processes, file by file; those that drive a browser first: they take long."""

from __future__ import annotations

import os
import sys

# Before torch is imported: two processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of the files is that in which they are given out."""
    items.sort(key=lambda item: BROWSER not in item.path.parents)


@pytest.fixture(autouse=True)
def the_main_module_stays() -> Iterator[None]:
    """A page that a test runs takes its place, and new processes would begin with that page."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
