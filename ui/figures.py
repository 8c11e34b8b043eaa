"""Results → what the components and downloads need."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dgm_core.studies.inpainting import SAMPLERS, Config, Frame
from ui.components.chain_player import SamplerFrames, player_message

TITLES = {"pseudo-Gibbs": "Pseudo-Gibbs", "Metropolis-within-Gibbs": "Metropolis-within-Gibbs"}


def chains(
    config: Config,
    frames: Sequence[Frame],
    *,
    run: str,
    state: str,
    start: int = 0,
    autoplay: bool = False,
) -> dict[str, Any]:
    """A message for the chain player: `frames` are those from index `start` of the run."""
    numbers = config.frame_numbers()
    return player_message(
        run=run,
        truth=config.truth,
        hidden=~config.observed,
        samplers={TITLES[name]: _stack(frames, name) for name in SAMPLERS},
        numbers=[frame.iteration for frame in frames],
        start=start,
        total=len(numbers),
        iterations=config.iterations,
        warmup=config.warmup,
        thin=numbers[-1] - numbers[-2],
        diagnostics={TITLES[name]: _diagnostics(frames, name, config) for name in SAMPLERS},
        state=state,
        autoplay=autoplay,
    )


def _stack(frames: Sequence[Frame], name: str) -> SamplerFrames:
    shots = [frame.samplers[name] for frame in frames]
    return SamplerFrames(
        draws=np.stack([shot.draws for shot in shots]),
        mean=np.stack([shot.mean for shot in shots]),
        sd=np.stack([shot.sd for shot in shots]),
        f1_draw=np.stack([_band(shot.f1_draw) for shot in shots]),
        f1_mean=np.stack([_band(shot.f1_mean) for shot in shots]),
    )


def _band(scores: np.ndarray) -> np.ndarray:
    """Lowest, mean and highest over the chains."""
    return np.array([scores.min(), scores.mean(), scores.max()])


def _diagnostics(frames: Sequence[Frame], name: str, config: Config) -> dict[str, float | None]:
    shot = frames[-1].samplers[name]
    summary = shot.summary
    nothing_hidden = bool(config.observed.all())
    found = {
        "acceptance": summary.acceptance,
        "stuck": summary.stuck,
        "rhat": summary.rhat,
        "ess": summary.ess,
        "f1_mean": math.nan if nothing_hidden else summary.f1,
        "f1_mean_error": summary.f1_error,
        "f1_draw": math.nan if nothing_hidden else float(shot.f1_draw.mean()),
    }
    return {key: None if math.isnan(value) else value for key, value in found.items()}


def as_npz(config: Config, frames: Sequence[Frame]) -> bytes:
    """What a visitor takes home: truth, mask, and each sampler's last draws, mean and sd."""
    fields: dict[str, np.ndarray] = {"truth": config.truth, "observed": config.observed}
    for name in SAMPLERS:
        shot, short = frames[-1].samplers[name], name.replace("-", "_").lower()
        fields |= {
            f"{short}_draws": shot.draws,
            f"{short}_mean": shot.mean,
            f"{short}_sd": shot.sd,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **fields)
    return buffer.getvalue()
