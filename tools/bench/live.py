"""`python -m tools.bench.live`: the live engine and its pages in Chromium, beside PyTorch.

The part `engine` calls one iteration of Metropolis-within-Gibbs with 8 chains in WebAssembly, one
in plain JavaScript, and PyTorch's encoder and decoder for the same 8 rows on one thread, in turns.
The part `page` opens the exported page with an empty cache and paints on it. The part `lab` does
the same in the view Live of the inpainting lab; with the digits, it also starts the samplers of
the front page.
`--write` puts the results into `assets/live.toml` and `docs/numbers/speed.md`.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from dgm_core import zoo
from dgm_core.bench.timing import Line, one_thread
from dgm_core.checkout import ASSETS
from dgm_core.evaluation import number_tables
from dgm_core.live import export, scripts, weights
from dgm_core.models.vae import VAE
from dgm_core.studies.toml_rows import put_row, rounded
from tools.bench.browser import NoBrowser, bounds, browser
from tools.bench.output import parsed, print_lines
from tools.bench.server import LAB, Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize

PARTS = ("engine", "page", "lab")
TABLE = "live speed"
DIGITS = "mnist-dlvm"
SIZE: ViewportSize = {"width": 1280, "height": 1000}
CHAINS = 8
_ENGINE = """([engine, weights, observed, chains]) => {
  const script = document.createElement("script");
  script.textContent = `${engine};window.engine = {makeModel, Chains};`;
  document.head.append(script);
  const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)).buffer;
  const settings = {chains, seed: 0, sampler: "Metropolis-within-Gibbs", warmup: 20};
  window.alternatives = [false, true].map((plain) => {
    const all = new window.engine.Chains(window.engine.makeModel(bytes, chains, plain), settings);
    all.observe(new Float64Array(784), observed);
    return all;
  });
  const timed = (call, times) => {
    const start = performance.now();
    for (let i = 0; i < times; i += 1) call();
    return (performance.now() - start) / times;
  };
  window.measure = (which, times) => {
    const {model} = window.alternatives[which];
    const passes = () => { model.encoder.run(); model.decoder.run(); };
    return [timed(() => window.alternatives[which].step(), times), timed(passes, times)];
  };
}"""
# Times are taken after the browser has drawn the frame with the picture. A wait runs from the
# pointer event (or key) that led to the first problem that a worker has not answered yet.
WATCH = """(() => {
  Object.assign(window, {first: null, waits: [], frames: 0, messages: 0});
  const {send} = WebSocket.prototype;
  WebSocket.prototype.send = function (...given) {
    window.messages += 1;
    send.apply(this, given);
  };
  const drawn = (then) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(performance.now());
    channel.port2.postMessage(null);
  });
  let input = null; // when the last event of a pointer or key happened
  const note = (event) => {
    const [first = event] = event.getCoalescedEvents?.() ?? [];
    input = first.timeStamp;
  };
  for (const kind of ["pointerdown", "pointermove", "keydown"]) addEventListener(kind, note, true);
  window.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      this.since = this.number = null;
      this.addEventListener("message", ({data}) => {
        if (data.type !== "frame") return;
        window.frames += 1;
        if (window.first === null) drawn((now) => { window.first ??= now; });
        if (data.problem !== this.number || this.since === null) return;
        const from = this.since;
        this.since = null;
        drawn((now) => window.waits.push(now - from));
      });
    }
    postMessage(message, ...rest) {
      if (message.type === "problem") {
        this.number = message.number;
        this.since ??= input ?? performance.now();
      }
      super.postMessage(message, ...rest);
    }
  };
})();"""


# Messages and requests to the server since the page was opened.
_REQUESTS = """() => window.messages +
  performance.getEntriesByType("resource").filter(({name}) => name.startsWith("http")).length"""


def main(arguments: list[str] | None = None) -> int:
    """Measure the requested parts; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.live", description=__doc__)
    parser.add_argument("--model", default=DIGITS)
    parser.add_argument("--rounds", type=int, default=40, help="turns of the part engine")
    parser.add_argument("--strokes", type=int, default=30, help="strokes of page and lab")
    parser.add_argument("--write", action="store_true", help="write the documentation")
    options = parsed(parser, PARTS, arguments)
    lines = measured(options)
    try:
        print_lines(written(lines) if options.write else lines)
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def written(lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines; each is put into the documentation, with the load at its time."""
    for line in lines:
        row = rounded({**line._asdict(), "load": os.getloadavg()[0]})
        known = {name: value for name, value in row.items() if value is not None}
        put_row(ASSETS / "live.toml", "speed", known, ["what"])
        yield line
    number_tables.update([TABLE])


def measured(options: argparse.Namespace) -> Iterator[Line]:
    """Lines of the requested parts."""
    name = options.model
    with browser() as chromium:
        if "engine" in options.parts:
            yield from _named(name, _engine(chromium, name, options.rounds))
        if "page" in options.parts:
            yield from _named(name, _page(chromium, name, options.strokes))
        if "lab" in options.parts:
            yield from _named(name, _lab(chromium, name, options.strokes))
            if name == DIGITS:
                yield from _front(chromium)


def _named(name: str, lines: Iterable[Line]) -> Iterator[Line]:
    """The same lines; those of another model than the digits begin with its name."""
    for line in lines:
        yield line if name == DIGITS else line._replace(what=f"{name}, {line.what}")


def flops(model: VAE) -> int:
    """Floating-point operations of encoder and decoder for one image."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.encoder(torch.zeros(1, *weights.IMAGE))
        model.decoder(torch.zeros(1, model.latent_dim))
    return counter.get_total_flops()


def _engine(chromium: Browser, name: str, rounds: int) -> Iterator[Line]:
    model: VAE = zoo.load(name)
    page = chromium.new_page()
    observed = (np.arange(784) >= 392).astype(int).tolist()
    content = base64.b64encode(weights.packed(name)).decode("ascii")
    page.evaluate(_ENGINE, [scripts.engine(), content, observed, CHAINS])
    x, z = torch.rand(CHAINS, *weights.IMAGE), torch.randn(CHAINS, model.latent_dim)
    taken: dict[str, list[tuple[float, float]]] = {"WebAssembly": [], "JavaScript": []}
    torch_taken = []
    with one_thread(), torch.inference_mode():
        for turn in range(rounds + 8):  # the first eight let the compilers finish
            found = {
                "WebAssembly": page.evaluate("measure(0, 15)"),
                "JavaScript": page.evaluate("measure(1, 1)"),
            }
            start = time.perf_counter()
            for _ in range(15):
                model.encoder(x)
                model.decoder(z)
            elapsed = 1e3 * (time.perf_counter() - start) / 15
            if turn >= 8:
                torch_taken.append(elapsed)
                for kind, pair in found.items():
                    taken[kind].append(tuple(pair))
    page.close()
    yield from engine_lines(CHAINS * flops(model), taken, torch_taken)


def engine_lines(
    work: float, taken: dict[str, list[tuple[float, float]]], torch_taken: list[float]
) -> Iterator[Line]:
    """The numbers of the part `engine`.

    Args:
        work: operations of one iteration.
        taken: "WebAssembly" or "JavaScript" → milliseconds of an iteration and of its passes, per
            turn.
        torch_taken: milliseconds of PyTorch's passes in the same turns.
    """
    theirs = statistics.median(torch_taken)
    yield Line(f"{CHAINS} chains: operations of an iteration", work / 1e6, "MFLOP", None)
    yield Line("PyTorch, one thread: encoder + decoder pass", theirs, "ms", None)
    yield Line("PyTorch, one thread: speed", work / theirs / 1e6, "GFLOP/s", None)
    for kind, pairs in taken.items():
        iteration, passes = (statistics.median(each) for each in zip(*pairs, strict=True))
        compiled = kind == "WebAssembly"
        yield Line(f"{kind}: one iteration", iteration, "ms", 1e3 / 120 if compiled else None)
        yield Line(f"{kind}: iterations per second", 1e3 / iteration, "", None)
        yield Line(f"{kind}: speed of the passes", work / passes / 1e6, "GFLOP/s", None)
        ratio = statistics.median(
            own / other for (own, _), other in zip(pairs, torch_taken, strict=True)
        )
        goal = 1.0 if compiled else None
        yield Line(f"{kind}: iteration ÷ PyTorch's passes", ratio, "×", goal)


def _page(chromium: Browser, name: str, strokes: int) -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(export.page(name), encoding="utf-8")
        yield Line("page: size", file.stat().st_size / 1e6, "MB", 4.0)
        first = []
        for _ in range(5):
            context, page = _opened(chromium, file.as_uri())
            first.append(_first(page))
            if len(first) < 5:
                context.close()
        yield Line("page: opening to the first live picture", statistics.median(first), "ms", 2000)
        yield from _strokes("page", page, page.locator(".live-board canvas"), strokes)
        yield Line("page: private memory of its process", _memory(chromium), "MB", 150)
        context.close()


def _lab(chromium: Browser, name: str, strokes: int) -> Iterator[Line]:
    data = "" if name == DIGITS else f"data={name.removesuffix('-dlvm')}&"
    path = f"Inpainting?{data}view="
    with serving(LAB) as server:
        context, page = _opened(chromium, f"{server.url}/{path}Live")
        what = "lab: opening to the first live picture, first visitor of a new server"
        yield Line(what, _first(page), "ms", None)
        context.close()
        context, page = _opened(chromium, f"{server.url}/{path}Slow+motion")
        page.locator(".slow").wait_for()
        page.wait_for_timeout(3000)
        yield Line(
            "lab: private memory of its process, another view", _memory(chromium), "MB", None
        )
        context.close()
        first = []
        for _ in range(5):
            context, page = _opened(chromium, f"{server.url}/{path}Live")
            first.append(_first(page))
            if len(first) < 5:
                context.close()
        what = "lab: opening to the first live picture, empty cache"
        yield Line(what, statistics.median(first), "ms", 2000)
        size = page.evaluate(
            """() => performance.getEntriesByType("resource")
              .filter(({name}) => name.endsWith(".bin"))
              .reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)"""
        )
        yield Line("lab: weights", size / 1e6, "MB", 2.0)
        page.wait_for_timeout(2000)
        before = page.evaluate(_REQUESTS)
        yield from _strokes("lab", page, page.locator("canvas.board"), strokes)
        requests = page.evaluate(_REQUESTS) - before
        yield Line("lab: requests to the server while painting", requests, "", 0)
        yield Line("lab: private memory of its process", _memory(chromium), "MB", 150)
        context.close()


def _front(chromium: Browser) -> Iterator[Line]:
    """The front page with an empty cache; its button is pressed later, or at once."""
    with serving(LAB) as server:
        _start(chromium, server, wait=0)  # the server imports what it needs
        since_click = statistics.median(_start(chromium, server, wait=2000)[1] for _ in range(5))
        yield Line("front page: button to the first live picture", since_click, "ms", 2000)
        since_opening = statistics.median(_start(chromium, server, wait=0)[0] for _ in range(5))
        what = "front page: opening to the first live picture, button pressed at once"
        yield Line(what, since_opening, "ms", 2000)


def _start(chromium: Browser, server: Server, wait: float) -> tuple[float, float]:
    """Milliseconds from opening the front page, and from a click, to the first picture."""
    context, page = _opened(chromium, server.url)
    button = page.get_by_role("button", name="run both samplers in your browser")
    button.wait_for()
    page.wait_for_timeout(wait)
    button.evaluate("each => { window.clicked = performance.now(); each.click(); }")
    first, clicked = _first(page), page.evaluate("clicked")
    context.close()
    return first, first - clicked


def _opened(chromium: Browser, address: str) -> tuple[BrowserContext, Page]:
    """A page in a browser with an empty cache, and its context."""
    context = chromium.new_context(viewport=SIZE)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    return context, page


def _first(page: Page) -> float:
    """Milliseconds from opening the page to its first live picture."""
    while (found := page.evaluate("window.first")) is None:  # the page may forbid waiting scripts
        page.wait_for_timeout(20)
    return found


def _strokes(place: str, page: Page, canvas: Locator, strokes: int) -> Iterator[Line]:
    page.wait_for_timeout(2000)
    canvas.scroll_into_view_if_needed()
    source = np.random.default_rng(0)
    page.evaluate("Object.assign(window, {waits: [], frames: 0})")
    start = page.evaluate("performance.now()")
    for _ in range(strokes):
        box = bounds(canvas)
        ends = source.uniform(0.1, 0.9, (2, 2)) * (box["width"], box["height"])
        (x, y), (to_x, to_y) = ends + (box["x"], box["y"])
        page.mouse.move(x, y)
        page.mouse.down()
        for part in np.linspace(0.1, 1, 10):
            page.mouse.move(x + part * (to_x - x), y + part * (to_y - y))
            page.wait_for_timeout(16)
        page.mouse.up()
        page.keyboard.press("Control+z")  # so that pixels are left to hide
        page.wait_for_timeout(100)
    seconds = (page.evaluate("performance.now()") - start) / 1e3
    waits, frames = page.evaluate("[waits, frames]")
    yield from stroke_lines(place, waits, frames, seconds)


def stroke_lines(place: str, waits: list[float], frames: int, seconds: float) -> Iterator[Line]:
    """The numbers of strokes.

    Args:
        place: "page" or "lab".
        waits: milliseconds from a pointer event to the picture of a sampler.
        frames: pictures of both samplers in this time.
        seconds: how long the strokes took.
    """
    yield Line(f"{place}: a stroke's pixels to their picture, median", _at(waits, 50), "ms", 50)
    yield Line(f"{place}: the same, 95 % of the times below", _at(waits, 95), "ms", 100)
    yield Line(f"{place}: time between two pictures", 2e3 * seconds / frames, "ms", 1e3 / 15)


def _at(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent))


def _memory(chromium: Browser) -> float:
    """Private memory of the largest process that draws a page, MB."""
    session = chromium.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    drawing = [each["id"] for each in processes if each["type"] == "renderer"]
    texts = (Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in drawing)
    return max(map(private, texts))


def private(status: str) -> float:
    """Megabytes of anonymous memory, in RAM and in swap.

    Chromium's task manager shows the same. Pages of the program's own file are left out: they
    are the same for every page, and the system can drop them.
    """
    sizes = re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+) kB", status, re.MULTILINE)
    return sum(map(int, sizes)) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
