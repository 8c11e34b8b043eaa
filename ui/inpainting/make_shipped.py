"""Make the shipped runs of this lab again: `python -m ui.inpainting.make_shipped`."""

from __future__ import annotations

import json

import numpy as np

from dgm_core import data, zoo
from dgm_core.files import written_whole
from dgm_core.missing import masks
from dgm_core.studies.inpainting import comparison, slow_motion, two_samplers
from ui.inpainting import chain_panel, player_data
from ui.inpainting.methods import first_choice
from ui.inpainting.pictures import ORIGINS, SHOWN
from ui.inpainting.shipped import (
    COMPARISON,
    FILE,
    SLOW_MOTION,
    THUMBNAIL,
    WINDOW,
    st_showcase,
    with_text,
    write_comparison,
)
from ui.inpainting.slow_motion import message as slow_motion_message


def first_picture() -> tuple[np.ndarray, np.ndarray]:
    """The image that the page shows first and its hidden pixels, both (28, 28) bool."""
    digits = data.load("digits", "test").x[:, 0]
    row = int(np.linspace(0, len(digits) - 1, SHOWN)[THUMBNAIL])
    return data.threshold(digits[row]).numpy().astype(bool), ~masks.top_half(28, 28).numpy()


def make() -> None:
    """Run the two samplers on the first image and write the file."""
    original, hidden = first_picture()
    config = two_samplers.Config(
        "digits-dlvm", two_samplers.pack(original), two_samplers.pack(hidden)
    )
    *frames, _ = two_samplers.run(config, zoo.load(config.model))
    message = player_data.chains(
        config, frames, run="shipped", state="finished", origin=ORIGINS["Pick"], autoplay=True
    )
    diagnostics = chain_panel.message(config, frames, run="shipped", state="finished")
    with written_whole(FILE) as part:
        shipped = {
            "config": with_text(vars(config)),
            "message": message,
            "diagnostics": diagnostics,
        }
        part.write_text(json.dumps(shipped), encoding="utf-8")


def make_slow_motion() -> None:
    """Record iterations of the shipped run of the two samplers and write the file."""
    run = two_samplers.Config(**st_showcase().config)
    config = slow_motion.Config(run, **WINDOW)
    *_, result = slow_motion.run(config, zoo.load(run.model))
    shipped = {
        "config": vars(config) | {"run": with_text(vars(run))},
        "message": slow_motion_message(config, result.moments, run="shipped"),
    }
    with written_whole(SLOW_MOTION) as part:
        part.write_text(json.dumps(shipped, ensure_ascii=False), encoding="utf-8")


def first_comparison() -> comparison.Config:
    """The methods that are compared at first, on the first image."""
    original, hidden = first_picture()
    methods = tuple((name, ()) for name in first_choice("digits"))
    return comparison.Config(
        "digits", (original * np.uint8(255)).tobytes(), np.packbits(hidden).tobytes(), methods
    )


def make_comparison() -> None:
    """Run the methods that are compared at first and write the file."""
    config = first_comparison()
    *_, result = comparison.run(config)
    write_comparison(COMPARISON, config, [result.outcomes[name] for name, _ in config.methods])


if __name__ == "__main__":
    make()
    make_slow_motion()
    make_comparison()
