"""Download buttons whose files are made when they are requested.

A browser may send as many requests as it likes, so the work is a run of `ui.jobs`: it takes a CPU
slot, the session's turn and the time limit of every run, and ends when the tab closes. A session
makes one file at a time. A file that was made is kept for the next request.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core.child_process import Call, ChildFailed
from dgm_core.stepwise import Steps
from ui import jobs

Content = bytes | str
Make = Callable[[], Content | Steps[Content]]
"""Returns the content of a file, or a generator that returns it after steps as in a run."""

MOST = 128 * 2**20
"""Bytes of all files that are kept for all sessions."""
BUSY = "Another file is being made. Try again when it is there."
FAILED = "The file could not be made within the limits."


class Refused(Exception):
    """There is no file; the message says why, for the visitor."""


class KeptFiles:
    """The files that were requested last, within a limit on their total size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._files: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        """The file, if it is kept."""
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
            return self._files.get(key)

    def put(self, key: Hashable, content: bytes) -> None:
        """Keep a file in place of those that were not requested for the longest time."""
        if len(content) > self._most:
            return
        with self._lock:
            self._files[key] = content
            while sum(map(len, self._files.values())) > self._most:
                self._files.popitem(last=False)

    def drop(self, owner: Hashable) -> None:
        """Forget the files whose keys begin with this owner."""
        with self._lock:
            for key in [key for key in self._files if key[0] is owner]:
                del self._files[key]


_kept = KeptFiles(MOST)


class Downloads:
    """Makes the files of one session, one at a time.

    Args:
        turn: of the session; `jobs.turn`.
    """

    def __init__(self, turn: jobs.Slots) -> None:
        self._turn = turn
        self._run: jobs.Run | None = None
        self._closed = False
        self._lock = threading.Lock()

    def file(self, key: Hashable, make: Make) -> bytes:
        """The file of this key: a kept one, else a new one.

        Raises:
            Refused: another file is being made, the session has ended, or there is no result.
        """
        with self._lock:
            if (content := _kept.get((self, key))) is not None:
                return content
            if self._closed or self._run is not None:
                raise Refused(BUSY)
            run = self._run = jobs.Run(key, partial(_work, make), self._turn)
        try:
            run.wait()
            if run.state != "finished" or not run.items:
                raise Refused(FAILED)
            content = run.items[-1]
            with self._lock:
                if not self._closed:
                    _kept.put((self, key), content)
            return content
        finally:
            run.close()
            self._run = None

    def close(self) -> None:
        """End the work and forget the files: when the tab closes."""
        with self._lock:
            self._closed = True
            if self._run is not None:
                self._run.close()
        _kept.drop(self)


def _work(make: Make) -> Iterator[Call | bytes | None]:
    """The run that makes a file; it yields nothing if a child process gives up."""
    try:
        made = make()
        content = (yield from made) if isinstance(made, Generator) else made
    except ChildFailed as error:
        jobs.LOG.warning("a download was not made: %s", error)
        return
    yield content.encode() if isinstance(content, str) else content


@st.cache_resource(scope="session", on_release=Downloads.close, show_spinner=False)
def _downloads() -> Downloads:
    """Those of this session."""
    return Downloads(jobs.turn())


def download_button(
    label: str,
    make: Make,
    file_name: str,
    mime: str,
    *,
    once: Hashable = None,
    place: ModuleType | DeltaGenerator = st,
    **options: Any,
) -> None:
    """A button that makes a file when it is pressed; the page does not run again.

    Args:
        label: of the button.
        make: makes the content. It must not call Streamlit.
        file_name: which the browser suggests.
        mime: type of the file.
        once: names the content. Buttons with equal names offer one file, which is made once. None:
            it is made once for each time that the page draws the button.
        place: where the button stands.
        options: further arguments of `st.download_button`.
    """
    key = object() if once is None else (file_name, once)
    place.download_button(
        label,
        partial(_downloads().file, key, make),
        file_name,
        mime,
        icon=":material/download:",
        on_click="ignore",
        **options,
    )
