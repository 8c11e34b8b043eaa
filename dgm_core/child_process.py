"""Calls in a child process, with limits of memory and time, which can be abandoned at any moment.

What cannot be cut into short items runs here: a solver of another library, or the decoder of a
file that a stranger uploads.

    >>> pool = Pool(1)
    >>> pool.call(sorted, [2, 3, 1], memory=2**26, seconds=60)
    [1, 2, 3]

In a generator, `result = yield from pool.steps(…)` gives its caller a `Call` to wait for, so that
the computation can be stopped.

A child is a new interpreter that waits for calls. It imports the module of the function it is
given, so a function of a module without torch starts quickly. A child is killed when its call is
abandoned or exceeds a limit, and when it needed much memory; the next call starts another. All
pools share the children without a call, of which `MOST_IDLE` stay.

The memory limit holds on Linux, the time limit everywhere. A child ends when its parent does.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

LOG = logging.getLogger(__name__)
T = TypeVar("T")
REUSE = 200 * 2**20
"""Bytes. A child that has grown by more is not used again."""
MOST_IDLE = 1
"""Number of children that wait for a call."""
_GRACE = 5
"""Seconds of computation beyond the limit, after which the system ends a forgotten child."""
_LENGTH = struct.Struct(">Q")


class ChildFailed(Exception):
    """A call ended without an answer: a library gave up, or the system ended the process."""


class OutOfMemory(ChildFailed):
    """The call needed more memory than its limit."""


class OutOfTime(ChildFailed):
    """The call took longer than its limit."""


class Pool:
    """At most `size` calls at a time, each in a child of its own; others wait."""

    def __init__(self, size: int) -> None:
        self._places = threading.BoundedSemaphore(size)

    def call(self, function: Callable[..., T], *args: Any, memory: int, seconds: float) -> T:
        """`function(*args)`, computed in a child.

        Args:
            function: importable by its name; a method of an object that can be pickled will do.
            args: of the function; they can be pickled.
            memory: limit in bytes, beyond what an idle child has.
            seconds: limit on the duration, without waiting for another call.

        Raises:
            OutOfMemory, OutOfTime: the call reached a limit.
            ChildFailed: there is no answer for another reason.
            Exception: what the function raised.
        """
        steps = self.steps(function, *args, memory=memory, seconds=seconds)
        while True:
            try:
                next(steps).wait()
            except StopIteration as end:
                return end.value

    def steps(
        self, function: Callable[..., T], *args: Any, memory: int, seconds: float
    ) -> Generator[Call, None, T]:
        """A generator that returns the result of `call`; until then it yields the call.

        Closing the generator ends the computation.
        """
        call = Call(self, function, args, memory, seconds)
        try:
            while not call.wait(0):
                yield call
            return call.result()
        finally:
            call.end()

    def _enter(self, seconds: float | None) -> _Child | None:
        """A child, as soon as there are fewer than `size` calls; None if that takes longer."""
        if not self._places.acquire(timeout=seconds):
            return None
        try:
            return IDLE.take() or _Child()
        except BaseException:
            self._places.release()
            raise

    def _leave(self, child: _Child) -> None:
        IDLE.keep(child)
        self._places.release()


class Call:
    """A call of `Pool.steps`."""

    def __init__(
        self,
        pool: Pool,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        memory: int,
        seconds: float,
    ) -> None:
        self._pool = pool
        self._request = (function, args, memory, seconds)
        self._seconds = seconds
        self._child: _Child | None = None
        self._deadline = 0.0

    @property
    def running(self) -> bool:
        """Does a child compute? If not, the call waits for others."""
        return self._child is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Start the call if it is not running, and wait for its end; True if it has ended.

        Args:
            seconds: to wait at most; None: until the end.
        """
        until = math.inf if seconds is None else time.monotonic() + seconds
        if self._child is None:
            self._child = self._pool._enter(seconds)
            if self._child is None:
                return False
            self._deadline = time.monotonic() + self._seconds
            self._child.start(self._request)
        self._child.wait(max(0.0, min(until, self._deadline) - time.monotonic()))
        return self._child.ended or time.monotonic() >= self._deadline

    def abandon(self) -> None:
        """End the computation; `wait` starts it again."""
        if self._child is not None and not self._child.ended:
            self._child.kill()
            self.end()

    def result(self) -> Any:
        """The result of a call that has ended; raises what `Pool.call` does."""
        if self._child is None or not self._child.ended:
            raise OutOfTime(f"expected a result within {self._seconds:g} s")
        return self._child.result()

    def end(self) -> None:
        """Give the child back; kill it if it computes."""
        child, self._child = self._child, None
        if child is not None:
            self._pool._leave(child)


