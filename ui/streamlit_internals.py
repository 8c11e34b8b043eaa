"""Every private part of Streamlit that the app uses, for the pinned version.

No public setting or function does what these do. A new version of Streamlit may move them: then
this module and its tests are the only ones to change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from streamlit import runtime
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner
from streamlit.runtime.state.common import is_element_id
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import (
    STREAMLIT_INTERNAL_KEY_PREFIX,
    Serialized,
    SessionState,
    WStates,
)
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.starlette import starlette_websocket

_add_file = MemoryUploadedFileManager.add_file
_get_value = WStates.__getitem__
_set_values = SessionState.set_widgets_from_proto
_call_callbacks = SafeSessionState.on_script_will_rerun


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


def media_path(content: bytes, part: str) -> str:
    """Offer a file to browsers for as long as pages name it; its path, relative to the server's.

    Args:
        content: of the file; another content has another path.
        part: of the page that needs the file.
    """
    files = runtime.get_instance().media_file_mgr
    return files.add(content, "application/octet-stream", part).lstrip("/")


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


def finish_callbacks() -> None:
    """Let no waiting rerun interrupt the callbacks of widgets.

    Streamlit ends a run at its next use of the session state if another run waits, also within a
    callback. The next run has the same values of the widgets, so it does not call the callback
    again, and half of it is lost. The poll of a fragment beside a click is enough.
    """

    def call_callbacks(state: SafeSessionState, *sent: Any, **options: Any) -> None:
        interrupt = state._yield_callback
        interrupt()
        object.__setattr__(state, "_yield_callback", lambda: None)
        try:
            _call_callbacks(state, *sent, **options)
        finally:
            object.__setattr__(state, "_yield_callback", interrupt)

    SafeSessionState.on_script_will_rerun = call_callbacks


def replace_garbage_collector(collector: Collector) -> None:
    """Use this collector after every run of a script."""
    script_runner.gc = collector


def ignore_invalid_values(deepest: int, report: Callable[[], None]) -> None:
    """Treat a value that no widget of the page can have sent as if the widget were not used.

    Streamlit converts the values of a browser's message where a script reads them, and an error
    there would end the script.

    Args:
        deepest: levels of lists and mappings in one value, at most.
        report: called for each such value.
    """

    def get_value(states: WStates, key: str) -> Any:
        sent, metadata = states.states.get(key), states.widget_metadata.get(key)
        if not isinstance(sent, Serialized) or metadata is None:
            return _get_value(states, key)
        try:
            field = sent.value.WhichOneof("value")
            if field is not None and not _is_of_type(field, metadata.value_type):
                raise TypeError(f"expected a {metadata.value_type}, got a {field}")
            value = _get_value(states, key)
            if depth(value) > deepest:
                raise ValueError(f"expected at most {deepest} levels of lists")
            return value
        except Exception:
            report()
        states.set_widget_metadata(metadata)
        states[key] = Serialized(WidgetState(id=key))
        return _get_value(states, key)

    def set_values(state: SessionState, sent: WidgetStates) -> None:
        ours = [each for each in sent.widgets if _is_widget(each.id)]
        if len(ours) < len(sent.widgets):
            report()
            sent = WidgetStates(widgets=ours)
        _set_values(state, sent)

    WStates.__getitem__ = get_value
    SessionState.set_widgets_from_proto = set_values


_NUMBERS = {"int_value", "double_value"}


def _is_of_type(field: str, expected: str | None) -> bool:
    """Can a widget with this type of values send this field?

    A number input of whole numbers is registered with doubles, and the browser sends integers.
    """
    return expected in (None, field) or {field, expected} == _NUMBERS


def _is_widget(name: str) -> bool:
    return is_element_id(name) or name.startswith(STREAMLIT_INTERNAL_KEY_PREFIX)


def depth(value: object) -> int:
    """Levels of lists and mappings in a value."""
    levels, row = 0, [value]
    while nested := [each for each in row if isinstance(each, dict | list | tuple)]:
        levels += 1
        row = [x for each in nested for x in (each.values() if isinstance(each, dict) else each)]
    return levels


class _OneLine(logging.Filter):
    """Shortens what is logged about a connection that sends no messages to one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        sent_text = isinstance(error, KeyError) and error.args == ("bytes",)
        if sent_text:
            record.msg, record.args = "A browser sent text instead of bytes", ()
        if sent_text or record.name == starlette_websocket.__name__:
            record.exc_info = record.exc_text = None
        return True


_ONE_LINE = _OneLine()


def log_bad_connections_in_one_line() -> None:
    """Without a traceback: every stranger can cause it."""
    for name in ("uvicorn.error", starlette_websocket.__name__):
        logging.getLogger(name).addFilter(_ONE_LINE)
