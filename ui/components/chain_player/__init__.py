"""Chain player: Markov-chain samplers side by side, as an animation.

A page sends chunks of frames while the chains run; the browser stores and plays them and computes
no scores. A frame holds, for each sampler, the draws of all chains (bits) and the running
posterior mean and standard deviation (bytes): 2.3 kB for 8 chains of 28 × 28 pixels, before
compression. The component is one-way: nothing comes back to Python."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ui import glossary
from ui.components import SD_MAX, inline_component
from ui.components.bits import pack

__all__ = ["SD_MAX", "SamplerFrames", "State", "chain_player", "encode_frames"]

State = Literal["running", "finished", "stopped", "failed"]
TERMS = {"rhat": "R-hat", "ess": "ESS", "f1_mean": "F1"}
"""Diagnostic → its term in the glossary."""


_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "method_colours", "visually_hidden", "bits", "elements", "hidden_pixels"),
    *("curves", "play_bar", "line_plot", "holding", "steering", "picture_painting"),
)


@dataclass(frozen=True)
class SamplerFrames:
    """T consecutive frames of one sampler.

    Args:
        draws: bool, current draw of each chain, shape (T, chains, H, W).
        mean: posterior mean so far, in [0, 1], shape (T, H, W).
        sd: standard deviation so far, in [0, 0.5], shape (T, H, W).
        f1_draw: F1 on hidden pixels of the draws over chains (low, middle, high), shape (T, 3);
            NaN = not defined.
        f1_mean: the same for the posterior mean, shape (T, 3).

    Raises:
        ValueError: the shapes do not fit together, or `draws` is not bool.
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    f1_draw: np.ndarray
    f1_mean: np.ndarray

    def __post_init__(self) -> None:
        if self.draws.dtype != bool or self.draws.ndim != 4:
            raise ValueError(
                "expected draws of dtype bool and shape (T, chains, H, W), "
                f"got {self.draws.dtype} {self.draws.shape}"
            )
        frames, _, height, width = self.draws.shape
        for name, shape in (
            ("mean", (frames, height, width)),
            ("sd", (frames, height, width)),
            ("f1_draw", (frames, 3)),
            ("f1_mean", (frames, 3)),
        ):
            got = getattr(self, name).shape
            if got != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {got}")


def encode_frames(samplers: Sequence[SamplerFrames]) -> str:
    """Images of all samplers, frame by frame, as base64 of a zlib stream.

    For each frame, for each sampler: the draws of every chain as packed bits
    (chains × ⌈H·W / 8⌉ bytes), the mean (H·W bytes, 0 … 255 = 0 … 1) and the standard deviation
    (H·W bytes, 0 … 255 = 0 … 0.5).

    Args:
        samplers: at least one; all of the same number of frames, chains and pixels.

    Returns:
        ASCII text; the empty string for zero frames.

    Raises:
        ValueError: no sampler, or samplers of different shapes.
    """
    shapes = {sampler.draws.shape for sampler in samplers}
    if len(shapes) != 1:
        raise ValueError(f"expected samplers of one common shape, got {sorted(shapes)}")
    if shapes.pop()[0] == 0:
        return ""
    raw = np.concatenate([part for s in samplers for part in _bytes_of(s)], axis=1)
    return base64.b64encode(zlib.compress(raw.tobytes())).decode("ascii")


def chain_player(key: str, message: dict[str, Any]) -> None:
    """Show the player and send it a chunk of frames.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `player_message`.
    """
    _COMPONENT(key=key, data=message)


