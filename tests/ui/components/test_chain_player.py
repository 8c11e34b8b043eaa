"""The messages of the chain player hold the frames of the samplers."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ui.components import chain_player as module
from ui.components.chain_player import (
    SamplerFrames,
    chain_player,
    encode_frames,
    player_message,
)

HEIGHT, WIDTH, CHAINS, FRAMES = 5, 7, 3, 4  # 35 pixels: the bits do not fill their last byte


def frames(seed: int, count: int = FRAMES) -> SamplerFrames:
    generator = np.random.default_rng(seed)
    return SamplerFrames(
        draws=generator.random((count, CHAINS, HEIGHT, WIDTH)) < 0.5,
        mean=generator.random((count, HEIGHT, WIDTH)),
        sd=generator.random((count, HEIGHT, WIDTH)) / 2,
        f1_draw=np.sort(generator.random((count, 3))),
        f1_mean=np.sort(generator.random((count, 3))),
    )


def decode(text: str, samplers: int) -> list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """[frame][sampler] → draws, mean, standard deviation; naive decoder of the format."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    pixels, bits, at, result = HEIGHT * WIDTH, (HEIGHT * WIDTH + 7) // 8, 0, []
    while at < len(raw):
        row = []
        for _ in range(samplers):
            draws = []
            for _ in range(CHAINS):
                draws.append(np.unpackbits(raw[at : at + bits], count=pixels))
                at += bits
            mean, sd = raw[at : at + pixels] / 255, raw[at + pixels : at + 2 * pixels] / 510
            at += 2 * pixels
            shape = (HEIGHT, WIDTH)
            row.append(
                (np.stack(draws).reshape(-1, *shape), mean.reshape(shape), sd.reshape(shape))
            )
        result.append(row)
    return result


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The data of each call of the component."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "_COMPONENT", lambda **call: calls.append(call))
    return calls


def mount(samplers: dict[str, SamplerFrames], **changes: Any) -> None:
    count = next(iter(samplers.values())).draws.shape[0]
    settings: dict[str, Any] = {
        "run": "a",
        "original": np.ones((HEIGHT, WIDTH), bool),
        "hidden": np.eye(HEIGHT, WIDTH, dtype=bool),
        "numbers": range(10, 10 + count),
        "start": 0,
        "total": 8,
        "iterations": 20,
        "warmup": 5,
        "thin": 1,
        "diagnostics": {},
        "state": "running",
    }
    chain_player("key", player_message(samplers=samplers, **(settings | changes)))


def test_frames_survive_the_round_trip() -> None:
    samplers = [frames(0), frames(1)]
    decoded = decode(encode_frames(samplers), len(samplers))
    assert len(decoded) == FRAMES
    for t, row in enumerate(decoded):
        for sampler, (draws, mean, sd) in zip(samplers, row, strict=True):
            np.testing.assert_array_equal(draws, sampler.draws[t])
            np.testing.assert_allclose(mean, sampler.mean[t], atol=0.5 / 255 + 1e-9)
            np.testing.assert_allclose(sd, sampler.sd[t], atol=0.5 / 510 + 1e-9)


def test_values_outside_the_range_are_clipped() -> None:
    low, high = np.full((1, HEIGHT, WIDTH), -1.0), np.full((1, HEIGHT, WIDTH), 2.0)
    [[(_, mean, sd)]] = decode(encode_frames([replace(frames(0, 1), mean=low, sd=high)]), 1)
    assert (mean == 0).all()
    assert (sd == 0.5).all()


def test_zero_frames_are_empty_text() -> None:
    assert encode_frames([frames(0, 0)]) == ""


def test_samplers_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one common shape"):
        encode_frames([frames(0, 2), frames(1, 3)])
    with pytest.raises(ValueError, match="one common shape"):
        encode_frames([])


@pytest.mark.parametrize("name", ["mean", "sd", "f1_draw", "f1_mean"])
def test_inconsistent_frames_are_refused(name: str) -> None:
    good = frames(0)
    with pytest.raises(ValueError, match=f"expected {name} of shape"):
        replace(good, **{name: getattr(good, name)[1:]})


def test_draws_must_be_bool() -> None:
    with pytest.raises(ValueError, match="expected draws of dtype bool"):
        replace(frames(0), draws=frames(0).draws.astype(float))


def test_missing_scores_are_null(sent: list[dict[str, Any]]) -> None:
    scores = np.array([[0.1, 0.2, 0.3], [np.nan] * 3, [np.nan, 0.5, np.nan], [0, 0, 1]])
    diagnostics = {"one": {"acceptance": np.float32("nan"), "rhat": np.inf, "stuck": np.int64(2)}}
    mount({"one": replace(frames(0), f1_mean=scores)}, diagnostics=diagnostics)
    data = json.loads(json.dumps(sent[0]["data"], allow_nan=False))
    assert data["curves"][0]["mean"] == [[0.1, 0.2, 0.3], None, [0.5, 0.5, 0.5], [0, 0, 1]]
    assert data["diagnostics"] == [{"acceptance": None, "rhat": None, "stuck": 2}]


def test_message_carries_the_problem(sent: list[dict[str, Any]]) -> None:
    mount({"one": frames(0), "two": frames(1)}, start=4)
    data = sent[0]["data"]
    assert sent[0]["key"] == "key"
    assert data["samplers"] == ["one", "two"]
    assert (data["start"], data["count"], data["numbers"]) == (4, 4, [10, 11, 12, 13])
    assert (data["height"], data["width"], data["chains"]) == (HEIGHT, WIDTH, CHAINS)
    packed = np.frombuffer(base64.b64decode(data["hidden"]), np.uint8)
    hidden = np.unpackbits(packed, count=HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    np.testing.assert_array_equal(hidden, np.eye(HEIGHT, WIDTH))
    assert data["diagnostics"] == [{}, {}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"original": np.ones((HEIGHT, WIDTH))}, "expected original bool"),
        ({"hidden": np.ones((HEIGHT, 2), bool)}, "expected hidden bool"),
        ({"numbers": [1]}, "expected 1 frames"),
        ({"start": -1}, "expected start"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mount({"one": frames(0)}, **change)


def test_without_an_original_no_score_is_sent(sent: list[dict[str, Any]]) -> None:
    diagnostics = {"one": {"acceptance": 0.5, "f1_mean": 0.8, "f1_mean_error": 0.1}}
    mount({"one": frames(0)}, diagnostics=diagnostics, scored=False)
    (message,) = (call["data"] for call in sent)
    assert not message["scored"]
    assert message["curves"] == [{"draw": [None] * FRAMES, "mean": [None] * FRAMES}]
    assert message["diagnostics"][0]["acceptance"] == 0.5
    assert message["diagnostics"][0]["f1_mean"] is None
    assert message["diagnostics"][0]["f1_mean_error"] is None


def test_one_sampler_is_needed() -> None:
    with pytest.raises(ValueError, match="at least one sampler"):
        player_message(
            run="a",
            original=np.ones((2, 2), bool),
            hidden=np.ones((2, 2), bool),
            samplers={},
            numbers=[],
            start=0,
            total=1,
            iterations=1,
            warmup=0,
            thin=1,
            diagnostics={},
            state="running",
        )
