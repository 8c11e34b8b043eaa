"""Frames of two samplers drawn as images, for the downloads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dgm_core.data.sizes import DIGIT_SIDE
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Frame, SamplerFrame
from ui.components import SD_MAX
from ui.method_titles import title

TILE = 4 * DIGIT_SIDE
"""Side of a large image in pixels; the draw of a chain has half of it."""
GAP = 8
LINE = 20
"""Height of a line of text in pixels."""
INK, MUTED, PAPER = (30, 34, 52), (96, 103, 128), (255, 255, 255)
HIDDEN = (122, 129, 163)
SD_COLOURS = ((0, 0, 0), (74, 92, 211), (255, 255, 255))
"""From a standard deviation of 0 to the largest one."""
TILES = ("observed", "draw", "mean", "std. deviation", "draws of the chains")


def frame(config: Config, shot: Frame) -> Image.Image:
    """One row per sampler: observed pixels, draw, mean, deviation, and the draws of its chains."""
    columns = -(-config.chains // 2)
    width = 4 * (TILE + GAP) + columns * (TILE // 2 + GAP) - GAP
    height = LINE + len(SAMPLERS) * (LINE + TILE + GAP) + GAP
    image = Image.new("RGB", (max(width, 640), height), PAPER)
    pen = ImageDraw.Draw(image)
    for column, name in enumerate(TILES):
        pen.text((column * (TILE + GAP), 2), name, MUTED, _font(12))
    iteration = f"iteration {shot.iteration} of {config.iterations}"
    pen.text((image.width, 2), iteration, MUTED, _font(12), anchor="ra")
    for row, name in enumerate(SAMPLERS):
        top = LINE + row * (LINE + TILE + GAP)
        sampler = shot.samplers[name]
        pen.text((0, top + 2), _title(name, sampler), INK, _font(13))
        for at, picture in _tiles(config, sampler):
            image.paste(Image.fromarray(picture), (at[0], top + LINE + at[1]))
    return ImageOps.expand(image, GAP, PAPER)


def _title(name: str, sampler: SamplerFrame) -> str:
    acceptance = sampler.summary.acceptance
    rate = "" if np.isnan(acceptance) else f", acceptance {acceptance:.2f}"
    return f"{title(name)}{rate}"


def _tiles(config: Config, sampler: SamplerFrame) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Position and enlarged levels (H, W, 3) of each image."""
    large = (observed(config), grey(sampler.draws[0]), grey(sampler.mean), sd_colours(sampler.sd))
    for column, picture in enumerate(large):
        yield (column * (TILE + GAP), 0), enlarged(picture, TILE // DIGIT_SIDE)
    half = TILE // 2
    for chain, draw in enumerate(sampler.draws):
        column, row = divmod(chain, 2)
        left = len(large) * (TILE + GAP) + column * (half + GAP)
        yield (left, row * half), enlarged(grey(draw), half // DIGIT_SIDE)


def observed(config: Config) -> np.ndarray:
    """The original with its hidden pixels in one colour, (H, W, 3) uint8."""
    return np.where(config.observed[..., None], grey(config.original), np.uint8(HIDDEN))


def grey(values: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1] → (H, W, 3) uint8."""
    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, -1)


def sd_colours(sd: np.ndarray) -> np.ndarray:
    """Standard deviations (H, W) as colours, (H, W, 3) uint8."""
    at = np.linspace(0, SD_MAX, len(SD_COLOURS))
    channels = [np.interp(sd, at, [colour[c] for colour in SD_COLOURS]) for c in range(3)]
    return np.rint(np.stack(channels, -1)).astype(np.uint8)


def enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    """The image enlarged by a whole factor."""
    return picture.repeat(factor, 0).repeat(factor, 1)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
