"""Start-up time of a server, and its memory for a growing number of sessions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.bench import strokes
from tools.bench.browser import RESTS, context, first_picture, rest
from tools.bench.server import LAB, serving
from ui.server_limits import GC_INTERVAL

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def importing() -> float:
    """Seconds that a new Python process needs to import torch and Streamlit, one thread."""
    start_time = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", "import torch, streamlit"], check=True, env=environment)
    return time.perf_counter() - start_time


def start(browser: Browser, path: str) -> tuple[float, float]:
    """Seconds from `streamlit run` to the first picture of a page, and to the complete page.

    The browser already runs, with an empty cache. It requests the page as soon as the server
    answers.
    """
    with serving(LAB) as server:
        visitor = context(browser)
        page = visitor.new_page()
        page.goto(f"{server.url}/{path}")
        picture = first_picture(page) - server.started
        page.locator(RESTS).wait_for()
        complete = time.time() - server.started
        visitor.close()
    return picture, complete


def sizes(
    browser: Browser, more: int, *, ran: bool, report: Callable[[str], None]
) -> list[tuple[int, float]]:
    """Pairs (number of idle sessions, megabytes of the server), for 1 to 1 + `more` sessions.

    Args:
        browser: opens the sessions.
        more: number of sessions besides the first.
        ran: True if each session hides a pixel and waits until its run has finished.
        report: called with a progress message after each session.
    """
    found = []
    with serving(LAB) as server:
        for number in range(1, more + 2):
            lab = strokes.Lab(browser, server.url)
            # The first session loads the models that all sessions share.
            for _ in range(3 if number == 1 else int(ran)):
                lab.stroke()
                lab.finish()
            rest(lab.page)
            for _ in range(2 if number in (1, more + 1) else 0):
                time.sleep(GC_INTERVAL)
                strokes.reruns([lab.page], 1)  # the server collects garbage after it
            found.append((number, server.megabytes()))
            report(f"{number} sessions: {found[-1][1]:.0f} MB")
    return found
