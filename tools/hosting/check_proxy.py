"""`python -m tools.hosting.check_proxy`: does a visitor keep its replica until that one fails?

HAProxy runs with the `haproxy.cfg` of `compose.yaml` in front of two servers of the lab, in a
separate network. The servers listen on 127.0.0.2 and 127.0.0.3, port 8501. A name server at the
address of Docker's name server resolves the containers' name to both. A browser opens the lab
through the proxy, loses its connection, and then loses its replica. The check needs root, HAProxy,
Chromium and the packages of `requirements-dev.txt`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.browser import LONG, browser, rest
from tools.bench.strokes import Lab
from tools.hosting import proxy_limits
from tools.hosting.check import ROOT, answers, cut_off

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPLICAS = ("127.0.0.2", "127.0.0.3")
NAME_SERVER = ("127.0.0.11", 53)
PROXY = "http://127.0.0.1:8080"
RELOADS = 3
SOCKETS = """window.sockets = []
window.WebSocket = class extends WebSocket {
  constructor(...parameters) { super(...parameters); window.sockets.push(this) }
}"""
"""Script that runs before the page. It keeps the connections, so that the check can close one."""


def main() -> int:
    """Run all checks; returns the exit status."""
    if not cut_off():
        print("expected the right to create a network namespace: run as root")
        return 1
    threading.Thread(target=serve_names, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        servers = [started(["streamlit", *options(ip)], folder) for ip in REPLICAS]
        log = Path(folder) / "proxy.log"
        with log.open("wb") as file:
            command = ["haproxy", "-db", "-f", "hosting/haproxy.cfg"]
            proxy = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
        try:
            for ip in REPLICAS:
                wait(lambda ip=ip: answers(f"http://{ip}:8501/_stcore/health"), f"{ip} answers")
            wait(lambda: answers(f"{PROXY}/_stcore/health"), "the proxy answers")
            with browser() as chromium:
                problems = list(check_visitors(chromium, servers))
            problems += [*proxy_limits.problems(PROXY), *proxy_limits.log_problems(log)]
            print(f"limits broken; the log has {len(log.read_text().splitlines())} lines")
        finally:
            for process in (*servers, proxy):
                process.terminate()
                process.wait(30)
    print(*(f"PROBLEM: {each}" for each in problems), sep="\n")
    return 1 if problems else 0


def options(ip: str) -> list[str]:
    """Command line options of a replica."""
    address = [f"--server.address={ip}", "--server.port=8501"]
    return ["run", "app.py", "--server.headless=true", "--server.fileWatcherType=none", *address]


def started(command: list[str], data: str) -> subprocess.Popen[bytes]:
    """A new process of this Python that runs a module."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | {"DGM_DATA": data},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> float:
    """Wait until `condition` is true; returns the seconds it took.

    Raises:
        RuntimeError: it was not true within `seconds`.
    """
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise RuntimeError(f"expected within {seconds:g} s: {what}; it did not happen")
        time.sleep(0.1)
    return time.monotonic() - start


def check_visitors(chromium: Browser, servers: list[subprocess.Popen[bytes]]) -> Iterator[str]:
    """Check two visitors on two replicas; yields problems."""
    labs = [visitor(chromium) for _ in range(2)]
    original = [replica(lab.page) for lab in labs]
    print(f"two visitors from one address are on {len(set(original))} replicas")
    if len(set(original)) < 2:
        yield "both visitors are on one replica"
    for lab in labs:
        lab.page.bring_to_front()
        lab.stroke()
        lab.finish()

    first = labs[0].page
    first.bring_to_front()
    before = board(first)
    first.evaluate("window.sockets.at(-1).close()")
    taken = wait(lambda: connected(first) > 1, "the page connects again")
    rest(first)
    first.keyboard.press("r")
    rest(first)
    labs[0].finish()  # a closed connection ends its run, which starts again
    print(f"connection closed: restored after {taken:.1f} s")
    if (replica(first), board(first)) != (original[0], before):
        yield "after a closed connection, the replica or the hidden pixels changed"

    for _ in range(RELOADS):
        first.reload()
        first.locator(".player").wait_for(timeout=LONG)
        rest(first)
        if replica(first) != original[0]:
            yield "a reload moved the visitor to another replica"
    print(f"{RELOADS} reloads done")
    if board(first) != before:
        yield "a reload lost the hidden pixels"

    states = [(replica(lab.page), shown(lab.page)) for lab in labs]
    servers[0].kill()
    servers[0].wait()
    killed = time.monotonic()
    moved = wait_for_move(labs, original)
    taken = time.monotonic() - killed
    print(f"replica killed: its visitor moved to the other one after {taken:.1f} s")
    rest(moved.page)
    moved.page.locator(".player").wait_for(timeout=LONG)
    other = labs[1 - labs.index(moved)]
    if (replica(other.page), shown(other.page)) != states[labs.index(other)]:
        yield "the page of the visitor on the other replica changed"
    if board(moved.page) != states[labs.index(moved)][1][1]:
        yield "the visitor of the killed replica lost its hidden pixels"
    moved.page.bring_to_front()
    moved.stroke()
    moved.finish()
    print("the next stroke starts a run on the new replica")


def visitor(chromium: Browser) -> Lab:
    """A visitor who opens the lab through the proxy."""

    class Listening:
        """The browser, which runs `SOCKETS` in each of its contexts."""

        def new_context(self, **options: object) -> object:
            opened = chromium.new_context(**options)  # type: ignore[arg-type]
            opened.add_init_script(SOCKETS)
            return opened

    return Lab(Listening(), PROXY)  # type: ignore[arg-type]


def replica(page: Page) -> str:
    """Value of the proxy's cookie, which names the visitor's replica."""
    cookies = page.context.cookies()
    return next(each.get("value", "") for each in cookies if each.get("name") == "lab")


def connected(page: Page) -> int:
    """Number of connections of the page so far if the last one is open; else 0."""
    return page.evaluate("window.sockets.at(-1)?.readyState === 1 ? window.sockets.length : 0")


def board(page: Page) -> str:
    """The canvas with the hidden pixels, as a data URL."""
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    canvas = page.locator(".st-key-mask_canvas canvas.board")
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def shown(page: Page) -> tuple[str, str]:
    """Unique name of the run, and the canvas with the hidden pixels."""
    return page.evaluate("stopwatch.run"), board(page)


def wait_for_move(labs: list[Lab], replicas: list[str]) -> Lab:
    """Wait for a visitor whose cookie has changed and who is connected again; returns it."""

    def candidates() -> list[Lab]:
        return [
            lab
            for lab, previous in zip(labs, replicas, strict=True)
            if replica(lab.page) != previous and connected(lab.page)
        ]

    wait(lambda: bool(candidates()), "the visitor moves")
    return candidates()[0]


def serve_names() -> None:
    """Run a name server that answers every IPv4 query with the addresses of both replicas."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(NAME_SERVER)
        while True:
            query, sender = server.recvfrom(512)
            end = query.index(b"\0", 12) + 5  # name, end byte, type and class
            is_ipv4 = query[end - 4 : end - 2] == b"\0\1"
            found = REPLICAS if is_ipv4 else ()
            head = query[:2] + b"\x81\x80\0\1" + bytes([0, len(found)]) + b"\0\0\0\0"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x01\0\x04"
            server.sendto(
                head + query[12:end] + b"".join(answer + socket.inet_aton(ip) for ip in found),
                sender,
            )


if __name__ == "__main__":
    sys.exit(main())
