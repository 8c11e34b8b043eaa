"""Checks of the limits in `hosting/haproxy.cfg`, by requests that break them.

Run them against a proxy of your own, never against one that others use.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

SESSION = "01234567-89ab-cdef-0123-456789abcdef"
UPLOAD = f"/_stcore/upload_file/{SESSION}/1"
LONGEST = 6 * 2**20
"""Bytes of a body."""
CONNECTIONS = 64
"""Connections of one address, at most."""
METRICS = ("/_stcore/metrics", "/_stcore/metr%69cs", "/x/../_stcore/METRICS?a=b")
CHUNK = 2**16
PATIENCE = 20.0
"""Seconds to wait for an answer."""


def problems(url: str) -> Iterator[str]:
    """Break every limit of the proxy at this address; yields what it did not refuse."""
    for path in METRICS:
        if (status := answer(url, f"GET {path} HTTP/1.1")) != 404:
            yield f"{path} was answered with {status}"
    status, sent = chunked(url, 2 * LONGEST)
    if status != 413 or sent > LONGEST:
        yield f"a chunked body was answered with {status} after {sent} bytes"
    status = answer(url, f"PUT {UPLOAD} HTTP/1.1", f"Content-Length: {LONGEST + 1}")
    if status != 413:
        yield f"a body above {LONGEST} bytes was announced and answered with {status}"
    both = ("Content-Length: 1", "Transfer-Encoding: chunked")
    if (status := answer(url, f"PUT {UPLOAD} HTTP/1.1", *both)) not in (400, 413):
        yield f"a body of two lengths was answered with {status}"
    if (opened := connections(url, 2 * CONNECTIONS)) > CONNECTIONS:
        yield f"one address has {opened} connections"
    if not flooded(url, 700):
        yield "700 requests within 10 seconds were all answered"


def log_problems(log: Path) -> Iterator[str]:
    """Read the proxy's log after `problems`: requests are there, ids of sessions are not."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if " PUT 413 " not in text or " GET 404 " not in text:
        yield "the proxy's log does not list the requests"
    if found := re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|/_stcore/|\?", text):
        line = next(line for line in text.splitlines() if found[0] in line)
        yield f"the proxy's log has an address or an id: {line}"


def connected(url: str) -> socket.socket:
    """A new connection to the proxy."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    return socket.create_connection((host or "", port or 80), timeout=PATIENCE)


def answer(url: str, request: str, *headers: str) -> int:
    """The status of the answer to a request without a body; 0: the connection was closed."""
    with closing(connected(url)) as line:
        line.sendall("\r\n".join([request, "Host: lab", *headers, "", ""]).encode())
        return status_of(line)


def status_of(line: socket.socket) -> int:
    """Wait for an answer and return its status; 0: the connection was closed.

    Raises:
        TimeoutError: there is no answer within the socket's time limit.
    """
    try:
        start = line.recv(CHUNK)
    except ConnectionError:
        return 0
    found = re.match(rb"HTTP/1\.[01] (\d{3})", start)
    return int(found[1]) if found else 0


def chunked(url: str, size: int) -> tuple[int, int]:
    """Send a chunked body of this many bytes: status of the answer, bytes sent before it."""
    head = [f"PUT {UPLOAD} HTTP/1.1", "Host: lab", "Transfer-Encoding: chunked", "", ""]
    sent = 0
    with closing(connected(url)) as line:
        line.sendall("\r\n".join(head).encode())
        line.settimeout(0.2)
        while sent < size:
            try:
                return status_of(line), sent
            except TimeoutError:
                line.sendall(b"%x\r\n%s\r\n" % (CHUNK, bytes(CHUNK)))
                sent += CHUNK
        line.settimeout(PATIENCE)
        line.sendall(b"0\r\n\r\n")
        return status_of(line), sent


def connections(url: str, count: int) -> int:
    """Open connections and send a request on each; how many of them are answered and stay open."""
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(connected(url))) for _ in range(count)]
        return sum(is_answered(line) for line in lines)


def is_answered(line: socket.socket) -> bool:
    """Is a request on this connection answered?"""
    try:
        line.sendall(b"GET /_stcore/health HTTP/1.1\r\nHost: lab\r\n\r\n")
    except OSError:
        return False
    return status_of(line) > 0


def flooded(url: str, count: int) -> bool:
    """Send requests quickly, each on a new connection: is one refused?"""
    deadline = time.monotonic() + 9
    for _ in range(count):
        if time.monotonic() > deadline:
            break
        if answer(url, "GET /_stcore/health HTTP/1.1", "Connection: close") == 429:
            return True
    return False
