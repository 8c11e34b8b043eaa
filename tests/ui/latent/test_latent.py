"""Latents as links and files, pictures as PNG and GIF."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from dgm_core import zoo
from ui.latent import files, interpolate, links, position, sliders
from ui.latent.spaces import Space
from ui.own_digit import first_drawing

Z = np.random.default_rng(0).normal(size=48).astype(np.float32)


def test_a_latent_survives_its_address() -> None:
    text = links.packed(Z)
    assert text.replace("-", "").replace("_", "").isalnum()
    assert len(text) == 128
    np.testing.assert_allclose(links.unpacked(text, 48), Z, atol=0.5 / position.STEPS)
    assert np.abs(links.unpacked(links.packed(Z * 100), 48)).max() <= position.REACH


@pytest.mark.parametrize(
    "text", ["", "a", "!!!!", "AAAA", "é" * 8, "A" * 5000, "AA==AA", "../../etc", "null"]
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|bytes|long"):
        links.unpacked(text, 48)


def test_a_latent_survives_its_file() -> None:
    text = files.as_json("mnist-wgan", Z)
    np.testing.assert_allclose(files.from_json(text, "mnist-wgan", 48), Z, atol=3e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON"),
        ("{", "not the JSON"),
        ("[1, 2]", "contains no latent"),
        ('{"z": 3}', "contains no latent"),
        ('{"z": [1, 2]}', "belongs to another model"),
        ('{"model": "svhn-wgan", "z": [1, 2]}', "belongs to svhn-wgan"),
        ('{"model": "mnist-wgan", "z": [1, 2]}', "has 48 finite numbers"),
        (json.dumps({"model": "mnist-wgan", "z": [1.0] * 47 + [None]}), "48 finite"),
        (json.dumps({"model": "mnist-wgan", "z": [1.0] * 47 + [float("nan")]}), "48 finite"),
        (json.dumps({"model": "mnist-wgan", "z": [True] * 48}), "48 finite"),
        (json.dumps({"model": "mnist-wgan", "z": [10**400] * 48}), "48 finite"),
        ('{"model": "mnist-wgan", "z": [' + "9" * 10_000 + "]}", "not the JSON"),
        ("[" * 100_000, "not the JSON"),
        ('{"z":' * 20_000 + "1", "not the JSON"),
        ('{"z": [], "model": ' + "[" * 800 + "]" * 800 + "}", "belongs to another model|not the"),
        ('{"z": [], "model": "\\ud800"}', "belongs to another model"),
    ],
)
def test_an_invalid_file_gets_a_message(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        files.from_json(text, "mnist-wgan", 48)


def test_large_numbers_are_clipped() -> None:
    text = json.dumps({"model": "m", "z": [1e300, -1e300]})
    assert files.from_json(text, "m", 2).tolist() == [8, -8]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_enlarged_by_an_integer(channels: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (channels, 28, 28)).astype(np.uint8)
    image = Image.open(io.BytesIO(files.png(picture)))
    assert image.size == (392, 392)
    if channels == 1:
        assert np.array_equal(np.array(image)[7::14, 7::14], picture[0])


def test_a_gif_plays_forwards_and_backwards() -> None:
    track = np.stack([np.full((1, 8, 8), level, np.uint8) for level in (0, 80, 160, 240)])
    image = Image.open(io.BytesIO(files.gif([track, track], 1.2)))
    levels = []
    for number in range(image.n_frames):
        image.seek(number)
        levels.append(np.array(image.convert("L"))[50, 50])
    assert np.allclose(levels, [0, 80, 160, 240, 160, 80], atol=3)
    assert image.info["duration"] == 200


def test_the_first_drawing_is_one_stroke_in_the_middle() -> None:
    ink = first_drawing(28)
    assert 80 < ink.sum() < 160
    assert not ink[:3].any()
    assert not ink[-3:].any()
    middle = np.argwhere(ink).mean(0)
    assert np.abs(middle - 13.5).max() < 1.5


@pytest.mark.parametrize(("faded", "verdict"), [(-9.0, "has"), (-2.0, "does not have")])
def test_the_sentence_on_the_critic_is_made_from_its_scores(faded: float, verdict: str) -> None:
    pictures = np.zeros((3, 1, 2, 2), np.uint8)
    middles = {interpolate.LINEAR: -3.0, interpolate.SPHERICAL: -1.0, interpolate.FADE: faded}
    found = {
        name: interpolate.Path(pictures, np.array([-99.0, middle, 0.0]), 1.0)
        for name, middle in middles.items()
    }
    text = interpolate.middle_scores(found)
    assert f"The cross-fade {verdict} the lowest" in text
    assert f"latent, linear -3.0; latent, spherical -1.0; pixels, cross-fade {faded:.1f}." in text


def test_a_trait_that_the_images_seldom_show_has_no_slider() -> None:
    space = Space("celeba")
    names = sliders.labels(space, sliders.TRAITS)
    assert "smiling" in names
    assert "eyeglasses" not in names
    assert len(names) == len(sliders.vectors(space, sliders.TRAITS))
    beside = sliders.agreements(space, sliders.TRAITS)
    for name, text in zip(names, beside, strict=True):
        row = space.directions.traits.names.index(name)
        low, high = (f"{rate:.0%}"[:-1] for rate in space.directions.traits.hits[row].tolist())
        assert text == f"hits: {low}\u00a0% at −4, {high}\u00a0% at 4"
    about = sliders.about_hits(space)
    assert "eyeglasses (" in about.partition("Not offered")[2]
    right = zoo.card("celeba-classifier")["measured"]["of_each"]["smiling"]
    assert f"smiling {right:.0%}"[:-1] in about


def test_a_direction_keeps_its_number_when_it_loses_its_name() -> None:
    space = Space("celeba")
    found = space.directions.principal
    names = sliders.labels(space, sliders.PRINCIPAL)
    assert len(names) == len(found.names) == len(sliders.vectors(space, sliders.PRINCIPAL))
    tie = found.names.index("wearing necktie")
    assert not found.offered[tie]
    assert names[tie] == str(tie + 1)
    assert sliders.agreements(space, sliders.PRINCIPAL)[tie] == ""
