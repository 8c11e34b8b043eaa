"""The messages of the chain diagnostics hold the numbers of the run."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dgm_core.studies.inpainting.two_samplers import SAMPLERS
from tests.studies.inpainting.test_two_samplers import config, finished
from ui.components.chain_diagnostics import UNITS, SamplerChunk, diagnostics_message, encode
from ui.inpainting import chain_panel

KEPT, FRAMES, CHAINS, LATENTS = 5, 2, 3, 4
SHAPES = {
    "log_joint": (KEPT, CHAINS),
    "ink": (KEPT, CHAINS),
    "height": (KEPT, CHAINS),
    "z": (KEPT, CHAINS, LATENTS),
    "acceptance": (FRAMES, CHAINS),
    "unmoved": (FRAMES, CHAINS),
    "mean": (FRAMES, CHAINS, LATENTS),
    "sd": (FRAMES, CHAINS, LATENTS),
    "correlation": (FRAMES, CHAINS, LATENTS * (LATENTS - 1) // 2),
}


def chunk(seed: int) -> SamplerChunk:
    draw = np.random.default_rng(seed)
    root = draw.standard_normal((FRAMES, CHAINS, LATENTS, LATENTS))
    return SamplerChunk(
        log_joint=draw.normal(-90, 20, (KEPT, CHAINS)),
        ink=draw.integers(0, 784, (KEPT, CHAINS)),
        height=draw.uniform(0, 27, (KEPT, CHAINS)),
        z=draw.standard_normal(SHAPES["z"]),
        acceptance=draw.random(SHAPES["acceptance"]),
        unmoved=draw.integers(0, 5000, SHAPES["unmoved"]),
        mean=draw.standard_normal(SHAPES["mean"]),
        covariance=root @ root.swapaxes(-1, -2),
        history=[(50, [1.2, np.nan, 1.1], [12.0, np.inf, 30.0])],
        autocorrelation=np.array([[1.0, 0.5], [1.0, np.nan], [1.0, 0.1]]),
        sentences=["Chain 3 has not moved for 120 iterations."],
    )


def decode(text: str, samplers: int, shapes: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """Naive decoder of the format."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i2")
    at, found = 0, []
    for _ in range(samplers):
        fields = {}
        for name, unit in UNITS.items():
            size = int(np.prod(shapes[name]))
            fields[name] = raw[at : at + size].reshape(shapes[name]) * unit
            at += size
        found.append(fields)
    assert at == len(raw)
    return found


def message(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "run": "a",
        "samplers": {"one": chunk(0), "two": chunk(1)},
        "numbers": [1, 2, 3, 4, 6],
        "frames": [3, 6],
        "latents": [7, 0, 3, 5],
        "quantities": ["log p(x, z)", "ink", "height"],
        "iterations": 60,
        "warmup": 5,
        "state": "running",
    }
    return diagnostics_message(**(settings | changes))


def test_numbers_survive_the_round_trip() -> None:
    parts = [chunk(0), chunk(1)]
    for part, read in zip(parts, decode(encode(parts), 2, SHAPES), strict=True):
        for name in set(UNITS) - {"sd", "correlation"}:
            np.testing.assert_allclose(
                read[name], getattr(part, name), atol=UNITS[name] / 2 + 1e-9, err_msg=name
            )


def test_the_ellipse_is_that_of_the_covariance() -> None:
    part = chunk(2)
    [read] = decode(encode([part]), 1, SHAPES)
    pairs = [(i, j) for i in range(LATENTS) for j in range(i)]
    for at, (i, j) in enumerate(pairs):
        product = read["correlation"][..., at] * read["sd"][..., i] * read["sd"][..., j]
        np.testing.assert_allclose(product, part.covariance[..., i, j], atol=4e-3)
    np.testing.assert_allclose(
        read["sd"] ** 2, np.diagonal(part.covariance, axis1=-2, axis2=-1), atol=4e-3
    )


def test_unknown_numbers_are_null() -> None:
    sent = json.loads(json.dumps(message(), allow_nan=False))
    assert sent["history"][0] == [[50, [1.2, None, 1.1], [12.0, None, 30.0]]]
    assert sent["autocorrelation"][1][1] == [1.0, None]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"samplers": {}}, "at least one sampler"),
        ({"numbers": [1, 2]}, "iterations, frames and latents of 'one'"),
        ({"frames": [3, 7]}, "frames among the kept"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        message(**change)
    with pytest.raises(ValueError, match="expected mean of shape"):
        replace(chunk(0), mean=np.zeros((1, 2)))


def test_chunks_of_a_run_agree_with_the_whole() -> None:
    """In messages sent during the run, each point equals that of the last message."""
    result = finished(config())
    frames, at = result.frames, {}
    whole = chain_panel.message(result.config, frames, run="r", state="finished")
    assert whole["frames"] == result.config.frame_numbers()
    for count in range(1, len(frames) + 1, 7):
        part = chain_panel.message(
            result.config, frames[:count], run="r", state="running", start=max(count - 9, 0)
        )
        if at and part["latents"] != at["latents"]:
            assert part["frames"][0] == 1  # with other latents, from the start
        at = part
        assert part["frames"][-1] == frames[count - 1].iteration
        read, all_ = (_points(each) for each in (part, whole))
        for number, values in read.items():
            assert np.array_equal(values, all_[number])
    assert len(whole["sentences"]) == len(SAMPLERS)
    assert all(1 <= len(sentences) <= 3 for sentences in whole["sentences"])


def _points(sent: dict[str, Any]) -> dict[int, np.ndarray]:
    """Iteration → the traces of the second sampler."""
    kept, frames, chains = len(sent["numbers"]), len(sent["frames"]), sent["chains"]
    latents = len(sent["latents"])
    shapes = {
        **dict.fromkeys(("log_joint", "ink", "height"), (kept, chains)),
        "z": (kept, chains, latents),
        **dict.fromkeys(("acceptance", "unmoved"), (frames, chains)),
        **dict.fromkeys(("mean", "sd"), (frames, chains, latents)),
        "correlation": (frames, chains, latents * (latents - 1) // 2),
    }
    second = decode(sent["data"], len(sent["samplers"]), shapes)[1]
    traces = np.stack([second[name] for name in ("log_joint", "ink", "height")])
    return {number: traces[:, i] for i, number in enumerate(sent["numbers"])}
