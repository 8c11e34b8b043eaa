"""Animated images; a child process imports this quickly."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

FRAME_TIME = 50
"""Milliseconds for each frame."""
LAST_FRAME_TIME = 2000
"""Milliseconds for the last frame."""
COLOURS = 64
"""Number of colours of a GIF."""
QUALITY = 80
"""Quality of a WebP, in percent."""


def animated(pictures: Sequence[bytes], kind: str) -> bytes:
    """An endless animation of PNG files of one size; `kind` is "GIF" or "WebP"."""
    frames = [_opened(each) for each in pictures]
    if kind == "GIF":  # one table of colours for all frames avoids flicker
        table = frames[-1].quantize(COLOURS, dither=Image.Dither.NONE)
        dither = Image.Dither.NONE
        frames = [_opened(each).quantize(palette=table, dither=dither) for each in pictures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        kind,
        save_all=True,
        append_images=frames[1:],
        duration=[FRAME_TIME] * (len(frames) - 1) + [LAST_FRAME_TIME],
        loop=0,
        quality=QUALITY,
    )
    return buffer.getvalue()


def _opened(picture: bytes) -> Image.Image:
    """A picture that is decoded when it is used, and then takes much memory."""
    return Image.open(io.BytesIO(picture))
