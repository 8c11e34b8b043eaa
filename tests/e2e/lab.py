"""The inpainting lab as a page object."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page

from tests.e2e import page_helpers

SHORT = "Inpainting?iterations=100"
"""The lab with short runs: most tests are about the page, not about the samplers."""


class Lab:
    """The lab's page, after its first image is shown."""

    def __init__(self, page: Page, url: str, path: str = SHORT) -> None:
        self.page = page
        page.goto(f"{url}/{path}")
        self.player = page.locator(".player")
        self.player.wait_for()
        self.settle()

    def settle(self) -> None:
        page_helpers.settle(self.page)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def preset(self, name: str, side: int = 28) -> None:
        own = "" if side == 28 else f"-{side}"
        self.page.locator(f".st-key-presets{own}").get_by_text(name, exact=True).click()


def png(pixels: np.ndarray) -> bytes:
    """PNG file of an image (H, W) or (H, W, 3), uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
