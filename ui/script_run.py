"""Waiting within the run of a page's script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from dgm_core.child_process import Pool
from ui.streamlit_internals import in_script_run

T = TypeVar("T")
LOOK = 0.05
"""Seconds between two checks of whether the run of the script must end."""


def in_child(pool: Pool, function: Callable[..., T], *args: Any, memory: int, seconds: float) -> T:
    """Compute like `Pool.call`, but stop when Streamlit ends the run of the script.

    That happens when the visitor changes a setting or closes the tab. A callback of a widget must
    not call this: Streamlit holds the state of the session during callbacks.
    """
    steps = pool.steps(function, *args, memory=memory, seconds=seconds)
    try:
        while True:
            ended = next(steps).wait(LOOK)
            if not ended and in_script_run():
                _ = "any" in st.session_state  # Streamlit may end the script here
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
