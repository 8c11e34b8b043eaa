"""One run of the page benchmark: a rerun without change sends little."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.board import Board
from tests.e2e.conftest import NewPage
from tests.e2e.lab import Lab
from tools.bench import browser as bench
from tools.bench import strokes


@pytest.mark.slow
def test_a_rerun_without_change_sends_little_and_a_stroke_starts_a_run(
    new_page: NewPage, server: str
) -> None:
    page = new_page(viewport={"width": 1280, "height": 1000})
    page.add_init_script(path=bench.STOPWATCH)
    lab = Lab(page, server, "Inpainting?iterations=100")
    shipped = page.evaluate("stopwatch.run")
    Board(page.locator(".st-key-mask_canvas canvas.board")).drag((20, 5), (20, 9))
    assert bench.answer(page) > 0
    assert page.evaluate("stopwatch.run") != shipped
    expect(lab.player).to_have_attribute("data-state", re.compile("finished"))
    ((_, sent),) = strokes.reruns([page], 1)
    assert "ref_hash" in sent  # the pictures are not sent again
    assert sum(sent.values()) < 20_000
