"""The clock of the live benchmark, in a page with a known delay."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tools.bench import live

# The page handles a press for 80 ms before its worker gets the problem; a key, for 5.
PAGE = """data:text/html,<body style="height:90vh"><script>
const code = "onmessage = ({data}) => postMessage({type: 'frame', problem: data.number})";
const worker = new Worker(URL.createObjectURL(new Blob([code])));
let number = 0;
const after = (milliseconds) => () => {
  const start = performance.now();
  while (performance.now() - start < milliseconds);
  worker.postMessage({type: 'problem', number: (number += 1)});
};
document.body.onpointerdown = after(80);
onkeydown = after(5);
</script>"""


@pytest.mark.parametrize(("press", "least"), [("pointer", 80), ("key", 5)])
def test_a_wait_starts_at_the_event_and_not_when_the_worker_gets_it(
    browser: Browser, press: str, least: float
) -> None:
    page = browser.new_page()
    page.add_init_script(live.WATCH)
    page.goto(PAGE)
    page.mouse.move(200, 200)
    page.wait_for_timeout(300)  # time without events belongs to no wait
    before = page.evaluate("performance.now()")
    if press == "pointer":
        page.mouse.down()
    else:
        page.keyboard.press("a")
    page.wait_for_function("waits.length === 1")
    assert least <= page.evaluate("waits[0]") <= page.evaluate("performance.now()") - before + 1
    page.close()
