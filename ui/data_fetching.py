"""Data sets that a page needs and the server lacks: fetched in the background, on request.

One fetch runs at a time for the whole server, and it belongs to no visitor: closing the tab does
not stop it, and everybody sees its progress. A visitor can cause nothing but the few fixed fetches
of `TITLES`, each at most once at a time, and after a failure not before `PAUSE` seconds.

`DGM_FETCH`, an environment variable or a secret of Streamlit, says what the server may do:
empty – on request; `never`; or names such as `mnist omniglot`, which are fetched after the first
page was opened.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from dgm_core import data
from dgm_core.data.parts import SIZES
from dgm_core.data.remote import NoRanges
from ui.front_door import Source, sources
from ui.percent import percent

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

LOG = logging.getLogger(__name__)
TITLES = {"mnist": "MNIST", "omniglot": "Omniglot", "celeba": "CelebA"}
"""The sets that can be fetched."""
WHAT = {
    "mnist": "all 10,000 test images, and 10,000 training images for the baselines",
    "omniglot": "all 13,180 test images, and the training images of five alphabets",
    "celeba": "400 test images and 600 training images: ten blocks of 100 consecutive faces, "
    "chosen at random",
}
BUTTONS = {
    "mnist": "Fetch MNIST's test images",
    "omniglot": "Fetch Omniglot's test images",
    "celeba": "Fetch a sample of CelebA's faces",
}
PAUSE = 300.0
"""Seconds after a failure before the next attempt."""
ATTEMPTS = 2
START_DELAY = 15.0
"""Seconds after the first page before the sets of `DGM_FETCH` are fetched: pictures come first."""
LOOK = 0.7
"""Seconds between two looks at a fetch."""
NEVER = "never"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Rule(NamedTuple):
    """What the server may fetch.

    Attributes:
        allowed: whether visitors may start a fetch.
        first: names of the sets that are fetched at the start.
        problem: what is wrong with the setting; empty if nothing is.
    """

    allowed: bool = True
    first: tuple[str, ...] = ()
    problem: str = ""


def read_rule(text: str) -> Rule:
    """The rule that `DGM_FETCH` states; with a wrong one, nothing is fetched."""
    names = tuple(dict.fromkeys(text.lower().replace(",", " ").split()))
    if not names:
        return Rule()
    if names == (NEVER,):
        return Rule(allowed=False)
    if unknown := [name for name in names if name not in TITLES]:
        return Rule(
            allowed=False,
            problem=f"DGM_FETCH: expected `{NEVER}`, or names among {', '.join(TITLES)}; got "
            f"{', '.join(repr(name[:40]) for name in unknown[:3])}. Nothing is fetched.",
        )
    return Rule(first=names)


@cache
def rule() -> Rule:
    """The rule of this server; a wrong setting is logged once."""
    text = os.environ.get("DGM_FETCH")
    if text is None and st.secrets.load_if_toml_exists():
        text = st.secrets.get("DGM_FETCH")
    read = read_rule(text if isinstance(text, str) else "" if text is None else repr(text))
    if read.problem:
        LOG.error(read.problem)
    return read


class State(NamedTuple):
    """What becomes of a set.

    Attributes:
        kind: "absent", "waiting", "running", "failed" or "here".
        received: bytes so far.
        message: why it failed.
        pause: seconds until it may be tried again.
    """

    kind: str
    received: int = 0
    message: str = ""
    pause: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether a fetch is under way or in line."""
        return self.kind in ("waiting", "running")

    @property
    def stage(self) -> tuple[bool, bool]:
        """Whether there is a fetch, and whether there is a pause: a page differs between these."""
        return self.busy, self.pause > 0

    @property
    def next_look(self) -> float | None:
        """Seconds until a page looks again; None: nothing changes until somebody acts."""
        return LOOK if self.busy else self.pause or None


