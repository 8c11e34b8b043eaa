"""The shipped run is a run of the shipped model on an image of scikit-learn."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest

from dgm_core import data, zoo
from dgm_core.studies.inpainting import comparison, two_samplers
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config
from ui.inpainting import shipped as showcase
from ui.inpainting.pictures import SHOWN


def test_the_image_is_the_marked_thumbnail_of_the_scikit_learn_digits() -> None:
    config = Config(**showcase.st_showcase().config)
    digits = data.threshold(data.load("digits", "test").x[:, 0]).numpy().astype(bool)
    row = int(np.linspace(0, len(digits) - 1, SHOWN)[showcase.THUMBNAIL])
    assert np.array_equal(config.original, digits[row])
    assert config.model == "digits-dlvm"


def test_the_images_are_those_of_the_shipped_model() -> None:
    """A repeated run gives the same posterior means; rounding may change single chains."""
    shipped = showcase.st_showcase()
    config = Config(**shipped.config)
    *_, last, _ = two_samplers.run(config, zoo.load(config.model))
    message = shipped.message
    assert message["numbers"] == config.frame_numbers()
    raw = np.frombuffer(zlib.decompress(base64.b64decode(message["frames"])), np.uint8)
    frame = raw.reshape(len(message["numbers"]), len(SAMPLERS), -1)[-1]
    for shown, name in zip(frame, SAMPLERS, strict=True):
        bits = config.chains * 28 * 28 // 8
        mean = shown[bits : bits + 784].reshape(28, 28) / 255
        off = np.abs(mean - last.samplers[name].mean)[~config.observed]
        assert off.mean() < 0.1, name


def test_the_diagnostics_are_those_of_the_same_run() -> None:
    """The shipped diagnostics have every frame of the player and stay below 300 kB."""
    shipped = showcase.st_showcase()
    found, config = shipped.diagnostics, Config(**shipped.config)
    assert found["run"] == shipped.message["run"]
    assert found["frames"] == shipped.message["numbers"]
    assert found["samplers"] == shipped.message["samplers"]
    assert [of[-1][0] for of in found["history"]] == [config.iterations] * len(SAMPLERS)
    for of, numbers in zip(found["history"], shipped.message["diagnostics"], strict=True):
        assert max(of[-1][1]) == pytest.approx(numbers["rhat"], abs=1e-3)
        assert min(of[-1][2]) == pytest.approx(numbers["ess"], abs=0.1)
    assert len(json.dumps(found)) < 300_000


def test_the_front_page_needs_no_torch() -> None:
    code = (
        "import sys, ui.frame, ui.inpainting.front, ui.components.live_chains\n"
        "import ui.components.chain_diagnostics\n"
        "assert not {'torch', 'sklearn', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_comparison_has_the_same_image_and_mask() -> None:
    config, outcomes = showcase.read_comparison(showcase.COMPARISON)
    first = Config(**showcase.st_showcase().config)
    assert np.array_equal(config.original[0], first.original)
    assert np.array_equal(config.observed, first.observed)
    assert config.dataset == "digits"
    assert [each.method for each in outcomes] == [name for name, _ in config.methods]
    assert {each.state for each in outcomes} == {"finished"}
    assert showcase.COMPARISON.stat().st_size < 400_000


def test_the_comparison_holds_the_results_of_the_shipped_models() -> None:
    """One-shot methods give the same result on any machine, except for rounding."""
    config, outcomes = showcase.read_comparison(showcase.COMPARISON)
    shipped = {each.method: each for each in outcomes}
    quick = tuple(pair for pair in config.methods if comparison.CATALOGUE[pair[0]].needs != "dlvm")
    assert len(quick) >= 4
    *_, result = comparison.run(replace(config, methods=quick))
    for name, outcome in result.outcomes.items():
        assert np.abs(outcome.mean - shipped[name].mean).mean() < 0.01, name
        assert abs(outcome.scores["F1"][0] - shipped[name].scores["F1"][0]) < 0.02, name
