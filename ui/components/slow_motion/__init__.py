"""Slow motion: an iteration of a sampler in five stages, stepped through by key.

A window of iterations arrives in one message; the browser steps and plays, and computes nothing
that it says: sentences and odds are made in Python, from the numbers that are drawn as bars. The
component is one-way: nothing comes back.
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
    """A window of iterations in the form that the component reads, fit for JSON.

    Args:
        run: identifies the window; another value makes the browser begin anew.
        hidden: bool (H, W).
        moments: the iterations, at least one.
        sentences: of each iteration, one a stage.
        odds: of each iteration, the chance of acceptance and the die, as text.

    Raises:
        ValueError: the lists do not belong together.
    """
    if not moments or not len(moments) == len(sentences) == len(odds):
        counts = len(moments), len(sentences), len(odds)
        raise ValueError(f"expected as many sentences and odds as iterations, got {counts}")
    if any(len(each) != len(STAGES) for each in sentences):
        raise ValueError(f"expected {len(STAGES)} sentences an iteration, one a stage")
    return {
        "run": run,
        "height": hidden.shape[0],
        "width": hidden.shape[1],
        "hidden": pack(hidden),
        "opening": opening(moments),
        "pictures": encode_pictures(moments),
        "steps": [
            _step(moment) | {"said": list(said), "chance_text": chance, "die_text": die}
            for moment, said, (chance, die) in zip(moments, sentences, odds, strict=True)
        ],
    }


def opening(moments: Sequence[Moment]) -> int:
    """Where to begin: at a better fit that is refused, else at a refusal, else at the first."""
    refused = [at for at, each in enumerate(moments) if not each.accepted]
    better = [at for at in refused if moments[at].fit > 1]
    return (better or refused or [0])[0]


def encode_pictures(moments: Sequence[Moment]) -> str:
    """Of each iteration x and the redrawn x as packed bits, E[x|z] and E[x|z'] as bytes; base64.

    The bits of an image take ⌈H·W / 8⌉ bytes; 0 … 255 are 0 … 1.
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
        "asked": moment.asked,
        "accepted": moment.accepted,
        "terms": [round(term, 4) for term in moment.terms],
        "fit": round(moment.fit, 4),
        "way_back": round(moment.way_back, 4),
        "log_ratio": round(moment.log_ratio, 4),
        "log_u": round(moment.log_u, 4) if moment.asked else None,
        "at_new": [round(each, 4) for each in (new.seen, new.hidden, new.prior)],
        "at_now": [round(each, 4) for each in (now.seen, now.hidden, now.prior)],
    }
