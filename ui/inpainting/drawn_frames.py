"""Frames of two samplers → pictures of both side by side, for files that stand alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dgm_core.studies.inpainting.two_samplers import SAMPLERS, SIDE, Config, Frame, SamplerFrame
from ui.components import SD_MAX

TILE = 4 * SIDE
"""Pixels along an edge of a large picture; a chain's is half of it."""
GAP = 8
LINE = 20
"""Height of a line of text."""
INK, MUTED, PAPER = (30, 34, 52), (96, 103, 128), (255, 255, 255)
HIDDEN = (122, 129, 163)
UNSURE = ((0, 0, 0), (74, 92, 211), (255, 255, 255))
"""From a standard deviation of 0 to the largest."""
TILES = ("seen", "draw", "mean", "std. deviation", "draws of the chains")


def frames(config: Config, shots: Iterable[Frame]) -> Iterator[Image.Image]:
    """Each of them, all of one size."""
    for shot in shots:
        yield frame(config, shot)


def frame(config: Config, shot: Frame) -> Image.Image:
    """A row a sampler: what it sees, its draw, mean and deviation, and the draws of its chains."""
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
    says = "" if np.isnan(acceptance) else f", acceptance {acceptance:.2f}"
    return f"{name[0].upper()}{name[1:]}{says}"


def _tiles(config: Config, sampler: SamplerFrame) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Where each picture goes, and its levels (H, W, 3), enlarged."""
    large = (seen(config), grey(sampler.draws[0]), grey(sampler.mean), unsure(sampler.sd))
    for column, picture in enumerate(large):
        yield (column * (TILE + GAP), 0), enlarged(picture, TILE // SIDE)
    half = TILE // 2
    for chain, draw in enumerate(sampler.draws):
        column, row = divmod(chain, 2)
        left = len(large) * (TILE + GAP) + column * (half + GAP)
        yield (left, row * half), enlarged(grey(draw), half // SIDE)


def seen(config: Config) -> np.ndarray:
    """The truth with its hidden pixels in one colour, (H, W, 3) uint8."""
    return np.where(config.observed[..., None], grey(config.truth), np.uint8(HIDDEN))


def grey(values: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1] → (H, W, 3) uint8."""
    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, -1)


def unsure(sd: np.ndarray) -> np.ndarray:
    """Standard deviations (H, W) in their colours, (H, W, 3) uint8."""
    at = np.linspace(0, SD_MAX, len(UNSURE))
    channels = [np.interp(sd, at, [colour[c] for colour in UNSURE]) for c in range(3)]
    return np.rint(np.stack(channels, -1)).astype(np.uint8)


def enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel `factor` times as large."""
    return picture.repeat(factor, 0).repeat(factor, 1)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
