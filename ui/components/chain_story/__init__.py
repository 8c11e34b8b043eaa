"""Chain story: what the diagnostics of parallel chains say, in sentences and in five pictures.

A page sends chunks while the chains run; the browser keeps them by their iterations, so chunks may
overlap, repeat or be lost as long as the last message carries everything. Numbers travel as 16 bit
integers in one zlib stream. The component is one-way; its cursor follows the events
`dgm-iteration` {run, iteration} of the document.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ui.components import inline_component

State = Literal["running", "finished", "stopped", "failed"]
LARGEST = 32767
UNITS = {
    "log_joint": 1 / 8,  # nats
    "ink": 1.0,  # pixels
    "height": 1 / 1000,  # pixels
    "z": 8 / LARGEST,
    "acceptance": 1 / LARGEST,
    "unmoved": 1.0,  # iterations
    "mean": 8 / LARGEST,
    "sd": 8 / LARGEST,
    "correlation": 1 / LARGEST,
}
"""What one step of the integers is worth, in the order in which they are sent."""

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "method_colours", "visually_hidden", "bits", "elements"),
    *("curves", "numbers", "radio_group", "line_plot"),
)


@dataclass(frozen=True)
class Stretch:
    """One sampler: K kept iterations of C chains in A latents, F frames, and how they stand.

    Args:
        log_joint, ink, height: (K, C) traces.
        z: (K, C, A).
        acceptance: (F, C) of the last proposals.
        unmoved: (F, C) iterations since the last move.
        mean, covariance: (F, C, A) and (F, C, A, A), the encoder's proposal.
        history: (iteration, R-hats, effective sample sizes), of the three traces each.
        autocorrelation: (3, lags) of the three traces; no lags before the first diagnosis.
        words: sentences, the most telling first.

    Raises:
        ValueError: the shapes do not belong together.
    """

    log_joint: np.ndarray
    ink: np.ndarray
    height: np.ndarray
    z: np.ndarray
    acceptance: np.ndarray
    unmoved: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    history: Sequence[tuple[int, Sequence[float], Sequence[float]]]
    autocorrelation: np.ndarray
    words: Sequence[str]

    def __post_init__(self) -> None:
        kept, chains, latents = self.z.shape
        frames = len(self.acceptance)
        for name, shape in {
            "log_joint": (kept, chains),
            "ink": (kept, chains),
            "height": (kept, chains),
            "acceptance": (frames, chains),
            "unmoved": (frames, chains),
            "mean": (frames, chains, latents),
            "covariance": (frames, chains, latents, latents),
        }.items():
            if getattr(self, name).shape != shape:
                got = getattr(self, name).shape
                raise ValueError(f"expected {name} of shape {shape}, got {got}")


def chain_story(key: str, message: dict[str, Any]) -> None:
    """Show what is known, and hand on one more chunk.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `story_message` or `untold`.
    """
    _COMPONENT(key=key, data=message)


def untold(name: str) -> dict[str, str]:
    """Nothing new yet; what is known stays.

    Each time by another name: Streamlit refers to a message that it has sent before, and a slow
    browser, which may have dropped it in the meantime, gives the connection up for good.
    """
    return {"untold": name}


def story_message(
    *,
    run: str,
    samplers: Mapping[str, Stretch],
    numbers: Sequence[int],
    frames: Sequence[int],
    latents: Sequence[int],
    quantities: Sequence[str],
    iterations: int,
    warmup: int,
    state: State,
) -> dict[str, Any]:
    """One chunk in the form the component reads: plain numbers and text, fit for JSON.

    Args:
        run: identifies the run; another value makes the component forget everything.
        samplers: name → its part of the chunk.
        numbers: the kept iterations in the chunk, K.
        frames: the iterations of its frames, F, all of them among `numbers`.
        latents: which latents are sent, A, the most telling first; with others than before, what
            came before is forgotten.
        quantities: what the three traces are called.
        iterations: of the whole run, warm-up included.
        warmup: of these.
        state: of the run.

    Raises:
        ValueError: no sampler, counts that do not belong together, a frame that is not kept.
    """
    if not samplers:
        raise ValueError("expected at least one sampler, got none")
    for name, each in samplers.items():
        found = (len(each.z), len(each.acceptance), each.z.shape[2])
        expected = (len(numbers), len(frames), len(latents))
        if found != expected:
            raise ValueError(
                f"expected {expected} iterations, frames and latents of {name!r}, got {found}"
            )
    if not set(frames) <= set(numbers):
        raise ValueError("expected frames among the kept iterations")
    parts = list(samplers.values())
    return {
        "run": run,
        "samplers": list(samplers),
        "chains": parts[0].z.shape[1],
        "numbers": [int(n) for n in numbers],
        "frames": [int(n) for n in frames],
        "latents": [int(n) for n in latents],
        "quantities": list(quantities),
        "iterations": int(iterations),
        "warmup": int(warmup),
        "state": state,
        "units": list(UNITS.values()),
        "data": encode(parts),
        "history": [[_diagnosis(*each) for each in part.history] for part in parts],
        "autocorrelation": [[_plain(c, 3) for c in part.autocorrelation] for part in parts],
        "words": [list(part.words) for part in parts],
    }


def encode(parts: Sequence[Stretch]) -> str:
    """Stretches one after another as base64 of a zlib stream.

    Each: int16, little-endian, log_joint (K, C), ink, height, z (K, C, A), acceptance (F, C),
    unmoved, mean (F, C, A), sd (F, C, A) and correlations (F, C, A (A − 1) / 2), those of (0, 1),
    (0, 2), (1, 2), (0, 3) …, in `UNITS`.
    """
    raw = b"".join(_short(values, name) for part in parts for name, values in _fields(part))
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _fields(part: Stretch) -> list[tuple[str, np.ndarray]]:
    covariance = part.covariance.astype(float)
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1).clip(1e-12))
    i, j = np.tril_indices(sd.shape[-1], -1)
    correlation = covariance[..., i, j] / (sd[..., i] * sd[..., j])
    own = {name: getattr(part, name) for name in UNITS if hasattr(part, name)}
    found = own | {"sd": sd, "correlation": correlation}
    return [(name, found[name]) for name in UNITS]


def _short(values: np.ndarray, name: str) -> bytes:
    scaled = np.rint(np.nan_to_num(values.astype(float)) / UNITS[name])
    return np.clip(scaled, -LARGEST, LARGEST).astype("<i2").tobytes()


def _diagnosis(iteration: int, rhat: Sequence[float], ess: Sequence[float]) -> list[Any]:
    return [int(iteration), _plain(rhat, 4), _plain(ess, 1)]


def _plain(values: Sequence[float], digits: int) -> list[float | None]:
    """For JSON: None for what is not finite."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
