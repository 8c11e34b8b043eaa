"""Every private part of Streamlit that the app uses, for the pinned version.

No public setting or function does what these do. A new version of Streamlit may move them: then
this module and its tests are the only ones to change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

_add_file = MemoryUploadedFileManager.add_file


class Collector(Protocol):
    """What Streamlit needs of the module `gc`."""

    def collect(self, generation: int = 2) -> int:
        """Collect garbage; returns the number of objects found."""


def browser_reported(key: str) -> bool:
    """Did the browser send a value of this widget with the present run? Then it has drawn it."""
    context = get_script_run_ctx()
    if context is None:
        return False
    state = context.session_state._state
    return state._get_widget_id(key) in state._new_widget_state


def in_script_run() -> bool:
    """Does this thread run a page's script?"""
    return get_script_run_ctx(suppress_warning=True) is not None


def keep_newest_uploads(most: int) -> None:
    """Keep at most so many uploads of each session; its oldest are removed first."""

    def add_file(
        manager: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec
    ) -> None:
        _add_file(manager, session_id, file)
        kept = list(manager.file_storage.get(session_id, ()))
        for oldest in kept[:-most]:
            manager.remove_file(session_id, oldest)

    MemoryUploadedFileManager.add_file = add_file


def replace_clearing_of_caches(instead: Callable[[Any], None]) -> None:
    """Call this, with the session, where a browser asks to clear the caches of everybody."""
    AppSession._handle_clear_cache_request = instead


def replace_garbage_collector(collector: Collector) -> None:
    """Use this collector after every run of a script."""
    script_runner.gc = collector
