"""The shipped runs, which a page shows at once and without importing torch.

`python -m ui.inpainting.make_shipped` makes them again from the shipped models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS

if TYPE_CHECKING:
    from dgm_core.studies.inpainting import comparison
    from ui.inpainting.comparison_run import Progress

FILE = ASSETS / "inpainting.json"
SLOW_MOTION = ASSETS / "slow_motion.json"
COMPARISON = ASSETS / "comparison.npz"
WINDOW = {"chain": 5, "first": 65, "count": 20}
"""Iterations shown in slow motion: some proposals are accepted, some that fit better rejected."""
THUMBNAIL = 8
"""Index of the chosen thumbnail among those of all scikit-learn digits."""


class Showcase(NamedTuple):
    """A finished run: the arguments of its `Config`, and its messages for the components."""

    config: dict[str, Any]
    message: dict[str, Any]  # for the player
    diagnostics: dict[str, Any] | None = None  # for the component of chain diagnostics


@st.cache_resource(show_spinner=False)
def st_showcase() -> Showcase:
    """The shipped run of the two samplers."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    return Showcase(_with_bytes(read["config"]), read["message"], read["diagnostics"])


@st.cache_resource(show_spinner=False)
def st_slow_motion() -> Showcase:
    """The shipped slow motion of that run; `config["run"]` are the arguments of the run."""
    read = json.loads(SLOW_MOTION.read_text(encoding="utf-8"))
    config = read["config"] | {"run": _with_bytes(read["config"]["run"])}
    return Showcase(config, read["message"])


@st.cache_resource(show_spinner=False)
def st_comparison() -> Progress | None:
    """The shipped run of all methods on the same image and mask, if there is one."""
    from ui.inpainting import comparison_run

    if not COMPARISON.is_file():
        return None
    return comparison_run.shipped(*read_comparison(COMPARISON))


def write_comparison(
    path: Path, config: comparison.Config, outcomes: Sequence[comparison.Outcome]
) -> None:
    """Write one file: arrays in half precision, named "<number of the outcome> <name>", and the
    rest as JSON under `about`."""
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
    """Read a file of `write_comparison`."""
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