def player_message(
    *,
    run: str,
    original: np.ndarray,
    hidden: np.ndarray,
    samplers: Mapping[str, SamplerFrames],
    numbers: Sequence[int],
    start: int,
    total: int,
    iterations: int,
    warmup: int,
    thin: int,
    diagnostics: Mapping[str, Mapping[str, float | None]],
    state: State,
    original_title: str = "Original",
    original_note: str = "for scoring only",
    scored: bool = True,
    autoplay: bool = False,
) -> dict[str, Any]:
    """A chunk of frames as the player reads it: plain numbers and text, ready for JSON.

    Chunks may overlap, repeat or leave gaps: every frame is stored at its index. A browser may
    miss a chunk that is soon replaced by the next one, and a page that is opened again starts
    empty, so the last message of a run should hold all frames.

    Args:
        run: identifies the run; another value clears the player.
        original: bool, shape (H, W).
        original_title: heading of the original.
        original_note: where the original comes from, in a word or two.
        scored: whether it is the truth that the samplers are scored by; else no score is sent.
        hidden: bool, True = hidden from the samplers, shape (H, W).
        samplers: name → frames of this chunk; T = 0 is allowed before the first frame.
        numbers: iteration number of each frame of this chunk, length T.
        start: index of the first frame of this chunk.
        total: number of frames expected in the whole run.
        iterations: length of the chains, warm-up included.
        warmup: iterations that are left out of the means.
        thin: iterations from one frame to the next.
        diagnostics: sampler → latest `acceptance`, `stuck`, `rhat`, `ess`, `f1_mean`, `f1_draw`;
            None or absent = not available.  `<name>_error`, where given, is shown as ±.
        state: state of the run.
        autoplay: play once from the start if the first message of the run is complete.

    Raises:
        ValueError: shapes, names or counts do not fit together.
    """
    _check(original, hidden, samplers, numbers, start)
    first = next(iter(samplers.values()))
    return {
        "run": run,
        "height": original.shape[0],
        "width": original.shape[1],
        "chains": first.draws.shape[1],
        "samplers": list(samplers),
        "original": pack(original),
        "originalTitle": original_title,
        "originalNote": original_note,
        "scored": scored,
        "hidden": pack(hidden),
        "iterations": int(iterations),
        "warmup": int(warmup),
        "thin": int(thin),
        "total": int(total),
        "start": int(start),
        "count": len(numbers),
        "frames": encode_frames(list(samplers.values())),
        "numbers": [int(number) for number in numbers],
        "curves": [
            {"draw": _curve(frames.f1_draw), "mean": _curve(frames.f1_mean)}
            if scored
            else {"draw": [None] * len(numbers), "mean": [None] * len(numbers)}
            for frames in samplers.values()
        ],
        "diagnostics": [
            {
                key: None if key.startswith("f1") and not scored else value
                for key, value in _finite(diagnostics.get(name, {})).items()
            }
            for name in samplers
        ],
        "definitions": {name: glossary.explain(term) for name, term in TERMS.items()},
        "state": state,
        "autoplay": bool(autoplay),
    }


def _check(
    original: np.ndarray,
    hidden: np.ndarray,
    samplers: Mapping[str, SamplerFrames],
    numbers: Sequence[int],
    start: int,
) -> None:
    """Raise ValueError unless the arguments of `player_message` fit together."""
    if original.ndim != 2 or original.dtype != bool:
        raise ValueError(f"expected original bool (H, W), got {original.dtype} {original.shape}")
    shape = original.shape
    if hidden.shape != shape or hidden.dtype != bool:
        raise ValueError(f"expected hidden bool {shape}, got {hidden.dtype} {hidden.shape}")
    if not samplers:
        raise ValueError("expected at least one sampler, got none")
    for name, frames in samplers.items():
        if frames.draws.shape[0] != len(numbers) or frames.draws.shape[2:] != shape:
            raise ValueError(
                f"expected {len(numbers)} frames of {shape} pixels from {name!r}, "
                f"got draws of shape {frames.draws.shape}"
            )
    if start < 0:
        raise ValueError(f"expected start ≥ 0, got {start}")


def _bytes_of(frames: SamplerFrames) -> list[np.ndarray]:
    """Draws (T, …), mean (T, H·W) and standard deviation (T, H·W) as bytes, one row per frame."""
    count, chains = frames.draws.shape[:2]
    bits = np.packbits(frames.draws.reshape(count, chains, -1), axis=-1)
    return [
        bits.reshape(count, -1),
        _scaled(frames.mean, 1.0).reshape(count, -1),
        _scaled(frames.sd, SD_MAX).reshape(count, -1),
    ]


def _scaled(values: np.ndarray, largest: float) -> np.ndarray:
    """Values in [0, largest] as the nearest of 256 levels, clipped to the range."""
    return np.rint(np.clip(values / largest, 0.0, 1.0) * 255).astype(np.uint8)


def _curve(scores: np.ndarray) -> list[list[float] | None]:
    """(T, 3) scores → [low, middle, high] for each frame, or None where the score is not defined.

    A missing low or high value is replaced by the middle one.
    """
    return [
        None
        if math.isnan(middle)
        else [round(middle if math.isnan(x) else x, 4) for x in (low, middle, high)]
        for low, middle, high in np.asarray(scores, dtype=float).tolist()
    ]


def _finite(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    """Plain numbers for JSON; None for a missing, NaN or infinite number."""
    return {
        name: float(value) if value is not None and math.isfinite(value) else None
        for name, value in numbers.items()
    }
