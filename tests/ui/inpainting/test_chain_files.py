"""Downloads of the two samplers."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from dgm_core.missing import masks
from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.rng import generator
from dgm_core.stepwise import finished
from dgm_core.studies.inpainting import two_samplers
from dgm_core.studies.inpainting.two_samplers import Config, Frame, Result
from ui.inpainting import chain_files, drawn_frames, run_downloads


def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fully_connected_dlvm(latent_dim=5, hidden=24).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def config() -> Config:
    original = masks.box(28, 28, 8, 8, 12, 6).logical_not().numpy()
    hidden = ~masks.random_pixels(28, 28, 0.5, generator(1)).numpy()
    pack = two_samplers.pack
    return Config("tiny", pack(original), pack(hidden), 30, 5, 3, seed=4)


@pytest.fixture(scope="module")
def frames(config: Config) -> list[Frame]:
    *shots, _ = two_samplers.run(config, model())
    return shots


def test_arrays_are_those_of_the_last_frame(config: Config, frames: list[Frame]) -> None:
    with np.load(io.BytesIO(chain_files.as_npz(config, frames))) as file:
        last = frames[-1].samplers["Metropolis-within-Gibbs"]
        assert np.array_equal(file["metropolis_within_gibbs_draws"], last.draws)
        assert np.array_equal(file["metropolis_within_gibbs_mean"], last.mean)
        assert np.array_equal(file["observed"], config.observed)


def test_every_panel_is_a_separate_image(config: Config, frames: list[Frame]) -> None:
    with zipfile.ZipFile(io.BytesIO(chain_files.panels_zip(config, frames))) as folder:
        assert len(folder.namelist()) == 2 + 2 * (2 + config.chains)
        with Image.open(folder.open("pseudo-Gibbs mean.png")) as picture:
            small = np.asarray(picture)[4::8, 4::8, 0]
        mean = frames[-1].samplers["pseudo-Gibbs"].mean
        assert np.array_equal(small, np.rint(mean * 255).astype(np.uint8))


def test_a_sample_of_a_model_is_not_called_an_original(
    config: Config, frames: list[Frame]
) -> None:
    with np.load(io.BytesIO(chain_files.as_npz(config, frames, scored=False))) as file:
        assert "truth" not in file
        assert np.array_equal(file["model_sample"], config.original)
    panels = chain_files.panels_zip(config, frames, scored=False)
    with zipfile.ZipFile(io.BytesIO(panels)) as folder:
        assert "model sample.png" in folder.namelist()
        assert "original.png" not in folder.namelist()
    script = chain_files.script(config, scored=False)
    compile(script, "again.py", "exec")
    assert "f1=None, f1_error=None" in script


@pytest.mark.parametrize("kind", ["GIF", "WebP"])
def test_the_animation_has_every_frame(config: Config, frames: list[Frame], kind: str) -> None:
    with Image.open(io.BytesIO(chain_files.animation(config, frames, kind))) as film:
        assert film.format == kind.upper()
        assert film.n_frames == len(frames)
        assert film.size == drawn_frames.frame(config, frames[-1]).size


def test_the_mask_is_white_where_pixels_are_hidden(config: Config) -> None:
    with Image.open(io.BytesIO(chain_files.mask_png(config))) as picture:
        assert np.array_equal(np.asarray(picture) > 127, ~config.observed)


def test_settings_make_the_same_config(config: Config) -> None:
    plain = json.loads(chain_files.settings_json(config))
    for name in ("image", "hidden"):
        plain[name] = bytes.fromhex(plain[name])
    assert Config(**plain) == config


def test_the_script_makes_the_same_run(
    config: Config, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = chain_files.script(config)
    assert len(script.strip().splitlines()) <= 10
    monkeypatch.setattr("dgm_core.zoo.load", lambda name: model())
    made: dict[str, object] = {}
    exec(script, made)
    assert made["config"] == config
    result = made["result"]
    assert isinstance(result, Result)
    for name, shot in frames[-1].samplers.items():
        assert np.array_equal(result.frames[-1].samplers[name].draws, shot.draws)


def test_an_existing_run_is_not_repeated(config: Config, frames: list[Frame]) -> None:
    class Done:
        items = (*frames, Result(config, frames, {}, {}))

    assert finished(run_downloads._frames(config, Done())) == frames
