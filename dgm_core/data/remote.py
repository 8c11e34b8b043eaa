"""Read files over HTTP in memory: whole, from the beginning, or by ranges of bytes.

Every answer is bounded: by a timeout for a silent server, by a time limit for a slow one, and by
the number of bytes that are expected. The caller checks the content.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

PIECE = 64 * 1024
"""Bytes that are read at a time; progress is reported after each."""
MOST_SECONDS = 900.0
"""Time limit of all answers to one client together."""
Progress = Callable[[int], None]
"""Called with the number of bytes received since the last call."""


class NoRanges(OSError):
    """The server does not answer requests for ranges of bytes.

    Attributes:
        is_page: whether it answered with a web page instead.
    """

    def __init__(self, message: str, *, is_page: bool) -> None:
        super().__init__(message)
        self.is_page = is_page


class WrongContent(OSError):
    """A file differs from the expected one."""


class Client:
    """Reads files of up to some megabytes.

    Args:
        silence: timeout in seconds for a server that sends nothing.
        progress: gets the number of bytes of each piece.
    """

    def __init__(self, silence: float, progress: Progress = lambda received: None) -> None:
        self._silence = silence
        self._progress = progress
        self._end = time.monotonic() + MOST_SECONDS

    def pieces(self, url: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes [start, stop) of a file, or all of it, in pieces.

        A caller that has enough closes the generator, which closes the connection.

        Raises:
            NoRanges: the server does not answer a request for these bytes alone.
            OSError: no network, an error of the server, or no answer in time.
        """
        headers = {"User-Agent": "dgm-lab"}
        if stop is not None:
            headers["Range"] = f"bytes={start}-{stop - 1}"
        request = Request(url, headers=headers)
        with urlopen(request, timeout=self._silence) as answer:
            if stop is not None and answer.status != 206:
                is_page = answer.headers.get_content_type() == "text/html"
                raise NoRanges("the server sends whole files only", is_page=is_page)
            while piece := answer.read(PIECE):
                if time.monotonic() > self._end:
                    raise TimeoutError(f"timed out after {MOST_SECONDS:.0f} s")
                self._progress(len(piece))
                yield piece

    def whole(self, url: str, size: int, *, md5: str = "", sha256: str = "") -> bytes:
        """A file of at most `size` bytes with this checksum.

        Raises:
            WrongContent: the file is longer, or has another checksum.
            OSError: as `pieces`.
        """
        content = self._joined(self.pieces(url), size)
        kind, expected = ("sha256", sha256) if sha256 else ("md5", md5)
        found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        if found != expected:
            raise WrongContent(f"wrong checksum: {found[:12]}…, not {expected[:12]}…")
        return content

    def part(self, url: str, start: int, stop: int) -> bytes:
        """The bytes [start, stop) of a file.

        Raises:
            WrongContent: fewer or more bytes came.
            NoRanges, OSError: as `pieces`.
        """
        content = self._joined(self.pieces(url, start=start, stop=stop), stop - start)
        if len(content) != stop - start:
            raise WrongContent(f"expected {stop - start} bytes, got {len(content)}")
        return content

    def size(self, url: str) -> int:
        """The number of bytes of a file.

        Raises:
            NoRanges, OSError: as `pieces`.
        """
        headers = {"User-Agent": "dgm-lab", "Range": "bytes=0-0"}
        with urlopen(Request(url, headers=headers), timeout=self._silence) as answer:
            stated = (answer.headers.get("Content-Range") or "").rpartition("/")[2]
            if answer.status != 206 or not stated.isdecimal():
                is_page = answer.headers.get_content_type() == "text/html"
                raise NoRanges("the server sends whole files only", is_page=is_page)
            return int(stated)

    @staticmethod
    def _joined(pieces: Iterator[bytes], most: int) -> bytes:
        content = bytearray()
        for piece in pieces:
            content += piece
            if len(content) > most:
                raise WrongContent(f"expected at most {most:,} bytes, got more")
        return bytes(content)
