"""The shipped run is one of the shipped model, on a picture of scikit-learn's, as it says."""

from __future__ import annotations

import base64
import subprocess
import sys
import zlib

import numpy as np

from dgm_core import data, zoo
from dgm_core.studies import inpainting
from dgm_core.studies.inpainting import SAMPLERS, Config
from ui import showcase
from ui.inputs import SHOWN


def test_it_is_the_marked_thumbnail_of_scikit_learns_digits() -> None:
    config = Config(**showcase.st_showcase().config)
    digits = data.threshold(data.load("digits", "test").x[:, 0]).numpy().astype(bool)
    row = int(np.linspace(0, len(digits) - 1, SHOWN)[showcase.THUMBNAIL])
    assert np.array_equal(config.truth, digits[row])
    assert config.model == "digits-dlvm"


def test_its_pictures_are_those_of_the_shipped_model() -> None:
    """Run again, the posterior means agree; rounding may part the chains on another machine."""
    shipped = showcase.st_showcase()
    config = Config(**shipped.config)
    *_, last, _ = inpainting.run(config, zoo.load(config.model))
    message = shipped.message
    assert message["numbers"] == config.frame_numbers()
    raw = np.frombuffer(zlib.decompress(base64.b64decode(message["frames"])), np.uint8)
    frame = raw.reshape(len(message["numbers"]), len(SAMPLERS), -1)[-1]
    for shown, name in zip(frame, SAMPLERS, strict=True):
        bits = config.chains * 28 * 28 // 8
        mean = shown[bits : bits + 784].reshape(28, 28) / 255
        off = np.abs(mean - last.samplers[name].mean)[~config.observed]
        assert off.mean() < 0.1, name


def test_the_front_door_needs_no_torch() -> None:
    code = (
        "import sys, ui.frame, ui.showcase, ui.components.chain_player\n"
        "assert not {'torch', 'sklearn', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
