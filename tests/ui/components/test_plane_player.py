"""Python side of the plane player: the message holds the steps of the samplers."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest

from ui.components.bits import pack
from ui.components.plane_player import (
    DEPTH,
    NOWHERE,
    REACH,
    Density,
    Ellipse,
    Track,
    encode_tracks,
    plane_message,
)

T, C, P, SIDE = 3, 2, 3, 5
HIDDEN = np.random.default_rng(9).random((SIDE, SIDE)) < 0.6


def track(seed: int, **changes: Any) -> Track:
    source = np.random.default_rng(seed)
    factor = np.tril(source.random((T, C, 2, 2)) + 0.1)
    proposed = source.normal(size=(T, P, 2))
    proposed[0, -1] = np.nan
    values: dict[str, Any] = {
        "start": source.normal(size=(C, 2)),
        "after": source.normal(size=(T, C, 2)),
        "proposed": proposed,
        "log_ratio": source.normal(size=(T, P)),
        "accepted": source.random((T, P)) < 0.5,
        "mean": source.normal(size=(T, C, 2)),
        "covariance": factor @ np.swapaxes(factor, -1, -2),
        "log_posterior": source.normal(size=(T, C)),
        "taken": source.random(T),
        "draws": source.random((T, C, SIDE, SIDE)) < 0.5,
        "distance": [(2, 0.5), (3, 0.25)],
    }
    return Track(**(values | changes))


def read(text: str, count: int) -> list[dict[str, np.ndarray]]:
    """Naive decoder of the format for each sampler."""
    raw, at, tracks = zlib.decompress(base64.b64decode(text)), 0, []
    bits = (int(HIDDEN.sum()) + 7) // 8
    layout = [
        ("log_ratio", "<f4", (T, P)),
        ("log_posterior", "<f4", (T, C)),
        ("taken", "<f4", (T,)),
        ("after", "<i2", (T, C, 2)),
        ("proposed", "<i2", (T, P, 2)),
        ("mean", "<i2", (T, C, 2)),
        ("factor", "<i2", (T, C, 3)),
        ("accepted", "u1", (T, P)),
        ("bits", "u1", (T, C, bits)),
    ]
    for _ in range(count):
        found = {}
        for name, kind, shape in layout:
            size = int(np.prod(shape)) * np.dtype(kind).itemsize
            found[name] = np.frombuffer(raw[at : at + size], kind).reshape(shape)
            at += size
        tracks.append(found)
    assert at == len(raw)
    return tracks


def test_tracks_survive_the_round_trip() -> None:
    sent = [track(0), track(1)]
    for one, found in zip(sent, read(encode_tracks(sent, HIDDEN), 2), strict=True):
        unit = REACH / 32767
        for name in ("log_ratio", "log_posterior", "taken"):
            np.testing.assert_allclose(found[name], getattr(one, name), rtol=1e-6)
        for name in ("after", "mean"):
            np.testing.assert_allclose(found[name] * unit, getattr(one, name), atol=unit)
        there = found["proposed"] != NOWHERE
        np.testing.assert_array_equal(there, ~np.isnan(one.proposed))
        np.testing.assert_allclose(found["proposed"][there] * unit, one.proposed[there], atol=unit)
        l11, l21, l22 = np.moveaxis(found["factor"] * unit, -1, 0)
        np.testing.assert_allclose(l11**2, one.covariance[..., 0, 0], atol=2e-3)
        np.testing.assert_allclose(l11 * l21, one.covariance[..., 0, 1], atol=2e-3)
        np.testing.assert_allclose(l21**2 + l22**2, one.covariance[..., 1, 1], atol=2e-3)
        np.testing.assert_array_equal(found["accepted"].astype(bool), one.accepted)
        drawn = np.unpackbits(found["bits"], axis=-1, count=int(HIDDEN.sum())).astype(bool)
        np.testing.assert_array_equal(drawn, one.draws[..., HIDDEN])


def message(**changes: Any) -> dict[str, Any]:
    grid = np.array([[0.0, -1.0], [-7.0, -40.0], [-14.0, -2.0]])
    density = Density(grid, (-1.0, 1.0), (-2.0, 2.0), (-7.0,))
    gaussian = Ellipse(np.array([1.0, 2.0]), np.array([[4.0, 2.0], [2.0, 5.0]]))
    settings: dict[str, Any] = {
        "run": "a",
        "original": np.eye(SIDE, dtype=bool),
        "hidden": HIDDEN,
        "mean_image": np.linspace(-0.1, 1.1, SIDE * SIDE).reshape(SIDE, SIDE),
        "posterior": density,
        "original_posterior": density,
        "average_proposal": density,
        "encoded_original": gaussian,
        "encoded_zeros": gaussian,
        "tracks": {"one": track(0), "two": track(1)},
        "chains": C,
        "iterations": 9,
        "warmup": 1,
        "reach": 4.0,
        "state": "running",
    }
    return plane_message(**(settings | changes))


def test_a_message_is_plain_json_with_every_setting() -> None:
    sent = message()
    assert json.loads(json.dumps(sent)) == sent
    assert sent["samplers"] == ["one", "two"]
    assert sent["count"] == T
    assert sent["proposals"] == [P, P]
    assert sent["hidden"] == pack(HIDDEN)
    assert sent["distances"][0] == [[2, 0.5], [3, 0.25]]
    assert sent["encodedOriginal"] == [1.0, 2.0, 2.0, 1.0, 2.0]
    grey = np.frombuffer(base64.b64decode(sent["mean"]), np.uint8)
    assert (grey[0], grey[-1]) == (0, 255)
    empty = message(tracks={})
    assert (empty["count"], empty["tracks"]) == (0, "")


def test_densities_are_sent_in_nats_below_their_highest_point() -> None:
    sent = message()["posterior"]
    levels = np.frombuffer(base64.b64decode(sent["bytes"]), np.uint8).reshape(3, 2)
    expected = 255 * np.clip(1 + np.array([[0, -1], [-7, -40], [-14, -2]]) / DEPTH, 0, 1)
    np.testing.assert_allclose(levels, expected, atol=0.5)
    assert sent["levels"] == [127.5]


@pytest.mark.parametrize("name", ["after", "proposed", "accepted", "covariance", "draws", "taken"])
def test_tracks_whose_parts_do_not_fit_are_refused(name: str) -> None:
    good = getattr(track(0), name)
    with pytest.raises(ValueError, match=r"expected .* of shape"):
        track(0, **{name: good[1:]})
