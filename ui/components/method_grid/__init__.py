"""Method grid: what many methods fill into one image, side by side, and their scores beneath.

Each message holds all that is known, so one may be lost or repeated. While a method runs, its mean
and standard deviation are sent; its draws and parts follow when it has ended. Errors, differences
and colours are computed in the browser, which alone knows what the visitor looks at. Back comes
one thing: that a method is to be stopped.

    message = grid_message(run="7", config=config, outcomes=outcomes, state="running",
                           definitions=metrics.DEFINITIONS)
    request = method_grid("grid", message)
    if request is not None:
        control.stop(request.method)
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ui.components import SD_MAX, inline_component
from ui.components.method_grid import numbers, pictures

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
"""So many draws of a method are shown on its card, and sent while others still run."""
MOST = 64
"""So many draws, or pictures of a part, are sent at the end."""
PIXELATED = 32
"""Images of so many pixels a side, or fewer, are enlarged as squares."""


class StopRequest(NamedTuple):
    """A visitor wants a method to stop."""

    method: str


def method_grid(key: str, message: dict[str, Any]) -> StopRequest | None:
    """Show the grid and the table; return what a visitor asked for since, which is told once.

    Args:
        key: Streamlit key; the same on every rerun.
        message: made by `grid_message`.
    """
    answer = _COMPONENT(key=key, data=message, on_stop_change=lambda: None)
    return parse(answer.get("stop"), message)


def parse(value: object, message: Mapping[str, Any]) -> StopRequest | None:
    """What the browser sent → a request to stop a running method of this run, else None."""
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
    titles: Mapping[str, str] | None = None,
    definitions: Mapping[str, str],
    original_name: str = "truth",
) -> dict[str, Any]:
    """All that is known of a run, in the form the grid reads: plain numbers and text.

    Args:
        run: identifies the run.
        config: the image, the mask, and which methods are to come.
        outcomes: the newest of each method, in the order of the cards; methods of `config` that
            have none yet come after them.
        state: of the run; once it is not "running", nothing in it runs.
        titles: method → title of its card; else its name.
        definitions: score → what it means.
        original_name: what the original is, in a word or two.
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
        "originalName": original_name,
        "hidden": base64.b64encode(np.packbits(hidden)).decode("ascii"),
        "zero": pictures.ZERO,
        "sdMax": SD_MAX,
        "methods": [
            _method(name, (titles or {}).get(name, _capital(name)), outcome, hidden, live=live)
            for name, outcome in known.items()
        ],
        "columns": numbers.columns([_at_rest(o, live) for o in outcomes], definitions),
    }


@lru_cache(maxsize=64)
def _original(config: Config) -> str:
    return pictures.mean_picture(config.truth)


def _at_rest(outcome: Outcome, live: bool) -> Outcome:
    """An outcome of a run that has ended does not run any more."""
    if outcome.state != "running" or live:
        return outcome
    return outcome._replace(state="stopped")


def _method(
    name: str, title: str, outcome: Outcome | None, hidden: np.ndarray, *, live: bool
) -> dict[str, Any]:
    """What a card shows."""
    if outcome is None:
        return {"name": name, "title": title, "state": "waiting" if live else "stopped"}
    outcome = _at_rest(outcome, live)
    begun = outcome.mean is not None
    running = outcome.state == "running"
    return {
        "name": name,
        "title": title,
        "state": "waiting" if running and not begun else outcome.state,
        "note": outcome.note,
        "done": round(min(max(outcome.done, 0.0), 1.0), 3) if math.isfinite(outcome.done) else 0,
        "seconds": numbers.seconds(outcome.seconds) if begun else "",
        "mean": pictures.mean_picture(outcome.mean) if begun else None,
        "sd": None if outcome.sd is None else pictures.sd_picture(outcome.sd),
        "diagnostics": numbers.diagnostics(outcome.diagnostics),
    } | ({} if running else _when_ended(outcome, hidden, MOSAIC if live else MOST))


def _when_ended(outcome: Outcome, hidden: np.ndarray, most: int) -> dict[str, Any]:
    """Draws and parts, which are many pictures."""
    found: dict[str, Any] = {}
    if outcome.draws is not None:
        found["draws"] = pictures.draws_strip(outcome.draws, hidden, most)
    parts = (pictures.part_strip(name, part, hidden, most) for name, part in outcome.parts.items())
    return found | {"parts": [part for part in parts if part is not None]}


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
