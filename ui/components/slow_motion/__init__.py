"""Slow motion: the iterations of a sampler, each in five stages.

One message holds a window of iterations; the browser steps and plays. Python makes the sentences
and odds from the same numbers that the browser draws as bars. The component is one-way: nothing
comes back to Python.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ui.components import inline_component
from ui.components.bits import pack

if TYPE_CHECKING:
    from dgm_core.studies.inpainting.slow_motion import Moment

STAGES = ("now", "propose", "weigh", "decide", "redraw")

_COMPONENT = inline_component(
    Path(__file__).parent,
    *("theme", "visually_hidden", "bits", "elements", "hidden_pixels"),
    *("numbers", "picture_painting", "play_bar"),
)


def slow_motion(key: str, message: dict[str, Any]) -> None:
    """Show a window of iterations.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `slow_motion_message`.
    """
    _COMPONENT(key=key, data=message)


def slow_motion_message(
    *,
    run: str,
    hidden: np.ndarray,
    moments: Sequence[Moment],
    sentences: Sequence[Sequence[str]],
    odds: Sequence[tuple[str, str | None]],
) -> dict[str, Any]:
    """A window of iterations as the component reads it; ready for JSON.

    Args:
        run: identifies the window; with another value the browser starts again.
        hidden: bool (H, W).
        moments: the iterations, at least one.
        sentences: for each iteration, one per stage.
        odds: for each iteration, the acceptance probability and the random draw, as text; the
            draw is None where the proposal is accepted without a test.

    Raises:
        ValueError: the lists differ in length.
    """
    if not moments or not len(moments) == len(sentences) == len(odds):
        counts = len(moments), len(sentences), len(odds)
        raise ValueError(f"expected as many sentences and odds as iterations, got {counts}")
    if any(len(each) != len(STAGES) for each in sentences):
        raise ValueError(f"expected {len(STAGES)} sentences per iteration, one per stage")
    return {
        "run": run,
        "height": hidden.shape[0],
        "width": hidden.shape[1],
        "hidden": pack(hidden),
        "opening": opening(moments),
        "pictures": encode_pictures(moments),
        "steps": [
            _step(moment) | {"sentences": list(texts), "probability": probability, "draw": draw}
            for moment, texts, (probability, draw) in zip(moments, sentences, odds, strict=True)
        ],
    }


def opening(moments: Sequence[Moment]) -> int:
    """Index of the iteration to show first: a rejected z′ that fits better, else a rejection."""
    rejected = [i for i, moment in enumerate(moments) if not moment.accepted]
    better = [i for i in rejected if moments[i].joint_difference > 1]
    return (better or rejected or [0])[0]


def encode_pictures(moments: Sequence[Moment]) -> str:
    """Images of each iteration: x and the redrawn x as bits, E[x|z] and E[x|z'] as bytes; base64.

    The bits of an image take ⌈H·W / 8⌉ bytes; the bytes 0 … 255 stand for 0 … 1.
    """
    raw = [
        part
        for each in moments
        for part in (
            np.packbits(each.x).tobytes(),
            np.packbits(each.x_new).tobytes(),
            _levels(each.mean),
            _levels(each.mean_new),
        )
    ]
    return base64.b64encode(b"".join(raw)).decode("ascii")


def _levels(mean: np.ndarray) -> bytes:
    return np.rint(np.clip(mean, 0, 1) * 255).astype(np.uint8).tobytes()


def _step(moment: Moment) -> dict[str, Any]:
    now, new = moment.now, moment.proposed
    return {
        "number": moment.number,
        "warming_up": moment.warming_up,
        "tested": moment.uses_ratio,
        "accepted": moment.accepted,
        "terms": [round(term, 4) for term in moment.terms],
        "fit": round(moment.joint_difference, 4),
        "proposal_ratio": round(moment.proposal_difference, 4),
        "log_ratio": round(moment.log_ratio, 4),
        "log_u": round(moment.log_u, 4) if moment.uses_ratio else None,
        "at_new": [round(each, 4) for each in (new.seen, new.hidden, new.prior)],
        "at_now": [round(each, 4) for each in (now.seen, now.hidden, now.prior)],
    }