class Fetcher:
    """Fetches one set at a time, in a thread of its own.

    Args:
        fetch: as `data.fetch`, the default.
        clock: seconds.
    """

    def __init__(
        self,
        fetch: Callable[..., Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._line: list[str] = []  # the first one is under way
        self._failures: dict[str, tuple[str, float]] = {}  # message, and when
        self._received = 0
        self._started = False
        self.thread: threading.Thread | None = None

    def request(self, name: str) -> None:
        """Fetch a set, after those in line; nothing if it is here, in line, or failed just now.

        Raises:
            ValueError: the set is none of `TITLES`.
        """
        if name not in TITLES:
            raise ValueError(f"expected a set among {', '.join(TITLES)}, got {name!r}")
        with self._lock:
            if self._state(name).kind not in ("absent", "failed") or self._pause(name) > 0:
                return
            self._failures.pop(name, None)
            self._line.append(name)
            if len(self._line) == 1:
                self.thread = threading.Thread(target=self._work, daemon=True, name="fetch")
                self.thread.start()

    def start(self, names: tuple[str, ...], delay: float) -> None:
        """Request sets after a delay, at the first call only."""
        with self._lock:
            if self._started:
                return
            self._started = True
        if names:
            timer = threading.Timer(delay, lambda: [self.request(name) for name in names])
            timer.daemon = True
            timer.start()

    def state(self, name: str) -> State:
        """What becomes of a set."""
        with self._lock:
            return self._state(name)

    def _state(self, name: str) -> State:
        if name in self._line:
            running = self._line[0] == name
            return State("running", self._received) if running else State("waiting")
        if data.is_available(name):
            return State("here")
        if name in self._failures:
            return State("failed", message=self._failures[name][0], pause=self._pause(name))
        return State("absent")

    def _pause(self, name: str) -> float:
        if name not in self._failures:
            return 0.0
        return max(0.0, self._failures[name][1] + PAUSE - self._clock())

    def _work(self) -> None:
        _yield_to_others()
        while True:
            name = self._line[0]
            message = self._try(name)
            with self._lock:
                self._line.pop(0)
                if message:
                    self._failures[name] = message, self._clock()
                if not self._line:
                    return

    def _try(self, name: str) -> str:
        """Fetch a set; the message for visitors if that failed, else nothing."""
        message = ""
        for _ in range(ATTEMPTS):
            self._received = 0
            try:
                (self._fetch or data.fetch)(
                    name, extent="part", attempts=1, progress=self._receive
                )
            except data.DownloadError as error:
                LOG.warning("%s", error)
                message = _for_visitors(name, error)
                if isinstance(error.__cause__, NoRanges) or _is_of_disk(error.__cause__):
                    break  # another attempt would not help
            except Exception:
                LOG.exception("the fetch of %s failed", name)
                return f"The fetch of {TITLES[name]} failed on the server."
            else:
                return ""
        return message

    def _receive(self, count: int) -> None:
        self._received += count


def _yield_to_others() -> None:
    """Give this thread the lowest priority, where the system has priorities of threads."""
    if hasattr(os, "setpriority"):
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        except OSError:
            LOG.debug("the thread of the fetch keeps its priority")


def _is_of_disk(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and (
        error.errno in _FULL or isinstance(error, PermissionError | NotADirectoryError)
    )


def _for_visitors(name: str, error: data.DownloadError) -> str:
    """What failed, without what only the owner of the server can use."""
    cause = error.__cause__
    if isinstance(cause, NoRanges):
        if cause.is_page:
            return "Google Drive refused CelebA, because too many people fetched it today."
        return "The server of CelebA sends whole files of 1.4 GB only, so this lab fetches none."
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return f"The disk of this server has no space for {TITLES[name]}."
    if _is_of_disk(cause):
        return "This server cannot store data sets."
    return f"{TITLES[name]} could not be fetched, or came with a wrong checksum."


FETCHER = Fetcher()
"""The one fetcher of this server."""


def begin() -> None:
    """Begin what `DGM_FETCH` requests, at the first page of this server."""
    FETCHER.start(rule().first, START_DELAY)


# --- on a page --------------------------------------------------------------------------------


def offer(*names: str, part: str, why: str = "") -> None:
    """Draw a button that fetches each absent set, or the progress of its fetch.

    While one of them is fetched, whoever requested it, the page follows the fetch and is drawn
    again when the set has arrived. Otherwise it asks the server nothing: a visitor sees what
    others began with his next action.

    Args:
        names: of data sets; those that cannot be fetched get a command to type.
        part: of the page; each part offers a set once.
        why: a sentence on what the images are needed for here.
    """
    absent = [name for name in names if not data.is_available(name)]
    if not absent:
        return
    if why:
        st.caption(why)
    known = [name for name in absent if name in TITLES]
    if others := [name for name in absent if name not in TITLES]:
        st.caption(_command(others))
    if not known:
        return
    if not rule().allowed:
        _refused(known)
        return
    drawn = {name: FETCHER.state(name) for name in known}
    seconds = [state.next_look for state in drawn.values() if state.next_look is not None]

    @st.fragment(run_every=min(seconds, default=None))
    def look() -> None:
        states = {name: FETCHER.state(name) for name in known}
        if any(
            state.kind == "here" or state.stage != drawn[name].stage
            for name, state in states.items()
        ):
            st.rerun()
        with st.container(key=f"offer {part}"):
            for name, state in states.items():
                _show(name, state, part)

    look()


def more(titles: list[str], names: list[str]) -> DeltaGenerator:
    """A closed section for offers of further sets; open while one of them is fetched."""
    busy = any(FETCHER.state(name).busy for name in names if name in TITLES)
    return st.expander(f"More images: {', '.join(titles)}", expanded=busy)


def _refused(names: list[str]) -> None:
    if rule().problem:
        st.caption("A setting of this server is wrong: " + rule().problem)
    else:
        st.caption(f"This server fetches no data sets. {_command(names)}")


def _command(names: list[str]) -> str:
    return f"Whoever runs the app can add them: `dgm data fetch {' '.join(names)}`"


def _show(name: str, state: State, part: str) -> None:
    size = f"{SIZES[name] / 1e6:.1f} MB"
    if state.kind == "running":
        done = min(state.received / SIZES[name], 1.0)
        doing = f"{percent(done)} of {size}" if done < 0.99 else "preparing the images …"
        st.progress(done, f"Fetching {TITLES[name]}: {doing}")
        return
    if state.kind == "waiting":
        st.progress(0.0, f"{TITLES[name]} waits for another fetch.")
        return
    if state.kind == "failed":
        minutes = math.ceil(state.pause / 60)
        again = f" It can be tried again in {minutes} min." if minutes else " Try it again."
        st.warning(state.message + again)
    st.button(
        f"{BUTTONS[name]} ({size})",
        key=f"fetch {name} {part}",
        icon=":material/download:",
        disabled=state.pause > 0,
        on_click=_request,
        args=(name,),
        width="stretch",
        help="This server fetches them once, for all its visitors.",
    )
    source = source_of(name)
    st.markdown(  # no caption: a link on its pale text would be hard to read
        f":small[{WHAT[name][0].upper()}{WHAT[name][1:]}. "
        f"Source: [{source.name}]({source.address}). Licence: {source.licence}.]"
    )


def _request(name: str) -> None:
    if rule().allowed:
        FETCHER.request(name)


def source_of(name: str) -> Source:
    """Where a data set comes from, and its licence."""
    return next(source for source in sources() if name in source.data)
