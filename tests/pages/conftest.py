"""No run that a page has begun goes on after its test: it would hold the place of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ui import jobs


@pytest.fixture(autouse=True)
def stop_all_runs() -> Iterator[None]:
    yield
    jobs.stop_all()
