"""Limits on what one visitor can use of the server, and repairs where Streamlit has no setting.

- Uploads: Streamlit keeps all uploads of a session; here only the newest are kept.
- Caches: any browser can ask Streamlit to clear the caches of all sessions, workers included;
  here the request is refused.
- Messages: a widget's value or a request that no browser of ours sends is ignored, and the log
  gets at most a line of it, without line breaks of a stranger.
- Callbacks: Streamlit may end the callback of a click halfway; here it runs to its end.
- Garbage collection: Streamlit collects after every run of a script or fragment. With many large
  sessions that takes longer than the run itself; here it happens at most every `GC_INTERVAL`.

The private parts of Streamlit that this replaces are in `ui.streamlit_internals`.
"""

from __future__ import annotations

import gc
import logging
import time

from ui import streamlit_internals
from ui.download_button import Refused

LOG = logging.getLogger(__name__)
MAX_FILES = 8
"""Uploads of one session that are kept, each of at most `server.maxUploadSize`. No page has more
uploaders than this."""

MAX_DEPTH = 20
"""Levels of lists in a value that a component sends; ours send at most four."""
REPORT_INTERVAL = 1.0
"""Seconds between two lines of the log about invalid messages."""
GC_INTERVAL = 20.0
"""Seconds between two full collections; Python's own collections of young objects continue."""


def apply() -> None:
    """Set the limits in this process."""
    streamlit_internals.keep_newest_uploads(MAX_FILES)
    streamlit_internals.replace_clearing_of_caches(_keep_caches)
    streamlit_internals.replace_garbage_collector(_Collector())
    report = _Report()
    streamlit_internals.ignore_invalid_values(MAX_DEPTH, report)
    streamlit_internals.answer_only_downloads(report, Refused)
    streamlit_internals.log_strange_messages_in_one_line()
    streamlit_internals.finish_callbacks()


def _keep_caches(session: object) -> None:
    """Caches belong to all sessions, so no visitor can clear them."""
    LOG.info("refused a request to clear the caches")


class _Report:
    """Logs that a browser sent something invalid, at most once per `REPORT_INTERVAL`."""

    def __init__(self) -> None:
        self._last = -REPORT_INTERVAL

    def __call__(self) -> None:
        if time.monotonic() - self._last >= REPORT_INTERVAL:
            self._last = time.monotonic()
            LOG.warning("ignored an invalid message of a browser")


class _Collector:
    """Stands in for the module `gc`."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def collect(self, generation: int = 2) -> int:
        """Collect if the last collection is long enough ago; returns the objects found."""
        if time.monotonic() - self._last < GC_INTERVAL:
            return 0
        found = gc.collect(generation)
        self._last = time.monotonic()
        return found
