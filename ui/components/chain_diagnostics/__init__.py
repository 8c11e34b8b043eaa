"""Chain diagnostics: the diagnostics of parallel chains, in sentences and in five figures.

A page sends chunks while the chains run; the browser stores them by iteration, so chunks may
overlap, repeat or be lost as long as the last message holds everything. Numbers are sent as 16-bit
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

from ui import glossary
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
"""Size of one step of the integers, in the order in which the arrays are sent."""

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "method_colours", "visually_hidden", "bits", "elements"),
    *("curves", "numbers", "radio_group", "line_plot"),
)


@dataclass(frozen=True)
class SamplerChunk:
    """A chunk of one sampler: K kept iterations and F frames of C chains, with A latents.

    Args:
        log_joint, ink, height: (K, C) traces.
        z: (K, C, A).
        acceptance: (F, C) fraction of the last proposals that were accepted.
        unmoved: (F, C) iterations since the last move.
        mean, covariance: (F, C, A) and (F, C, A, A), of the encoder's proposal.
        history: (iteration, R-hats, effective sample sizes), for the three traces.
        autocorrelation: (3, lags) of the three traces; no lags before the first diagnosis.
        sentences: the most important first.

    Raises:
        ValueError: the shapes do not fit together.
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
    sentences: Sequence[str]

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


def chain_diagnostics(key: str, message: dict[str, Any]) -> None:
    """Show the component and send it a chunk.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `diagnostics_message` or `unchanged`.
    """
    _COMPONENT(key=key, data=message)


def unchanged(name: str) -> dict[str, str]:
    """A message without a chunk; the component keeps what it shows.

    Use another name each time: Streamlit sends an equal message as a reference, and a slow browser
    that has dropped the original message would lose the connection for good.
    """
    return {"unchanged": name}


def diagnostics_message(
    *,
    run: str,
    samplers: Mapping[str, SamplerChunk],
    numbers: Sequence[int],
    frames: Sequence[int],
    latents: Sequence[int],
    quantities: Sequence[str],
    iterations: int,
    warmup: int,
    state: State,
) -> dict[str, Any]:
    """A chunk as the component reads it: plain numbers and text, ready for JSON.

    Args:
        run: identifies the run; another value clears the component.
        samplers: name → its chunk.
        numbers: the K kept iterations of the chunk.
        frames: the iterations of its F frames, all of them among `numbers`.
        latents: the A latents of the chunk, the most informative first; if they differ from the
            latents before, the earlier chunks are dropped.
        quantities: names of the three traces.
        iterations: of the whole run, warm-up included.
        warmup: iterations of the warm-up.
        state: state of the run.

    Raises:
        ValueError: no sampler, counts that do not fit together, a frame that is not kept.
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
        "definitions": {"rhat": glossary.explain("R-hat"), "ess": glossary.explain("ESS")},
        "autocorrelation": [[_plain(c, 3) for c in part.autocorrelation] for part in parts],
        "sentences": [list(part.sentences) for part in parts],
    }


def encode(parts: Sequence[SamplerChunk]) -> str:
    """Chunks of the samplers one after another as base64 of a zlib stream.

    Each: int16, little-endian, log_joint (K, C), ink, height, z (K, C, A), acceptance (F, C),
    unmoved, mean (F, C, A), sd (F, C, A) and correlations (F, C, A (A − 1) / 2), those of (0, 1),
    (0, 2), (1, 2), (0, 3) …, in `UNITS`.
    """
    raw = b"".join(_short(values, name) for part in parts for name, values in _fields(part))
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _fields(part: SamplerChunk) -> list[tuple[str, np.ndarray]]:
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
    """Rounded numbers for JSON; None where a number is not finite."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
