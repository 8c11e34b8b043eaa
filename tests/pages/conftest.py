"""Stop every run at the end of its test, so that it does not occupy a CPU slot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ui import jobs


@pytest.fixture(autouse=True)
def stop_all_runs() -> Iterator[None]:
    yield
    jobs.stop_all()
