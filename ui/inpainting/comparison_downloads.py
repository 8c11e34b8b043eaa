"""Downloads of a comparison: the table as CSV, the images and arrays as ZIP."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

from dgm_core.studies.inpainting.comparison import Config, Outcome
from ui.components import SD_MAX

IMAGE_SIDE = 256
"""Approximate side of an image in a file, in pixels."""
GAP = 2
"""White pixels between draws, before enlargement."""
HIDDEN = (76, 95, 213)
"""Colour of hidden pixels in `problem.png`."""


def as_csv(outcomes: Sequence[Outcome], definitions: Mapping[str, str]) -> str:
    """One row per method and score, with the definition of the score; the time is a score too."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["method", "state", "score", "value", "Monte-Carlo error", "definition"])
    for outcome in outcomes:
        if outcome.mean is None:
            continue
        for name, (value, error) in outcome.scores.items():
            row = [name, _number(value), _number(error), definitions.get(name, "")]
            rows.writerow([outcome.method, outcome.state, *row])
        seconds = [
            "seconds",
            _number(outcome.seconds),
            "",
            "Computing time without loading the model.",
        ]
        rows.writerow([outcome.method, outcome.state, *seconds])
    return file.getvalue()


def as_zip(config: Config, outcomes: Sequence[Outcome], *, scored: bool = True) -> bytes:
    """PNGs of problem, original, means, standard deviations, draws; `arrays.npz`; `again.py`.

    The script reads the image and its mask from the arrays and runs the same comparison.

    Args:
        config: of the comparison.
        outcomes: of its methods.
        scored: whether the image is an original; else it is named "model sample", and the script
            prints no scores.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as folder:
        for name, levels in _pictures(config, outcomes, _name(scored)):
            folder.writestr(f"{name}.png", _png(levels, _factor(config)))
        for outcome in outcomes:
            if outcome.draws is not None and len(outcome.draws):
                sheet = _sheet([_levels(draw) for draw in outcome.draws])
                name = f"{_file_name(outcome.method)} draws"
                folder.writestr(f"{name}.png", _png(sheet, max(1, _factor(config) // 2)))
        folder.writestr("arrays.npz", _arrays(config, outcomes, _name(scored)))
        folder.writestr("again.py", script(config, scored=scored))
    return buffer.getvalue()


def _name(scored: bool) -> str:
    return "original" if scored else "model sample"


def script(config: Config, *, scored: bool = True) -> str:
    """Ten lines of Python that run the same comparison, in the folder of `arrays.npz`."""
    result = "outcome.scores" if scored else "outcome.diagnostics"
    return f"""import numpy as np
from dgm_core.studies.inpainting.comparison import Config, run

arrays = np.load("arrays.npz")
image = np.rint(arrays["{_name(scored)}"] * 255).astype(np.uint8).tobytes()
hidden = np.packbits(~arrays["observed"]).tobytes()
methods = {config.methods!r}
*_, result = run(Config("{config.dataset}", image, hidden, methods, seed={config.seed}))
for name, outcome in result.outcomes.items():
    print(name, {result})
"""


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _pictures(
    config: Config, outcomes: Iterable[Outcome], title: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and levels (H, W, 3) of each image."""
    original = _levels(config.original)
    yield title, original
    yield "problem", np.where(config.observed[..., None], original, np.uint8(HIDDEN))
    for outcome in outcomes:
        if outcome.mean is None:
            continue
        name = _file_name(outcome.method)
        yield f"{name} mean", _levels(outcome.mean)
        if outcome.sd is not None:
            yield f"{name} standard deviation", _levels(outcome.sd / SD_MAX)


def _factor(config: Config) -> int:
    """Factor by which an image is enlarged."""
    return max(1, IMAGE_SIDE // config.shape[1])


def _file_name(method: str) -> str:
    return method.replace("/", " ")


def _levels(picture: np.ndarray) -> np.ndarray:
    """(C, H, W) in [0, 1] → (H, W, 3) uint8."""
    levels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Images in rows and columns with white gaps."""
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height, width = (side + GAP for side in pictures[0].shape[:2])
    sheet = np.full((rows * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * height, i % columns * width
        sheet[top : top + height - GAP, left : left + width - GAP] = picture
    return sheet


def _png(levels: np.ndarray, factor: int) -> bytes:
    """PNG file of an image enlarged by a whole factor."""
    file = io.BytesIO()
    Image.fromarray(levels.repeat(factor, 0).repeat(factor, 1)).save(file, "PNG")
    return file.getvalue()


def _arrays(config: Config, outcomes: Iterable[Outcome], title: str) -> bytes:
    """The image by its title, `observed`, and `<method>/<mean, sd, draws>`, float32 (C, H, W)."""
    fields = {title: config.original, "observed": config.observed}
    for outcome in outcomes:
        for what in ("mean", "sd", "draws"):
            if (values := getattr(outcome, what)) is not None:
                fields[f"{_file_name(outcome.method)}/{what}"] = values
    file = io.BytesIO()
    np.savez_compressed(file, **fields)
    return file.getvalue()
