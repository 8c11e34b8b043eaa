"""Tests run in two processes: those that drive a browser in one, one after another."""

from __future__ import annotations

import os

# Before torch is imported: two processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers and servers of several processes would slow each other down."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.xdist_group("browser"))
