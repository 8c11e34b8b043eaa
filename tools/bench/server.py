"""A Streamlit server that is started to be measured."""

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
"""Seconds that a server may take to answer."""


class Server(NamedTuple):
    """One that answers."""

    url: str
    process: subprocess.Popen[bytes]
    begun: float  # when its process was started, seconds since the epoch

    def megabytes(self) -> float:
        """What it holds of its own: its anonymous pages, swapped or not.

        Not its libraries' files, which count for less as soon as another program maps them.

        Raises:
            OSError: no /proc.
        """
        folder = Path("/proc") / str(self.process.pid)
        text = (folder / "status").read_text(encoding="ascii")
        return (
            sum(int(size) for size in re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", text, re.M))
            / 1024
        )

    def threads(self) -> int:
        """How many it has.

        Raises:
            OSError: no /proc.
        """
        return sum(1 for _ in (Path("/proc") / str(self.process.pid) / "task").iterdir())


@contextmanager
def serving(
    app: Path, *options: str, port: int | None = None, data: str | None = None
) -> Iterator[Server]:
    """`streamlit run app --options`, until the end of the block.

    Args:
        app: its script.
        options: of Streamlit.
        port: it listens on; a free one if None.
        data: its data folder; an empty one if None.

    Raises:
        RuntimeError: it ended at once, or does not answer.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none", *options]
    with tempfile.TemporaryDirectory() as empty:
        begun = time.time()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "DGM_DATA": data or empty},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, f"{url}/_stcore/health")
            yield Server(url, process, begun)
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """One that no server of this machine listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the server did not answer")
