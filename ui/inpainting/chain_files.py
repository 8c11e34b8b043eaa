"""Downloads of a run of two samplers: images, animation, arrays, settings, script."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from PIL import Image

from dgm_core.child_process import Pool
from dgm_core.stepwise import Steps, stepwise
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Frame
from ui.inpainting import drawn_frames
from ui.inpainting.animated import animated

MEMORY, SECONDS = 700 * 2**20, 60.0
"""Limits of the child process that makes an animation."""
_POOL = Pool(1)
ENLARGEMENT = 8
"""Factor by which a single panel is enlarged."""


def as_npz(config: Config, frames: Sequence[Frame], *, scored: bool = True) -> bytes:
    """Arrays of the original, the mask, and each sampler's last draws, mean and deviation.

    Names: `truth`, or `model_sample` if a model drew the image, and `observed` (H, W);
    `<sampler>_draws` (chains, H, W), `<sampler>_mean` and `<sampler>_sd` (H, W).
    """
    title = "truth" if scored else "model_sample"
    fields: dict[str, np.ndarray] = {title: config.original, "observed": config.observed}
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
    """PNG of both samplers at the last frame."""
    return _png(drawn_frames.frame(config, frames[-1]))


def panels_zip(config: Config, frames: Sequence[Frame], *, scored: bool = True) -> bytes:
    """ZIP of one PNG per panel at the last frame; `original` is `model sample` if not scored."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as folder:
        for name, levels in _panels(config, frames[-1], scored=scored):
            large = drawn_frames.enlarged(levels, ENLARGEMENT)
            folder.writestr(f"{name}.png", _png(Image.fromarray(large)))
    return buffer.getvalue()


def _panels(config: Config, shot: Frame, *, scored: bool) -> Iterator[tuple[str, np.ndarray]]:
    yield "original" if scored else "model sample", drawn_frames.grey(config.original)
    yield "observed", drawn_frames.observed(config)
    for name in SAMPLERS:
        sampler = shot.samplers[name]
        yield f"{name} mean", drawn_frames.grey(sampler.mean)
        yield f"{name} standard deviation", drawn_frames.sd_colours(sampler.sd)
        for chain, draw in enumerate(sampler.draws, 1):
            yield f"{name} draw of chain {chain}", drawn_frames.grey(draw)


def mask_png(config: Config) -> bytes:
    """PNG of the mask in its own size, white = hidden; "Upload a mask" reads it."""
    return _png(Image.fromarray(np.uint8(255) * ~config.observed))


@stepwise
def animation(config: Config, frames: Sequence[Frame], kind: str) -> Steps[bytes]:
    """An endless animation of all frames; `kind` is "GIF" or "WebP"."""
    pictures = []
    for shot in frames:
        pictures.append(_png(drawn_frames.frame(config, shot), compress_level=1))
        yield
    encode = partial(_POOL.steps, memory=MEMORY, seconds=SECONDS)
    return (yield from encode(animated, pictures, kind))


def settings_json(config: Config) -> str:
    """The arguments of `Config` as JSON; image and mask are packed bits in hexadecimal."""
    plain = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in dataclasses.asdict(config).items()
    }
    return json.dumps(plain, indent=1)


def script(config: Config, *, scored: bool = True) -> str:
    """Ten lines of Python that repeat the run."""
    result = "each.summary" if scored else "each.summary._replace(f1=None, f1_error=None)"
    return f"""from dgm_core import zoo
from dgm_core.studies.inpainting.two_samplers import Config, run

image = bytes.fromhex("{config.image.hex()}")
hidden = bytes.fromhex("{config.hidden.hex()}")
config = Config("{config.model}", image, hidden, iterations={config.iterations},
                warmup={config.warmup}, chains={config.chains}, seed={config.seed},
                initialisation="{config.initialisation}", thin={config.thin})
*_, result = run(config, zoo.load(config.model))
print({{name: {result} for name, each in result.frames[-1].samplers.items()}})
"""


def _png(picture: Image.Image, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()
