"""The runs that are shipped, so that there is a good picture before any click, and before torch.

`python -m ui.showcase` makes them again from the shipped models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

if TYPE_CHECKING:
    from dgm_core.studies import comparison
    from ui.inpainting.comparing import Progress

ASSETS = Path(__file__).parent.parent / "assets"
FILE = ASSETS / "inpainting.json"
SLOW_MOTION = ASSETS / "slow_motion.json"
COMPARISON = ASSETS / "comparison.npz"
MNAR = ASSETS / "mnar.npz"
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
    from ui.inpainting import comparing

    if not COMPARISON.is_file():
        return None
    return comparing.shipped(*read_comparison(COMPARISON))


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
    about = {"config": _with_text(vars(config)), "outcomes": fields}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with written_whole(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_comparison(path: Path) -> tuple[comparison.Config, list[comparison.Outcome]]:
    """What `write_comparison` wrote."""
    from dgm_core.studies.comparison import Calibration, Config, Outcome

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


def _with_text(config: dict[str, Any]) -> dict[str, Any]:
    return {k: v.hex() if k in BYTES else v for k, v in config.items()}


def _with_bytes(config: dict[str, Any]) -> dict[str, Any]:
    return {k: bytes.fromhex(v) if k in BYTES else v for k, v in config.items()}


def first_picture() -> tuple[np.ndarray, np.ndarray]:
    """The picture that a visitor meets first and its hidden pixels, both (28, 28) bool."""
    from dgm_core import data
    from dgm_core.missing import masks
    from ui.inpainting.pictures import SHOWN

    digits = data.load("digits", "test").x[:, 0]
    row = int(np.linspace(0, len(digits) - 1, SHOWN)[THUMBNAIL])
    return data.threshold(digits[row]).numpy().astype(bool), ~masks.top_half(28, 28).numpy()


def make() -> None:
    """Run the two samplers on the first picture, and write the file."""
    from dgm_core import zoo
    from dgm_core.files import written_whole
    from dgm_core.studies import inpainting
    from ui import figures
    from ui.inpainting import chain_panel

    truth, hidden = first_picture()
    config = inpainting.Config("digits-dlvm", inpainting.pack(truth), inpainting.pack(hidden))
    *frames, _ = inpainting.run(config, zoo.load(config.model))
    message = figures.chains(config, frames, run="shipped", state="finished", autoplay=True)
    story = chain_panel.message(config, frames, run="shipped", state="finished")
    with written_whole(FILE) as part:
        shipped = {"config": _with_text(vars(config)), "message": message, "story": story}
        part.write_text(json.dumps(shipped), encoding="utf-8")


def make_slow_motion() -> None:
    """Take apart iterations of the shipped run of the two samplers, and write the file."""
    from dgm_core import zoo
    from dgm_core.files import written_whole
    from dgm_core.studies import inpainting, slow_motion
    from ui.inpainting.slow_motion import message

    run = inpainting.Config(**st_showcase().config)
    config = slow_motion.Config(run, **TELLING)
    *_, result = slow_motion.run(config, zoo.load(run.model))
    shipped = {
        "config": vars(config) | {"run": _with_text(vars(run))},
        "message": message(config, result.moments, run="shipped"),
    }
    with written_whole(SLOW_MOTION) as part:
        part.write_text(json.dumps(shipped, ensure_ascii=False), encoding="utf-8")


def first_comparison() -> comparison.Config:
    """The methods that are compared at first, on the first picture."""
    from dgm_core.studies.comparison import Config
    from ui.inpainting.methods import first_choice

    truth, hidden = first_picture()
    chosen = tuple((name, ()) for name in first_choice("digits"))
    return Config(
        "digits", (truth * np.uint8(255)).tobytes(), np.packbits(hidden).tobytes(), chosen
    )


def make_comparison() -> None:
    """Run the methods that are compared at first, and write the file."""
    from dgm_core.studies import comparison

    config = first_comparison()
    *_, result = comparison.run(config)
    write_comparison(COMPARISON, config, [result.outcomes[name] for name, _ in config.methods])


if __name__ == "__main__":
    make()
    make_slow_motion()
    make_comparison()
