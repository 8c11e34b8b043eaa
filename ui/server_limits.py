"""What one visitor may take of a server, where Streamlit sets no bound of its own.

Three things of the pinned version are replaced, as there is no setting for any: uploads, which it
keeps for a session however many they are; the request to clear caches, which it grants to anybody
for everybody, the workers of other sessions included; and the search for garbage after every run
of a script, fragments too, which takes longer than the run where many sessions hold much.
"""

from __future__ import annotations

import gc
import logging
import time

from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

LOG = logging.getLogger(__name__)
MAX_FILES = 8
"""Uploads of one session that are kept, each of at most `server.maxUploadSize`; more than the
uploaders of any page."""

SELDOM = 20.0
"""Seconds between two whole searches for garbage; Python's own, of young objects, go on."""

_add_file = MemoryUploadedFileManager.add_file


def settle() -> None:
    """Let the bounds hold from now on, in this process."""
    MemoryUploadedFileManager.add_file = _add_bounded
    AppSession._handle_clear_cache_request = _keep_caches
    script_runner.gc = _Collector()


def _add_bounded(
    manager: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec
) -> None:
    """Keep a file, in place of the session's oldest where it has too many."""
    _add_file(manager, session_id, file)
    kept = list(manager.file_storage.get(session_id, ()))
    for oldest in kept[:-MAX_FILES]:
        manager.remove_file(session_id, oldest)


def _keep_caches(session: AppSession) -> None:
    """Caches are everybody's: no visitor clears them."""
    LOG.info("a request to clear the caches was not granted")


class _Collector:
    """Stands where the module `gc` stood."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def collect(self, generation: int = 2) -> int:
        """Search for garbage, if the last search is long ago; returns how much was found."""
        if time.monotonic() - self._last < SELDOM:
            return 0
        found = gc.collect(generation)
        self._last = time.monotonic()
        return found
