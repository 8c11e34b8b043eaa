"""What a visitor takes home of two samplers: pictures, animation, arrays, settings, script."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Frame
from ui.inpainting import drawn_frames

PACE = 50
"""Milliseconds a picture of an animation."""
REST = 2000
"""Milliseconds that the last one stays."""
COLOURS = 64
"""Of a GIF."""
QUALITY = 80
"""Of a WebP, in percent."""
ENLARGED = 8
"""How much larger a pixel of a single panel is drawn."""


def as_npz(config: Config, frames: Sequence[Frame]) -> bytes:
    """Truth, mask, and each sampler's last draws (chains, H, W), mean and deviation (H, W)."""
    fields: dict[str, np.ndarray] = {"truth": config.truth, "observed": config.observed}
    for name in SAMPLERS:
        shot, short = frames[-1].samplers[name], name.replace("-", "_").lower()
        fields |= {
            f"{short}_draws": shot.draws,
            f"{short}_mean": shot.mean,
            f"{short}_sd": shot.sd,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **fields)
    return buffer.getvalue()


def comparison_png(config: Config, frames: Sequence[Frame]) -> bytes:
    """Both samplers at the end."""
    return _png(drawn_frames.frame(config, frames[-1]))


def panels_zip(config: Config, frames: Sequence[Frame]) -> bytes:
    """Every panel at the end as a PNG of its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as folder:
        for name, levels in _panels(config, frames[-1]):
            large = drawn_frames.enlarged(levels, ENLARGED)
            folder.writestr(f"{name}.png", _png(Image.fromarray(large)))
    return buffer.getvalue()


def _panels(config: Config, shot: Frame) -> Iterator[tuple[str, np.ndarray]]:
    yield "truth", drawn_frames.grey(config.truth)
    yield "seen", drawn_frames.seen(config)
    for name in SAMPLERS:
        sampler = shot.samplers[name]
        yield f"{name} mean", drawn_frames.grey(sampler.mean)
        yield f"{name} standard deviation", drawn_frames.unsure(sampler.sd)
        for chain, draw in enumerate(sampler.draws, 1):
            yield f"{name} draw of chain {chain}", drawn_frames.grey(draw)


def mask_png(config: Config) -> bytes:
    """White = hidden, a pixel a pixel: what "Upload a mask" takes."""
    return _png(Image.fromarray(np.uint8(255) * ~config.observed))


def animation(config: Config, frames: Sequence[Frame], kind: str) -> bytes:
    """All frames one after the other, "GIF" or "WebP", without end."""
    pictures = list(drawn_frames.frames(config, frames))
    if kind == "GIF":  # one table of colours, so that nothing flickers
        table = pictures[-1].quantize(COLOURS, dither=Image.Dither.NONE)
        pictures = [each.quantize(palette=table, dither=Image.Dither.NONE) for each in pictures]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        kind,
        save_all=True,
        append_images=pictures[1:],
        duration=[PACE] * (len(pictures) - 1) + [REST],
        loop=0,
        quality=QUALITY,
    )
    return buffer.getvalue()


def settings_json(config: Config) -> str:
    """The arguments of `Config`; image and mask as hexadecimal digits of their packed bits."""
    plain = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in dataclasses.asdict(config).items()
    }
    return json.dumps(plain, indent=1)


def script(config: Config) -> str:
    """Ten lines of Python that make the same run."""
    return f"""from dgm_core import zoo
from dgm_core.studies.inpainting.two_samplers import Config, run

image = bytes.fromhex("{config.image.hex()}")
hidden = bytes.fromhex("{config.hidden.hex()}")
config = Config("{config.model}", image, hidden, iterations={config.iterations},
                warmup={config.warmup}, chains={config.chains}, seed={config.seed},
                initialisation="{config.initialisation}", thin={config.thin})
*_, result = run(config, zoo.load(config.model))
print({{name: each.summary for name, each in result.frames[-1].samplers.items()}})
"""


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
