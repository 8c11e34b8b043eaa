"""A Streamlit server for tests and benchmarks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ECHO = Path(__file__).parent / "echo.py"
LAB = ROOT / "app.py"
PATIENCE = 120.0
"""Seconds to wait for the first answer of a server."""
LINES = 40
"""Lines of its log that are shown when something fails."""


class Server(NamedTuple):
    """A running server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    started: float  # start of its process, seconds since the epoch

    def megabytes(self) -> float:
        """Private memory: anonymous pages in RAM and in swap, in MiB.

        Mapped library files are left out, because several programs can share them.

        Raises:
            OSError: the process has no folder in /proc.
        """
        folder = Path("/proc") / str(self.process.pid)
        text = (folder / "status").read_text(encoding="ascii")
        return (
            sum(int(size) for size in re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", text, re.M))
            / 1024
        )

    def threads(self) -> int:
        """Number of threads.

        Raises:
            OSError: the process has no folder in /proc.
        """
        return sum(1 for _ in (Path("/proc") / str(self.process.pid) / "task").iterdir())

    def cpu_seconds(self) -> float:
        """Processor time used so far, of all threads and of children that have ended.

        Raises:
            OSError: the process has no folder in /proc.
        """
        text = (Path("/proc") / str(self.process.pid) / "stat").read_text(encoding="ascii")
        ticks = text.rpartition(")")[2].split()[11:15]  # utime, stime, cutime, cstime
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    app: Path, *options: str, port: int | None = None, data: str | None = None
) -> Iterator[Server]:
    """Context manager: run `streamlit run app --options` until the end of the block.

    If the block raises an error, the last lines that the server wrote go to stderr.

    Args:
        app: path of the script.
        options: further command line options of Streamlit.
        port: port to listen on; None = a free one.
        data: the data folder; None = an empty one.

    Raises:
        RuntimeError: the server ended, or did not answer within `PATIENCE` seconds.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none", *options]
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryFile() as log:
        start = time.time()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "DGM_DATA": data or empty},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, f"{url}/_stcore/health")
            yield Server(url, process, start)
        except BaseException:
            log.seek(0)
            sys.stderr.writelines(log.read().decode(errors="replace").splitlines(True)[-LINES:])
            raise
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """Number of a TCP port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"expected a running server, got exit status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"expected an answer of {url} within {PATIENCE:g} s, got none")
