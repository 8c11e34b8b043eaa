"""Take the README's pictures from the app again: `python -m tools.readme_pictures [NAME …]`.

The app runs without a data folder. The pictures therefore show only scikit-learn's digits and
tables, and samples of the models.
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

from dgm_core.checkout import ASSETS
from tools.bench.browser import bounds, browser, rest
from tools.bench.server import LAB, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page


WIDE = 1280
FILM = "inpainting"
SCALE, STEP = 0.7, 125
"""Scale of the film relative to the page, and milliseconds per frame."""


def lasso(page: Page) -> None:
    """Draw a lasso around the middle of the left plane."""
    box = bounds(page.locator(".linked-scatter .stage").first)
    angles = 2 * np.pi * np.arange(33) / 32
    x = box["x"] + box["width"] * (0.5 + 0.19 * np.cos(angles))
    y = box["y"] + box["height"] * (0.47 + 0.16 * np.sin(angles))
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for point in zip(x, y, strict=True):
        page.mouse.move(*point)
    page.mouse.up()
    page.mouse.move(0, 0)


def wait_for_all_methods(page: Page) -> None:
    """Wait until every method has filled in the image."""
    page.wait_for_function("!document.querySelector('.card[data-state=running]')")


def wait_for_run(page: Page) -> None:
    """Wait until the run has ended and the player shows its last iteration."""
    page.locator(".st-key-start-latent-plane button:enabled").wait_for()
    page.get_by_text("iteration 400 of 400").wait_for()


def choose_traits(page: Page) -> None:
    """Choose the latent directions of traits."""
    page.get_by_text("By trait", exact=True).click()


def do_nothing(page: Page) -> None:
    """Leave the page as it opens."""


class Still(NamedTuple):
    """One picture: the link, the height of the window, and an action before it is taken."""

    link: str
    height: int
    act: Callable[[Page], None] = do_nothing


STILLS = {
    "comparison": Still("Inpainting?view=All+methods", 1860, wait_for_all_methods),
    "likelihood": Still("Exact_likelihood?view=Missing+pixels", 1270, wait_for_run),
    "mnar": Still("Missing_not_at_random", 1585),
    "clusters": Still("Clusters?run=digits-vaegmm", 1440, lasso),
    "wgan": Still("WGAN_latent_space?view=Sliders&space=celeba", 960, choose_traits),
}


def still(page: Page, url: str, name: str) -> None:
    """Take the picture `name` and save it with a palette of 256 colours."""
    settings = STILLS[name]
    page.set_viewport_size({"width": WIDE, "height": settings.height})
    page.goto(f"{url}/{settings.link}")
    rest(page)
    settings.act(page)
    rest(page)
    page.wait_for_timeout(1500)  # charts fade in
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(_path(f"{name}.png"), optimize=True)


def film(page: Page, url: str) -> None:
    """Film the inpainting lab: a run, a stroke and its run, and one iteration in slow motion."""
    page.set_viewport_size({"width": WIDE, "height": 1180})
    page.goto(f"{url}/Inpainting")
    page.locator(".player").wait_for()
    rest(page)
    frames = [_small(page) for _ in range(10)]
    frames += [_small(page) for _ in stroke(page)]
    frames += [_small(page) for _ in range(24)]
    page.get_by_text("Slow motion", exact=True).first.click()
    rest(page)
    next_button = page.get_by_role("button", name="Next", exact=True)
    for _ in range(5):
        frames += 6 * [_small(page)]
        next_button.click()
        page.wait_for_timeout(300)
    first, *others = frames
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
    """Hide more pixels with one stroke; yields after each part of it."""
    box = bounds(page.locator(".pixel-canvas canvas").first)
    path = [(0.35, 0.72), (0.45, 0.72), (0.55, 0.72), (0.65, 0.72), (0.68, 0.8), (0.68, 0.88)]
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in path]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points:
        page.mouse.move(*point, steps=4)
        yield
    page.mouse.up()


def _small(page: Page) -> Image.Image:
    frame = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    size = (round(frame.width * SCALE), round(frame.height * SCALE))
    return frame.resize(size, Image.Resampling.LANCZOS)


def _path(name: str) -> Path:
    return ASSETS / name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*STILLS, FILM, []], metavar="NAME")
    names = parser.parse_args().names or [*STILLS, FILM]
    with ExitStack() as stack:
        server, chromium = stack.enter_context(serving(LAB)), stack.enter_context(browser())
        for name in names:
            page = chromium.new_page()
            page.set_default_timeout(120_000)
            film(page, server.url) if name == FILM else still(page, server.url, name)
            page.close()
            print(_path(f"{name}.webp" if name == FILM else f"{name}.png"))
