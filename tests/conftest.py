"""Tests run in two processes: those that drive a browser in one, one after another."""

from __future__ import annotations

import os

# Before torch is imported: two processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class BrowsersTogether(LoadScopeScheduling):
    """A file stays in one process, and so do all that drive a browser."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/e2e/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BrowsersTogether:
    """Browsers and servers of several processes would slow each other down."""
    return BrowsersTogether(config, log)
