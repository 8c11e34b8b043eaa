"""Every private part of Streamlit that the app uses, for the pinned version.

No public setting or function does what these do. A new version of Streamlit may move them: then
this module and its tests are the only ones to change.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import streamlit as st
from streamlit import runtime
from streamlit.components.v2.component_registry import BidiComponentDefinition
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.proto.BackMsg_pb2 import BackendOperationRequest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime import app_session
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

LOG = logging.getLogger(__name__)
LONGEST = 40
"""Characters of a stranger's text in the log."""
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


_PACKAGE = "dgm_lab"
_registering = threading.Lock()


@cache
def _scripts() -> tempfile.TemporaryDirectory[str]:
    """The folder of the components' scripts, which is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="dgm-lab-scripts-")


def component_with_script_file(name: str, html: str, css: str, js: str) -> Callable[..., Any]:
    """As `st.components.v2.component`, but a browser loads the script once, from a file.

    Streamlit sends an inline script again with every change of the component's data. It serves
    files for components of installed packages only, so each runtime is told of such a package.
    The name of the file depends on its content, so no browser keeps an old script.
    """
    folder = Path(_scripts().name)
    script = folder / f"{name}.{hashlib.sha256(js.encode()).hexdigest()[:16]}.js"
    script.write_text(js, encoding="utf-8")
    manifest = ComponentManifest(_PACKAGE, "", [ComponentConfig(name, asset_dir=".")])
    full_name = f"{_PACKAGE}.{name}"

    def mount(**options: Any) -> Any:
        with _registering:
            manager = get_bidi_component_manager()
            if manager.get_component_asset_root(full_name) is None:
                manager.register_from_manifest(manifest, folder)
                manager.register(
                    BidiComponentDefinition(full_name, html=html, css=css, js=str(script))
                )
        return st._bidi_component(full_name, **options)

    return mount


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


def answer_only_downloads(report: Callable[[], None], refusals: type[Exception]) -> None:
    """Refuse all operations that a browser can request, except downloads of its own page.

    The app has no table that is long enough to be sent in parts, which is another operation.

    Args:
        report: called for each request of something else.
        refusals: what a download raises whose message is for the visitor.
    """

    async def answer(session: AppSession, request: BackendOperationRequest) -> None:
        message = ForwardMsg()
        response = message.backend_operation_response
        response.request_id = request.request_id
        files, name = runtime.get_instance().media_file_mgr, request.deferred_file.file_id
        own = files._deferred_ids_by_session.get(session.id, ())
        if request.session_id != session.id or name not in own:
            report()
            response.error_msg = "This file is no longer offered. Try again."
        else:
            try:
                response.deferred_file.url = await asyncio.to_thread(files.execute_deferred, name)
            except Exception as error:
                response.error_msg = "The file could not be made."
                if isinstance(error.__cause__, refusals):
                    response.error_msg = str(error.__cause__)
                else:
                    LOG.exception("a download failed")
        session._enqueue_forward_msg(message)

    AppSession._handle_backend_operation_request = answer


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
    """Shortens what is logged about a stranger's message or connection to one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        sent_text = isinstance(error, KeyError) and error.args == ("bytes",)
        if sent_text:
            record.msg, record.args = "A browser sent text instead of bytes", ()
        if sent_text or record.name == starlette_websocket.__name__:
            record.exc_info = record.exc_text = None
        if record.name == app_session.__name__ and isinstance(record.args, tuple):
            record.args = tuple(map(_printable, record.args))
        return True


def _printable(value: object) -> object:
    """The value; a text is shortened, and has no line break."""
    return ascii(value[:LONGEST]) if isinstance(value, str) else value


_ONE_LINE = _OneLine()


def log_strange_messages_in_one_line() -> None:
    """Without a traceback and without line breaks: every stranger can cause it."""
    for name in ("uvicorn.error", starlette_websocket.__name__, app_session.__name__):
        logging.getLogger(name).addFilter(_ONE_LINE)
