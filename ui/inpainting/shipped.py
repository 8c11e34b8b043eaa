"""The runs that are shipped, so that there is a good picture before any click, and before torch.

`python -m ui.inpainting.make_shipped` makes them again from the shipped models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from ui.assets import ASSETS

if TYPE_CHECKING:
    from dgm_core.studies.inpainting import comparison
    from ui.inpainting.comparison_run import Progress

FILE = ASSETS / "inpainting.json"
SLOW_MOTION = ASSETS / "slow_motion.json"
COMPARISON = ASSETS / "comparison.npz"
TELLING = {"chain": 5, "first": 65, "count": 20}
"""A window of it in which proposals are accepted, by merit or luck, and better fits refused."""
THUMBNAIL = 8
"""Which of the thumbnails of all scikit-learn digits is shown."""


class Showcase(NamedTuple):
    """A finished run: the arguments of its `Config`, and the messages of it."""

    config: dict[str, Any]
    message: dict[str, Any]  # for the player
    story: dict[str, Any] | None = None  # for the chain story


@st.cache_resource(show_spinner=False)
def st_showcase() -> Showcase:
    """The shipped run of the two samplers."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    return Showcase(_with_bytes(read["config"]), read["message"], read["story"])


@st.cache_resource(show_spinner=False)
def st_slow_motion() -> Showcase:
    """The shipped window of that run; its config's `run` are the arguments of the run's."""
    read = json.loads(SLOW_MOTION.read_text(encoding="utf-8"))
    config = read["config"] | {"run": _with_bytes(read["config"]["run"])}
    return Showcase(config, read["message"])


@st.cache_resource(show_spinner=False)
def st_comparison() -> Progress | None:
    """The shipped run of all methods on the same picture and mask, if there is one."""
    from ui.inpainting import comparison_run

    if not COMPARISON.is_file():
        return None
    return comparison_run.shipped(*read_comparison(COMPARISON))


def write_comparison(
    path: Path, config: comparison.Config, outcomes: Sequence[comparison.Outcome]
) -> None:
    """One file: arrays in half precision, by the number of the outcome and what they are; the
    rest as JSON, under `about`."""
    from dgm_core.files import written_whole

    arrays: dict[str, np.ndarray] = {}
    fields = []
    for number, outcome in enumerate(outcomes):
        plain = outcome._asdict()
        pictures = {name: plain.pop(name) for name in PICTURES} | plain.pop("parts")
        arrays |= {
            f"{number} {name}": picture.astype(np.float16)
            for name, picture in pictures.items()
            if picture is not None
        }
        if (found := plain.pop("calibration")) is not None:
            plain["calibration"] = [found.kind, *(values.tolist() for values in found[1:])]
        curves = plain["curves"].items()
        plain["curves"] = {name: [axis.tolist() for axis in curve] for name, curve in curves}
        fields.append(plain)
    about = {"config": with_text(vars(config)), "outcomes": fields}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_comparison(path: Path) -> tuple[comparison.Config, list[comparison.Outcome]]:
    """What `write_comparison` wrote."""
    from dgm_core.studies.inpainting.comparison import Calibration, Config, Outcome

    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    outcomes = []
    for number, fields in enumerate(about["outcomes"]):
        mine = {
            name.split(" ", 1)[1]: array.astype(np.float32)
            for name, array in arrays.items()
            if name.split(" ", 1)[0] == str(number)
        }
        if (found := fields.pop("calibration", None)) is not None:
            fields["calibration"] = Calibration(found[0], *map(np.array, found[1:]))
        curves = fields["curves"].items()
        fields["curves"] = {name: tuple(map(np.array, curve)) for name, curve in curves}
        fields["scores"] = {name: tuple(score) for name, score in fields["scores"].items()}
        fields |= {name: mine.pop(name, None) for name in PICTURES}
        outcomes.append(Outcome(**fields, parts=mine))
    config = _with_bytes(about["config"])
    config["methods"] = tuple(
        (name, tuple(map(tuple, settings))) for name, settings in config["methods"]
    )
    return Config(**config), outcomes


BYTES = ("image", "hidden")
PICTURES = ("mean", "draws", "sd")


def with_text(config: dict[str, Any]) -> dict[str, Any]:
    return {k: v.hex() if k in BYTES else v for k, v in config.items()}


def _with_bytes(config: dict[str, Any]) -> dict[str, Any]:
    return {k: bytes.fromhex(v) if k in BYTES else v for k, v in config.items()}
