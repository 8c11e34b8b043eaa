"""The README's pictures, taken anew from the app: `python -m tools.readme_pictures [NAME …]`.

The app runs without a data folder, so nothing is shown but scikit-learn's digits and tables and
what the models draw.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from tools.bench.browser import browser, rest
from tools.bench.server import LAB, ROOT, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page


WIDE = 1280
FILM = "inpainting"
SCALE, STEP = 0.7, 125
"""Size of the film, and milliseconds per picture."""


def lasso(page: Page) -> None:
    """Round the middle of the left plane."""
    box = page.locator(".linked-scatter .stage").first.bounding_box()
    around = 2 * np.pi * np.arange(33) / 32
    x = box["x"] + box["width"] * (0.5 + 0.19 * np.cos(around))
    y = box["y"] + box["height"] * (0.47 + 0.16 * np.sin(around))
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for at in zip(x, y, strict=True):
        page.mouse.move(*at)
    page.mouse.up()
    page.mouse.move(0, 0)


def all_have_ended(page: Page) -> None:
    """Wait until every method has filled in the picture."""
    page.wait_for_function("!document.querySelector('.card[data-state=running]')")


def its_run(page: Page) -> None:
    """Wait until it has ended and been played."""
    page.locator(".st-key-start-latent-plane button:enabled").wait_for()
    page.get_by_text("iteration 400 of 400").wait_for()


def traits(page: Page) -> None:
    """Choose the directions of traits."""
    page.get_by_text("By trait", exact=True).click()


def nothing(page: Page) -> None:
    """The page as it opens."""


class Still(NamedTuple):
    """One picture: a link, the height of the window, and what is done before it is taken."""

    link: str
    height: int
    act: Callable[[Page], None] = nothing


STILLS = {
    "comparison": Still("Inpainting?view=All+methods", 1860, all_have_ended),
    "likelihood": Still("Exact_likelihood?view=Missing+pixels", 1270, its_run),
    "mnar": Still("Missing_not_at_random", 1585),
    "clusters": Still("Clusters", 1440, lasso),
    "wgan": Still("WGAN_latent_space?view=Sliders&space=celeba", 960, traits),
}


def still(page: Page, url: str, name: str) -> None:
    """Take it, with a colour table of its own."""
    asked = STILLS[name]
    page.set_viewport_size({"width": WIDE, "height": asked.height})
    page.goto(f"{url}/{asked.link}")
    rest(page)
    asked.act(page)
    rest(page)
    page.wait_for_timeout(1500)  # charts fade in
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    seen.quantize(256, dither=Image.Dither.NONE).save(_path(f"{name}.png"), optimize=True)


def film(page: Page, url: str) -> None:
    """The lab at work: a run, a stroke, its run, an iteration taken apart."""
    page.set_viewport_size({"width": WIDE, "height": 1180})
    page.goto(f"{url}/Inpainting")
    page.locator(".player").wait_for()
    rest(page)
    seen = [_small(page) for _ in range(10)]
    seen += [_small(page) for _ in stroke(page)]
    seen += [_small(page) for _ in range(24)]
    page.get_by_text("Slow motion", exact=True).first.click()
    rest(page)
    following = page.get_by_role("button", name="Next", exact=True)
    for _ in range(5):
        seen += 6 * [_small(page)]
        following.click()
        page.wait_for_timeout(300)
    first, *others = seen
    first.save(
        _path(f"{FILM}.webp"),
        save_all=True,
        append_images=others,
        duration=STEP,
        loop=0,
        quality=60,
        method=6,
    )


def stroke(page: Page) -> Iterator[None]:
    """Hide a little more of the picture; yields on the way."""
    box = page.locator(".pixel-canvas canvas").first.bounding_box()
    way = [(0.35, 0.72), (0.45, 0.72), (0.55, 0.72), (0.65, 0.72), (0.68, 0.8), (0.68, 0.88)]
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in way]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places:
        page.mouse.move(*place, steps=4)
        yield
    page.mouse.up()


def _small(page: Page) -> Image.Image:
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    size = (round(seen.width * SCALE), round(seen.height * SCALE))
    return seen.resize(size, Image.Resampling.LANCZOS)


def _path(name: str) -> Path:
    return ROOT / "assets" / name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*STILLS, FILM, []], metavar="NAME")
    asked = parser.parse_args().names or [*STILLS, FILM]
    with ExitStack() as stack:
        server, chromium = stack.enter_context(serving(LAB)), stack.enter_context(browser())
        for name in asked:
            page = chromium.new_page()
            page.set_default_timeout(120_000)
            film(page, server.url) if name == FILM else still(page, server.url, name)
            page.close()
            print(_path(f"{name}.webp" if name == FILM else f"{name}.png"))
