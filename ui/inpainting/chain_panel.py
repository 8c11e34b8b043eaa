"""Frames of the two samplers as messages for the component of chain diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dgm_core.studies.inpainting.chain_records import TRACED, Record, most_variable_latents
from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Frame, SamplerFrame
from ui.components.chain_diagnostics import SamplerChunk, diagnostics_message
from ui.inpainting.chain_words import QUANTITIES, Diagnostics, sentences
from ui.method_titles import title

LATENTS = 6
"""Number of latents that are sent: those in which the chains differ most."""
CHOICES = (1, 10, 25, 40, 60, 80, 100)
"""Numbers of frames after which the latents are chosen again."""


def message(
    config: Config, frames: Sequence[Frame], *, run: str, state: str, start: int = 0
) -> dict[str, Any]:
    """A message with the frames of a run from index `start` on.

    It holds all frames if the chosen latents differ from those at `start`.
    """
    choice = _choice(len(frames), state)
    if _choice(start, "running") != choice:
        start = 0
    latents = _latents(frames[:choice])
    sent = frames[start:]
    return diagnostics_message(
        run=run,
        samplers={title(name): _chunk(sent, name, config, latents) for name in SAMPLERS},
        numbers=np.concatenate([r.numbers for r in _records(sent, SAMPLERS[0])]).tolist(),
        frames=[frame.iteration for frame in sent],
        latents=latents,
        quantities=QUANTITIES,
        iterations=config.iterations,
        warmup=config.warmup,
        state=state,
    )


def without_unsent(frames: Sequence[Frame]) -> list[Frame]:
    """The frames of a finished run without what its last message does not contain.

    Only the chosen latents and the last autocorrelation are kept.
    """
    latents, last = _latents(frames), len(frames) - 1

    def reduced(number: int, shot: SamplerFrame) -> SamplerFrame:
        record = shot.record.restricted(latents)
        if number < last:
            record = record._replace(autocorrelation={})
        return shot._replace(record=record)

    return [
        frame._replace(
            samplers={name: reduced(number, shot) for name, shot in frame.samplers.items()}
        )
        for number, frame in enumerate(frames)
    ]


def words(config: Config, frame: Frame, name: str) -> list[str]:
    """Sentences about the diagnostics of a sampler at a frame."""
    record = frame.samplers[name].record
    unknown = np.full(len(TRACED), np.nan)
    diagnosed, rhat, ess = record.history[-1] if record.history else (0, unknown, unknown)
    return sentences(
        Diagnostics(
            iterations=frame.iteration - config.warmup,
            diagnosed=diagnosed - config.warmup,
            rhat=rhat.tolist(),
            ess=ess.tolist(),
            acceptance=float(record.acceptance.mean()),
            unmoved=record.unmoved.tolist(),
            always_accepts=name == "pseudo-Gibbs",
        )
    )


def _choice(count: int, state: str) -> int:
    """Number of frames from which the latents are chosen; at the end, all."""
    if state != "running":
        return count
    return max((choice for choice in CHOICES if choice <= count), default=0)


def _latents(frames: Sequence[Frame]) -> list[int]:
    """The latents to send: the most variable ones, or those that `without_unsent` has kept."""
    kept = _records(frames, SAMPLERS[0])[0].proposals.latents
    if kept is not None:
        return list(kept)
    return most_variable_latents(
        [np.concatenate([r.z for r in _records(frames, name)], 1) for name in SAMPLERS], LATENTS
    )


def _records(frames: Sequence[Frame], name: str) -> list[Record]:
    return [frame.samplers[name].record for frame in frames]


def _chunk(
    frames: Sequence[Frame], name: str, config: Config, latents: Sequence[int]
) -> SamplerChunk:
    records = _records(frames, name)
    last = records[-1]
    proposals = [r.proposals.marginal(latents) for r in records]
    lags = [last.autocorrelation.get(trace, np.zeros(0)) for trace in TRACED]
    return SamplerChunk(
        **{trace: np.concatenate([_kept(r, trace) for r in records]) for trace in TRACED},
        z=np.concatenate([r.path(latents).swapaxes(0, 1) for r in records]),
        acceptance=np.stack([r.acceptance for r in records]),
        unmoved=np.stack([r.unmoved for r in records]),
        mean=np.stack([mean for mean, _ in proposals]),
        covariance=np.stack([covariance for _, covariance in proposals]),
        history=last.history,
        autocorrelation=np.stack(lags),
        sentences=words(config, frames[-1], name),
    )


def _kept(record: Record, trace: str) -> np.ndarray:
    """The trace at the K iterations whose latents are kept, (K, chains)."""
    values = getattr(record.traces, trace)
    last = record.numbers[-1]  # the iteration of the frame itself
    return values[:, record.numbers - last - 1].T
