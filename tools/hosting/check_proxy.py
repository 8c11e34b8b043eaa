"""`python -m tools.hosting.check_proxy`: does a visitor stay on a replica, and survive its end?

HAProxy with the very `haproxy.cfg` of `compose.yaml` before two servers of the lab, in a network
of their own: 127.0.0.2 and 127.0.0.3, port 8501, under the name that the containers have, told by
a name server where that of Docker is. A browser opens the lab through it, loses its connection,
and then its replica. Needs root, HAProxy, Chromium and what `requirements-dev.txt` names.
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
from typing import TYPE_CHECKING

from tools.bench.browser import LONG, browser, rest
from tools.bench.strokes import Lab
from tools.hosting.check import ROOT, answers, cut_off

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPLICAS = ("127.0.0.2", "127.0.0.3")
NAME_SERVER = ("127.0.0.11", 53)
PROXY = "http://127.0.0.1:8080"
RELOADS = 3
SOCKETS = """window.sockets = []
window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this) }
}"""
"""Run before the page: keeps its connections, so that one can be broken."""


def main() -> int:
    """Check all; returns the exit status."""
    if not cut_off():
        print("a network of its own was not allowed: run as root")
        return 1
    threading.Thread(target=tell_names, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        servers = [started(["streamlit", *options(ip)], folder) for ip in REPLICAS]
        proxy = subprocess.Popen(["haproxy", "-db", "-f", "hosting/haproxy.cfg"], cwd=ROOT)
        try:
            for ip in REPLICAS:
                wait(lambda ip=ip: answers(f"http://{ip}:8501/_stcore/health"), f"{ip} answers")
            wait(lambda: answers(f"{PROXY}/_stcore/health"), "the proxy answers")
            with browser() as chromium:
                problems = list(stays_and_survives(chromium, servers))
        finally:
            for process in (*servers, proxy):
                process.terminate()
                process.wait(30)
    print(*(f"PROBLEM: {each}" for each in problems), sep="\n")
    return 1 if problems else 0


def options(ip: str) -> list[str]:
    """Command line of a replica."""
    address = [f"--server.address={ip}", "--server.port=8501"]
    return ["run", "app.py", "--server.headless=true", "--server.fileWatcherType=none", *address]


def started(command: list[str], data: str) -> subprocess.Popen[bytes]:
    """A server of this environment's Python."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | {"DGM_DATA": data},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> float:
    """Until it holds; the seconds it took.

    Raises:
        RuntimeError: it does not.
    """
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise RuntimeError(f"waited in vain: {what}")
        time.sleep(0.1)
    return time.monotonic() - begun


def stays_and_survives(chromium: Browser, servers: list[subprocess.Popen[bytes]]) -> Iterator[str]:
    """Two visitors on two replicas; yields what is wrong."""
    labs = [visitor(chromium) for _ in range(2)]
    homes = [replica(lab.page) for lab in labs]
    print(f"two visitors from one address are on {len(set(homes))} replicas")
    if len(set(homes)) < 2:
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
    labs[0].finish()  # threads end with a connection: its run begins again
    print(f"connection broken: back after {taken:.1f} s")
    if (replica(first), board(first)) != (homes[0], before):
        yield "a broken connection lost what was hidden"

    for _ in range(RELOADS):
        first.reload()
        first.locator(".player").wait_for(timeout=LONG)
        rest(first)
        if replica(first) != homes[0]:
            yield "a reload went to another replica"
    print(f"{RELOADS} reloads: the replica is the same")
    if board(first) != before:
        yield "a reload lost what was hidden"

    before_all = [(replica(lab.page), shown(lab.page)) for lab in labs]
    servers[0].kill()
    servers[0].wait()
    gone = time.monotonic()
    hit = wait_for_move(labs, homes)
    print(f"a replica killed: its visitor is on the other after {time.monotonic() - gone:.1f} s")
    rest(hit.page)
    hit.page.locator(".player").wait_for(timeout=LONG)
    other = labs[1 - labs.index(hit)]
    if (replica(other.page), shown(other.page)) != before_all[labs.index(other)]:
        yield "the visitor of the replica that lives noticed"
    if board(hit.page) != before_all[labs.index(hit)][1][1]:
        yield "the visitor of the replica that is gone lost what was hidden"
    hit.page.bring_to_front()
    hit.stroke()
    hit.finish()
    print("what was hidden is still hidden, and the next stroke runs")


def visitor(chromium: Browser) -> Lab:
    """One who opens the lab through the proxy."""

    class Listening:
        """The browser, with `SOCKETS` in each of its contexts."""

        def new_context(self, **asked: object) -> object:
            made = chromium.new_context(**asked)  # type: ignore[arg-type]
            made.add_init_script(SOCKETS)
            return made

    return Lab(Listening(), PROXY)  # type: ignore[arg-type]


def replica(page: Page) -> str:
    """The proxy's cookie: on which replica the visitor is."""
    return next(each["value"] for each in page.context.cookies() if each["name"] == "lab")


def connected(page: Page) -> int:
    """How many connections it has had, if the last one is open; else none."""
    return page.evaluate("window.sockets.at(-1)?.readyState === 1 ? window.sockets.length : 0")


def board(page: Page) -> str:
    """What is hidden, as the canvas shows it."""
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)
    canvas = page.locator(".st-key-mask_canvas canvas.board")
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def shown(page: Page) -> tuple[str, str]:
    """The name of the run, which no other has, and what is hidden."""
    return page.evaluate("stopwatch.run"), board(page)


def wait_for_move(labs: list[Lab], homes: list[str]) -> Lab:
    """The visitor whose cookie has changed and who is connected again."""

    def moved() -> list[Lab]:
        return [
            lab
            for lab, home in zip(labs, homes, strict=True)
            if replica(lab.page) != home and connected(lab.page)
        ]

    wait(lambda: bool(moved()), "the visitor moves")
    return moved()[0]


def tell_names() -> None:
    """A name server that knows one name and both addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(NAME_SERVER)
        while True:
            asked, sender = here.recvfrom(512)
            end = asked.index(b"\0", 12) + 5  # the name, its end, kind and class
            of_address = asked[end - 4 : end - 2] == b"\0\1"
            found = REPLICAS if of_address else ()
            head = asked[:2] + b"\x81\x80\0\1" + bytes([0, len(found)]) + b"\0\0\0\0"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x01\0\x04"
            here.sendto(
                head + asked[12:end] + b"".join(answer + socket.inet_aton(ip) for ip in found),
                sender,
            )


if __name__ == "__main__":
    sys.exit(main())
