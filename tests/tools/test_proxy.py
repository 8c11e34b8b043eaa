"""The shipped proxy refuses what it should, and its log holds no id of a session."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.patience import PATIENCE
from tools.bench.server import free_port
from tools.hosting import proxy_limits
from tools.hosting.check import answers

FILE = Path(__file__).parents[2] / "hosting" / "haproxy.cfg"
CONFIG = FILE.read_text(encoding="utf-8")
HAPROXY = pytest.mark.skipif(shutil.which("haproxy") is None, reason="HAProxy is not installed")


class Replica(BaseHTTPRequestHandler):
    """Answers every request with "ok", after it has read the body."""

    protocol_version = "HTTP/1.1"
    received: list[int]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Proxy(NamedTuple):
    """A running proxy with one replica."""

    url: str
    log: Path


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """HAProxy with the shipped file; only its port and its replica are others."""
    replica = ThreadingHTTPServer(("127.0.0.1", 0), Replica)
    threading.Thread(target=replica.serve_forever, daemon=True).start()
    port, log = free_port(), tmp_path / "log"
    there = f"server lab1 127.0.0.1:{replica.server_port}"
    text = re.sub(r"server-template .*", there, CONFIG).replace(":8080", f"127.0.0.1:{port}")
    (tmp_path / "haproxy.cfg").write_text(text, encoding="utf-8")
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            ["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stdout=file, stderr=file
        )
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not answers(f"{url}/_stcore/health"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield Proxy(url, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        replica.shutdown()
        replica.server_close()


@HAPROXY
def test_the_file_is_valid_and_its_limits_can_be_set() -> None:
    for name in ("ADDRESS_CONNECTIONS", "ADDRESS_REQUESTS", "ADDRESS_BYTES"):
        for value, valid in (("400", True), ("many", False)):
            checked = subprocess.run(
                ["haproxy", "-c", "-q", "-f", FILE],
                env=os.environ | {name: value},
                capture_output=True,
                check=False,
            )
            assert (checked.returncode == 0) == valid, (name, value, checked.stderr)


@HAPROXY
def test_every_limit_is_enforced(proxy: Proxy) -> None:
    assert list(proxy_limits.problems(proxy.url)) == []
    assert list(proxy_limits.log_problems(proxy.log)) == []


@HAPROXY
def test_uploads_within_the_limit_pass_until_an_address_sends_too_much(proxy: Proxy) -> None:
    statuses = []
    for _ in range(16):
        with closing(proxy_limits.connected(proxy.url)) as line:
            head = f"PUT {proxy_limits.UPLOAD} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n"
            line.sendall(f"{head}Content-Length: {5 * 10**6}\r\n\r\n".encode())
            with suppress(ConnectionError):  # it may be refused before all was sent
                line.sendall(bytes(5 * 10**6))
            statuses.append(proxy_limits.status_of(line))
    assert statuses[:12] == [200] * 12
    assert set(statuses[-2:]) <= {0, 429}


def test_the_log_has_no_address_of_a_request() -> None:
    """In HAProxy's formats, %r, %HU, %HP and %HQ are a request's line, address, path and query."""
    formats = re.findall(r"^\s*(?:error-)?log-format (.*)", CONFIG, re.M)
    assert len(formats) == 2
    assert not re.search(r"%(\{[^}]*\})?(r|HU|HP|HPO|HQ|hr|hs|CC|CS|\[)", " ".join(formats))
    assert "option httplog" not in CONFIG
