"""Method grid: the results of many methods on one image, side by side, and a table of scores.

Each message holds all results so far, so one may be lost or repeated. While a method runs, its
mean and standard deviation are sent; its draws and parts follow at the end. The browser computes
errors, differences and colours, because it knows the view on screen. It sends back one thing: a
request to stop a method.

    message = grid_message(run="7", config=config, outcomes=outcomes, state="running",
                           definitions=metrics.DEFINITIONS)
    request = method_grid("grid", message)
    if request is not None:
        control.stop(request.method)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ui.components import SD_MAX, inline_component
from ui.components.bits import pack
from ui.components.method_grid import numbers, pictures
from ui.method_titles import title

if TYPE_CHECKING:
    from dgm_core.studies.inpainting.comparison import Config, Outcome

__all__ = ["StopRequest", "grid_message", "method_grid", "parse"]

_COMPONENT = inline_component(
    Path(__file__).parent,
    "theme",
    "visually_hidden",
    "bits",
    "elements",
    "holding",
    "hidden_pixels",
    "radio_group",
)

MOSAIC = 16
"""Largest number of draws on a card; also of draws sent while other methods run."""
MAX_IMAGES = 64
"""Largest number of draws, or of images of a part, sent at the end."""
PIXELATED = 32
"""Images up to this side are enlarged with sharp pixels."""


class StopRequest(NamedTuple):
    """The visitor has pressed Stop on the card of a method."""

    method: str


def method_grid(key: str, message: dict[str, Any]) -> StopRequest | None:
    """Show the grid and the table; return a new request to stop a method, once.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `grid_message`.
    """
    answer = _COMPONENT(key=key, data=message, on_stop_change=lambda: None)
    return parse(answer.get("stop"), message)


def parse(value: object, message: Mapping[str, Any]) -> StopRequest | None:
    """A request of the browser to stop a running method of this run, else None."""
    if not isinstance(value, dict) or value.get("run") != message["run"]:
        return None
    name = value.get("method")
    running = [each["name"] for each in message["methods"] if each["state"] == "running"]
    return StopRequest(name) if isinstance(name, str) and name in running else None


def grid_message(
    *,
    run: str,
    config: Config,
    outcomes: Sequence[Outcome],
    state: str,
    definitions: Mapping[str, str],
    original_title: str = "Original",
    original_note: str = "",
    scored: bool = True,
) -> dict[str, Any]:
    """All results of a run as the grid reads them: plain numbers and text.

    Args:
        run: identifies the run.
        config: the image, the mask and the methods.
        outcomes: the latest of each method, in the order of the cards; methods of `config` without
            an outcome come after them.
        state: state of the run; unless it is "running", all its methods have ended.
        definitions: score → its definition.
        original_title: title of the card of the original.
        original_note: where the original comes from, in a word or two.
        scored: whether it is the truth that the methods are scored by; else there are no scores.
    """
    live = state == "running"
    hidden = ~config.observed
    known: dict[str, Outcome | None] = {outcome.method: outcome for outcome in outcomes}
    known |= {name: None for name, _ in config.methods if name not in known}
    return {
        "run": run,
        "state": state,
        "height": hidden.shape[0],
        "width": hidden.shape[1],
        "colour": config.shape[0] > 1,
        "pixelated": hidden.shape[0] <= PIXELATED,
        "original": _original(config),
        "originalTitle": original_title,
        "originalNote": original_note,
        "scored": scored,
        "hidden": pack(hidden),
        "zero": pictures.ZERO,
        "sdMax": SD_MAX,
        "methods": [
            _method(name, title(name), outcome, hidden, live=live)
            for name, outcome in known.items()
        ],
        "columns": numbers.columns(
            [_final(o if scored else o._replace(scores={}), live) for o in outcomes], definitions
        ),
    }


@lru_cache(maxsize=64)
def _original(config: Config) -> str:
    return pictures.mean_picture(config.original)


def _final(outcome: Outcome, live: bool) -> Outcome:
    """The outcome; in a run that has ended, a running outcome counts as stopped."""
    if outcome.state != "running" or live:
        return outcome
    return outcome._replace(state="stopped")


def _method(
    name: str, title: str, outcome: Outcome | None, hidden: np.ndarray, *, live: bool
) -> dict[str, Any]:
    """The content of a card."""
    if outcome is None:
        return {"name": name, "title": title, "state": "waiting" if live else "stopped"}
    outcome = _final(outcome, live)
    started = outcome.mean is not None
    running = outcome.state == "running"
    return {
        "name": name,
        "title": title,
        "state": "waiting" if running and not started else outcome.state,
        "note": outcome.note,
        "done": round(min(max(outcome.done, 0.0), 1.0), 3) if math.isfinite(outcome.done) else 0,
        "seconds": numbers.seconds(outcome.seconds) if started else "",
        "mean": pictures.mean_picture(outcome.mean) if started else None,
        "sd": None if outcome.sd is None else pictures.sd_picture(outcome.sd),
        "diagnostics": numbers.diagnostics(outcome.diagnostics),
    } | ({} if running else _when_ended(outcome, hidden, MOSAIC if live else MAX_IMAGES))


def _when_ended(outcome: Outcome, hidden: np.ndarray, most: int) -> dict[str, Any]:
    """Draws and parts, which are many images."""
    found: dict[str, Any] = {}
    if outcome.draws is not None:
        found["draws"] = pictures.draws_strip(outcome.draws, hidden, most)
    parts = (pictures.part_strip(name, part, hidden, most) for name, part in outcome.parts.items())
    return found | {"parts": [part for part in parts if part is not None]}
