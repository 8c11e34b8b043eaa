"""Broken weights and runs that raise: each gives a message, and no page fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dgm_core import zoo
from dgm_core.studies.inpainting import two_samplers
from tests.patience import PATIENCE
from ui import run_panel

ROOT = Path(__file__).parents[2]
PAGES = ["app.py", *sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py"))]


@pytest.fixture(autouse=True)
def nothing_is_cached() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(page: str) -> AppTest:
    return AppTest.from_file(str(ROOT / page), default_timeout=PATIENCE).run()


@pytest.mark.parametrize("page", PAGES)
def test_no_page_fails_with_broken_weights(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *_: object) -> None:
        raise zoo.BrokenModel(f"the weights {name}.safetensors do not match")

    monkeypatch.setattr(zoo, "load", load)
    app = opened(page)
    assert not app.exception


def test_a_failed_run_gets_a_message_and_the_next_run_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(*_: object) -> Iterator[None]:
        raise MemoryError("no room")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(two_samplers, "run_with_pauses", raises)
        app = AppTest.from_file(str(ROOT / "pages/1_Inpainting.py"), default_timeout=PATIENCE)
        app.query_params["seed"] = "3"
        app.run()
        while not app.error:
            app.run()
    assert not app.exception
    assert app.error[0].value == run_panel.failed("Run")
    app.number_input(key="keep.seed").set_value(4).run()
    while app.error:
        app.run()
    assert not app.exception