class _Answer(NamedTuple):
    value: Any
    error: BaseException | None
    grown: int  # bytes by which the peak of the process' memory exceeds its first value


class _Child:
    """One process; it runs one call at a time."""

    def __init__(self) -> None:
        self._answer: _Answer | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import _serve; _serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve memory in advance
            },
        )
        self._to = cast(BinaryIO, self._process.stdin)
        self._from = cast(BinaryIO, self._process.stdout)

    @property
    def idle(self) -> bool:
        """Can it take a call?"""
        return self._ended.is_set() and self._process.poll() is None

    @property
    def grown(self) -> int:
        return self._answer.grown if self._answer else 0

    def start(self, request: tuple[Any, ...]) -> None:
        contents = [pickle.dumps(request, pickle.HIGHEST_PROTOCOL)]
        self._answer = None
        self._ended.clear()
        threading.Thread(target=self._exchange, args=(contents,), daemon=True).start()

    def _exchange(self, contents: list[bytes]) -> None:
        try:
            _write(self._to, contents.pop())  # its memory is free as soon as it is sent
            self._answer = pickle.loads(_read(self._from))
        except Exception as error:  # mostly because the process has ended
            LOG.debug("no answer from a child process: %r", error)
        finally:
            self._ended.set()

    @property
    def ended(self) -> bool:
        """Has the call ended, with or without an answer?"""
        return self._ended.is_set()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the call."""
        self._ended.wait(seconds)

    def result(self) -> Any:
        if self._answer is None:
            raise ChildFailed(f"the child process ended with code {self._process.wait()}")
        value, error, _ = self._answer
        if isinstance(error, MemoryError):
            raise OutOfMemory("the call reached its memory limit") from error
        if error is not None:
            raise error
        return value

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._ended.wait()
        for stream in (self._to, self._from):
            with suppress(OSError):
                stream.close()


class _Idle:
    """The children without a call."""

    def __init__(self) -> None:
        self.children: list[_Child] = []
        self._lock = threading.Lock()

    def take(self) -> _Child | None:
        """A child that can take a call, if there is one."""
        with self._lock:
            while self.children:
                if (child := self.children.pop()).idle:
                    return child
        return None

    def keep(self, child: _Child) -> None:
        """Keep a child for the next call; kill it if it is of no use, or the one too many."""
        with self._lock:
            if child.idle and child.grown <= REUSE and len(self.children) < MOST_IDLE:
                self.children.append(child)
                return
        child.kill()

    def end(self) -> None:
        """Kill them all."""
        while child := self.take():
            child.kill()


IDLE = _Idle()
atexit.register(IDLE.end)


def _serve() -> None:
    """The main program of a child: answer calls until the parent closes the pipe."""
    incoming = sys.stdin.buffer
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    if hasattr(os, "nice"):
        os.nice(5)  # pages come first
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    before = _bytes_of("VmHWM")
    while True:
        try:
            content = _read(incoming)
        except EOFError:
            return
        value, error = None, None
        try:
            function, args, memory, seconds = pickle.loads(content)
            del content
            _limit(memory, seconds)
            value = function(*args)
        except BaseException as raised:
            error = raised.with_traceback(None)
        _limit(None, None)
        answer = _Answer(value, error, _bytes_of("VmHWM") - before)
        try:
            content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        except Exception as raised:  # the result cannot be pickled
            content = pickle.dumps(_Answer(None, TypeError(str(raised)), answer.grown))
        _write(outgoing, content)
        del value, error, answer, content


def _end_with(parent: int) -> None:
    """End the process soon after its parent, whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _limit(memory: int | None, seconds: float | None) -> None:
    """Limit what the process may need in addition to now; None: no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    private = _bytes_of("VmData")
    for kind, now, more in (
        (resource.RLIMIT_DATA, private, memory if private else None),
        (resource.RLIMIT_CPU, used.ru_utime + used.ru_stime + _GRACE, seconds),
    ):
        soft = resource.RLIM_INFINITY if more is None else int(now + more)
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard) if soft != resource.RLIM_INFINITY else hard
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (soft, hard))


def _bytes_of(field: str) -> int:
    """A field of the process' status on Linux; elsewhere 0.

    VmData is its writable private memory, which RLIMIT_DATA counts; VmHWM is the most memory that
    it has needed so far (`ru_maxrss` also counts its parent's).
    """
    try:
        with Path("/proc/self/status").open(encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    except (OSError, StopIteration):
        return 0


def _write(stream: BinaryIO, content: bytes) -> None:
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def _read(stream: BinaryIO) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError("the pipe was closed")
    return content
