"""Upload large and hostile tables while another visitor paints.

    python -m tools.hosting.check_tables numbers.csv --seconds 30

For each file it prints what the page says, the memory of the server and its children, and how long
the other visitor waits for a first picture. For tables that are accepted it starts a training,
stops it, starts it again and closes the tab; it prints how much is still computed 2 s later, by
the server, which also draws the pages of the other visitor, and by its children.
Linux only. The numbers in `docs/promises.md` were measured with it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tools.bench.browser import browser
from tools.bench.load import PAGE, mask_of
from tools.bench.server import LAB, serving
from tools.bench.visitors import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LAB_PATH = "Missing_not_at_random"
ANSWER = "[data-testid=stAlert], [data-testid=stCaptionContainer]:has-text('cells missing')"
PAUSE = 2.0
"""Seconds between two strokes of the other visitor."""


class Hostile(NamedTuple):
    """A file, and whether a training on it can start."""

    make: Callable[[], bytes]
    accepted: bool = False


def csv(rows: int, columns: int, levels: int = 0) -> bytes:
    """A table of numbers, or of texts with so many levels, of which one is an empty cell."""
    cells = np.random.default_rng(0).integers(0, levels or 10, (rows, columns)).astype(str)
    if levels:
        cells = np.where(cells == "0", "", np.char.add("v", cells))
    head = ",".join(f"c{number}" for number in range(columns))
    return "\n".join([head, *map(",".join, cells)]).encode()


def parquet(column: pa.Array) -> bytes:
    """A file with one column, compressed."""
    file = io.BytesIO()
    pq.write_table(pa.table({"a": column}), file, compression="zstd", use_dictionary=False)
    return file.getvalue()


def long_list() -> pa.Array:
    """20 rows of 12 million zeros."""
    offsets = pa.array(np.arange(21, dtype=np.int64) * 12_000_000)
    return pa.LargeListArray.from_arrays(offsets, pa.array(np.zeros(240_000_000, np.int8)))


def long_texts() -> pa.Array:
    """20,000 rows of 49 kB of text."""
    ends = pa.py_buffer(np.arange(20_001, dtype=np.int32) * 49_000)
    return pa.StringArray.from_buffers(20_000, ends, pa.py_buffer(b"a" * (49_000 * 20_000)))


FILES = {
    "numbers.csv": Hostile(lambda: csv(19_999, 100), accepted=True),
    "levels.csv": Hostile(lambda: csv(13_000, 100, 51)),
    "wide.csv": Hostile(lambda: csv(13_000, 6, 51), accepted=True),
    "list.parquet": Hostile(lambda: parquet(long_list())),
    "binary.parquet": Hostile(lambda: parquet(long_texts().cast(pa.binary()))),
    "text.parquet": Hostile(lambda: parquet(long_texts())),
}


def family(process: int) -> list[int]:
    """A process and its children, at any depth."""
    found = [process]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):  # the thread has ended
                found += map(int, task.read_text(encoding="ascii").split())
    return found


def command(process: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def memories(server: int) -> tuple[float, list[float]]:
    """Private memory of a server and of each of its children, in MiB.

    A child that does not run its own program yet shares the memory of the server, and is left out.
    """
    own = command(server)
    children = [each for each in family(server)[1:] if command(each) != own]
    return megabytes(server), [megabytes(each) for each in children]


def megabytes(process: int) -> float:
    """Private memory of a process, in MiB; 0 if it has ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return sum(map(int, re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+)", text, re.M))) / 1024


def cpu(process: int) -> float:
    """Processor time of a process so far, s; 0 if it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return sum(map(int, text.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def computed(server: int, seconds: float) -> tuple[float, float]:
    """Processor time that a server and its children use in so many seconds from now."""
    before = {each: cpu(each) for each in family(server)}
    time.sleep(seconds)
    own, *others = (max(0.0, cpu(each) - used) for each, used in before.items())
    return own, sum(others)


class Memory(threading.Thread):
    """Follows the private memory of a server and its children."""

    def __init__(self, server: int) -> None:
        super().__init__(daemon=True)
        self.server, self.largest, self.child = server, 0.0, 0.0
        self.start()

    def restart(self) -> float:
        """Forget the peaks; returns the memory now, in MiB."""
        self.child = 0.0
        server, children = memories(self.server)
        self.largest = server + sum(children)
        return self.largest

    def run(self) -> None:
        """Measure ten times a second."""
        while True:
            server, children = memories(self.server)
            self.largest = max(self.largest, server + sum(children))
            self.child = max([self.child, *children])
            time.sleep(0.1)


class Painter(threading.Thread):
    """A visitor of another lab, who paints again and again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.waits: list[float] = []  # s from a stroke to its first picture
        self.start()

    def run(self) -> None:
        """Paint until the server ends."""
        try:
            asyncio.run(self._paint())
        except ConnectionError as error:
            print(f"the other visitor stopped: {error}", flush=True)

    async def _paint(self) -> None:
        async with Visitor(self.url, PAGE) as visitor:
            await visitor.until(lambda: "mask_canvas" in visitor.widgets and visitor.runs > 0)
            for number in range(1, 10**6):
                self.waits.append(await visitor.stroke(number, mask_of(number % 20)))
                await asyncio.sleep(PAUSE)


class Check:
    """Measures one server."""

    def __init__(self, server: int, url: str, chromium: Browser) -> None:
        self.server, self.url, self.browser = server, url, chromium
        self.memory, self.painter = Memory(server), Painter(url)
        while not self.painter.waits:
            time.sleep(0.1)

    def file(self, name: str, seconds: float) -> None:
        """Upload a file; train on it for so many seconds, twice, if it is accepted."""
        content, page = FILES[name].make(), self._tab()
        earlier = page.locator(ANSWER).all_inner_texts()
        idle, _ = self._computed()
        before, waited = self.memory.restart(), len(self.painter.waits)
        page.locator("input[type=file]").first.set_input_files(
            {"name": name, "mimeType": "text/csv", "buffer": content}
        )
        while not (new := set(page.locator(ANSWER).all_inner_texts()).difference(earlier, [""])):
            page.wait_for_timeout(100)
        self._say(f"{name}, {len(content):,} bytes: {' '.join(new)!r}", before, waited)
        if FILES[name].accepted:
            for ending in ("Stop", "a closed tab"):
                self.memory.restart()
                waited = len(self.painter.waits)
                page.wait_for_timeout(2000)
                page.get_by_role("button", name="Train").click()
                page.wait_for_timeout(1000 * seconds)
                doing = page.locator("[data-testid=stProgress]").all_inner_texts()
                self._say(f"training, {doing}", before, waited)
                if ending == "Stop":
                    page.get_by_role("button", name="Stop").click()
                else:
                    page.context.close()
                server, children = self._computed()
                print(
                    f"  2 to 7 s after {ending}, computed: server {server:.2f} s (without a "
                    f"training {idle:.2f} s), children {children:.2f} s",
                    flush=True,
                )
        else:
            page.context.close()

    def _tab(self) -> Page:
        page = self.browser.new_context().new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{self.url}/{LAB_PATH}")
        page.get_by_text("Upload", exact=True).first.click()
        page.locator("input[type=file]").first.wait_for(state="attached")
        return page

    def _say(self, what: str, before: float, waited: int) -> None:
        time.sleep(PAUSE + 1)
        waits = self.painter.waits[waited:] or [float("nan")]
        print(
            f"{what}\n  memory +{self.memory.largest - before:.0f} MB, largest child "
            f"{self.memory.child:.0f} MB; the other visitor waited at most {max(waits):.2f} s, "
            f"median {np.median(waits):.2f} s of {len(waits)} strokes"
        )

    def _computed(self) -> tuple[float, float]:
        """Processor time that the server and its children use from 2 to 7 s after now."""
        time.sleep(2)
        return computed(self.server, 5)


def main() -> None:
    """Check the files that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=list(FILES), help=", ".join(FILES))
    parser.add_argument("--seconds", type=float, default=30.0, help="of each training")
    chosen = parser.parse_args()
    with browser() as chromium, serving(LAB) as server:
        check = Check(server.process.pid, server.url, chromium)
        for name in chosen.files:
            check.file(name, chosen.seconds)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
