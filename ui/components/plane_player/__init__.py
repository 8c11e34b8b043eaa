"""Plane player: samplers in the plane of two latents, with the proposal of every iteration.

A page can send the iterations so far as often as it likes; the browser plays them with one clock.
Each message is complete, so lost messages do no harm. Nothing is sent back to Python.

Numbers are sent as bytes, sampler by sampler, in one zlib stream (`encode_tracks`).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ui.components import inline_component
from ui.components.bits import pack

State = Literal["running", "finished", "stopped", "failed"]
REACH = 8.0
"""Coordinates are clipped to ±REACH and sent in 16 bits."""
DEPTH = 14.0
"""A log density is cut off this number of nats below its maximum, and sent in 8 bits."""
NOWHERE = -32768
"""Code of a missing coordinate."""

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements", "hidden_pixels"),
    *("curves", "numbers", "radio_group", "play_bar", "line_plot", "picture_painting"),
)


class Density(NamedTuple):
    """A log density on an even grid, and the levels of its contours."""

    log_density: np.ndarray  # (m, n), [row up, column across]
    across: tuple[float, float]  # first and last coordinate
    up: tuple[float, float]
    levels: tuple[float, ...]  # log densities


class Ellipse(NamedTuple):
    """A Gaussian."""

    mean: np.ndarray  # (2,)
    covariance: np.ndarray  # (2, 2)


@dataclass(frozen=True)
class Track:
    """T iterations of one sampler with C chains and P proposals per iteration.

    Args:
        start: (C, 2) first latents of the chains.
        after: (T, C, 2) latents after each iteration.
        proposed: (T, P, 2) proposals; NaN for none.
        log_ratio: (T, P) log acceptance ratios; log-weights for a sampler that weights proposals.
        accepted: (T, P) bool.
        mean, covariance: of the encoder's Gaussian for each chain, (T, C, 2) and (T, C, 2, 2).
        log_posterior: (T, C) nats.
        taken: (T,) accepted fraction of the proposals.
        draws: (T, C, H, W) bool, the completed images.
        distance: (iteration, total variation so far) at some iterations.

    Raises:
        ValueError: the shapes are inconsistent.
    """

    start: np.ndarray
    after: np.ndarray
    proposed: np.ndarray
    log_ratio: np.ndarray
    accepted: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    log_posterior: np.ndarray
    taken: np.ndarray
    draws: np.ndarray
    distance: Sequence[tuple[int, float]]

    def __post_init__(self) -> None:
        count, chains, _ = self.after.shape
        proposals = self.proposed.shape[1]
        for name, shape in {
            "start": (chains, 2),
            "proposed": (count, proposals, 2),
            "log_ratio": (count, proposals),
            "accepted": (count, proposals),
            "mean": (count, chains, 2),
            "covariance": (count, chains, 2, 2),
            "log_posterior": (count, chains),
            "taken": (count,),
            "draws": (count, chains, *self.draws.shape[2:]),
        }.items():
            if getattr(self, name).shape != shape:
                got = getattr(self, name).shape
                raise ValueError(f"expected {name} of shape {shape}, got {got}")


def plane_player(key: str, message: dict[str, Any]) -> None:
    """Draw the player.

    Args:
        key: Streamlit key; the same on every rerun.
        message: from `plane_message`.
    """
    _COMPONENT(key=key, data=message)


def plane_message(
    *,
    run: str,
    original: np.ndarray,
    hidden: np.ndarray,
    mean_image: np.ndarray,
    posterior: Density,
    original_posterior: Density,
    average_proposal: Density,
    encoded_original: Ellipse,
    encoded_zeros: Ellipse,
    tracks: Mapping[str, Track],
    chains: int,
    iterations: int,
    warmup: int,
    reach: float,
    state: State,
) -> dict[str, Any]:
    """The complete message for the player.

    Args:
        run: identifies the run; another value restarts the player.
        original: the image, bool (H, W).
        hidden: bool (H, W).
        mean_image: exact E[x | x_obs], in [0, 1], (H, W).
        posterior, original_posterior: p(z | x_obs), and p(z | x) of the original.
        average_proposal: the average over draws of x_mis of the encoder's Gaussians.
        encoded_original, encoded_zeros: q(z | x) of the original, and of the image with 0 for
            hidden pixels.
        tracks: name → iterations so far; empty before the first.
        chains: C.
        iterations: of the whole run, with warm-up.
        warmup: number of warm-up iterations.
        reach: the plane goes from −reach to reach.
        state: of the run.
    """
    height, width = original.shape
    return {
        "run": run,
        "height": height,
        "width": width,
        "original": pack(original),
        "hidden": pack(hidden),
        "mean": _base64(np.rint(np.clip(mean_image, 0, 1) * 255).astype(np.uint8)),
        "posterior": _density(posterior),
        "originalPosterior": _density(original_posterior),
        "averageProposal": _density(average_proposal),
        "encodedOriginal": _ellipse(encoded_original),
        "encodedZeros": _ellipse(encoded_zeros),
        "samplers": list(tracks),
        "proposals": [track.proposed.shape[1] for track in tracks.values()],
        "starts": [np.round(track.start, 4).tolist() for track in tracks.values()],
        "distances": [[[i, round(d, 4)] for i, d in t.distance] for t in tracks.values()],
        "count": min((len(track.after) for track in tracks.values()), default=0),
        "tracks": encode_tracks(list(tracks.values()), hidden),
        "chains": chains,
        "iterations": iterations,
        "warmup": warmup,
        "reach": reach,
        "unit": REACH / 32767,
        "depth": DEPTH,
        "state": state,
    }


def encode_tracks(tracks: Sequence[Track], hidden: np.ndarray) -> str:
    """Tracks as base64 of a zlib stream; the empty string for none.

    For each: float32 log_ratio, log_posterior, taken; int16 after, proposed, mean, and the factor
    (l11, l21, l22) of the covariance, in units of REACH / 32767; bytes accepted; and, packed for
    each chain and iteration, the bits of the hidden pixels. All little-endian.
    """
    if not tracks:
        return ""
    raw = b"".join(part.tobytes() for track in tracks for part in _bytes_of(track, hidden))
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _bytes_of(track: Track, hidden: np.ndarray) -> list[np.ndarray]:
    factor = np.linalg.cholesky(track.covariance.astype(np.float64))
    lower = np.stack([factor[..., 0, 0], factor[..., 1, 0], factor[..., 1, 1]], -1)
    numbers = (track.log_ratio, track.log_posterior, track.taken)
    return [
        *(np.nan_to_num(each, nan=0, posinf=1e9, neginf=-1e9).astype("<f4") for each in numbers),
        *(_short(each) for each in (track.after, track.proposed, track.mean, lower)),
        track.accepted.astype(np.uint8),
        np.packbits(track.draws[..., hidden], axis=-1),
    ]


def _short(coordinates: np.ndarray) -> np.ndarray:
    scaled = np.rint(np.clip(coordinates / REACH, -1, 1) * 32767)
    return np.where(np.isnan(scaled), NOWHERE, scaled).astype("<i2")


def _density(density: Density) -> dict[str, Any]:
    """A density in 256 levels of nats above the cut-off, maximum at 255, rows from below."""
    top = density.log_density.max()
    above = (density.log_density - top) / DEPTH + 1

    def level(value: float) -> float:
        return float(255 * np.clip((value - top) / DEPTH + 1, 0, 1))

    return {
        "rows": density.log_density.shape[0],
        "columns": density.log_density.shape[1],
        "across": [float(value) for value in density.across],
        "up": [float(value) for value in density.up],
        "bytes": _base64(np.rint(np.clip(above, 0, 1) * 255).astype(np.uint8)),
        "levels": [level(value) for value in density.levels],
    }


def _ellipse(gaussian: Ellipse) -> list[float]:
    factor = np.linalg.cholesky(gaussian.covariance.astype(np.float64))
    lower = (factor[0, 0], factor[1, 0], factor[1, 1])
    return [round(float(value), 5) for value in (*gaussian.mean, *lower)]


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values)).decode("ascii")
