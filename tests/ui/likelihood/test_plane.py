"""The view of missing pixels: pixels in links, and the study's items as player messages."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from dgm_core.models.dlvm import fully_connected_dlvm
from dgm_core.studies.inpainting.two_samplers import pack as pack_image
from dgm_core.studies.likelihood import plane_history
from dgm_core.studies.likelihood.latent_plane import Config
from ui.components.bits import pack
from ui.likelihood import plane_choice, plane_frames


@pytest.mark.parametrize("name", plane_choice.SHAPES)
def test_each_shape_hides_some_pixels_but_not_all(name: str) -> None:
    observed = plane_choice.SHAPES[name]().numpy()
    assert observed.shape == (28, 28)
    assert 0 < observed.sum() < observed.size
    assert plane_choice.read_mask(name) == name


def test_a_corner_is_a_quarter_of_the_image() -> None:
    observed = plane_choice.SHAPES["all but a corner"]().numpy()
    assert observed.sum() == 14 * 14


def test_pixels_in_an_address_are_read() -> None:
    drawn = np.random.default_rng(0).random((28, 28)) < 0.3
    text = plane_choice.read_mask(pack(drawn))
    np.testing.assert_array_equal(plane_choice.bits(text), drawn)
    for junk in ("", "top", "<script>", pack(drawn)[:-4], "A" * 400, "é" * 132):
        with pytest.raises(ValueError, match=r".*"):
            plane_choice.read_mask(junk)


def test_the_message_holds_the_items_of_the_study() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = fully_connected_dlvm(latent_dim=2, hidden=16).eval().requires_grad_(False)
    hidden = np.zeros((28, 28), bool)
    hidden[:14] = True
    original = np.random.default_rng(1).random((28, 28)) < 0.4
    config = Config(
        "any",
        pack_image(original),
        pack_image(hidden),
        iterations=7,
        warmup=2,
        side=41,
        chains=3,
        completions=4,
    )
    ground, *parts, result = plane_history.run(config, model, together=3)
    tracks = plane_frames.tracks(config, parts)
    for name, every in result.moves.items():
        one = tracks[name]
        np.testing.assert_array_equal(one.after, np.stack([each.after for each in every]))
        np.testing.assert_array_equal(one.draws[:, :, ~hidden][0, 0], original[~hidden])
        assert [iteration for iteration, _ in one.distance] == [3, 6, 7]
    # LAIR proposes 3 + 1; its warm-up, pseudo-Gibbs, has no fourth.
    assert np.isnan(tracks["LAIR"].proposed[:2, 3]).all()
    assert not np.isnan(tracks["LAIR"].proposed[2:]).any()
    sent = plane_frames.message(config, ground, parts, run="a", state="finished")
    assert (sent["count"], sent["chains"], sent["state"]) == (7, 3, "finished")
    none = plane_frames.message(config, ground, [], run="a", state="running")
    assert none["samplers"] == []
    with np.load(io.BytesIO(plane_frames.as_npz(config, ground, parts))) as file:
        np.testing.assert_array_equal(file["LAIR/after"], tracks["LAIR"].after)
        assert file["posterior/mean image"].shape == (28, 28)
