"""The messages between a linked scatter and its browser part."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from ui.components.bits import unpack
from ui.components.linked_scatter.palette import COLOURS, RAMP, colour
from ui.components.linked_scatter.parts import NONE, Categories, Colouring, Panel

STEPS = 65535
"""Steps along each axis of a panel; finer than any screen."""


def panel_message(panel: Panel) -> dict[str, Any]:
    """Coordinates in steps of 1/65535 of the range of each axis; the error is half a step."""
    low = panel.xy.min(0).astype(float)
    span = panel.xy.max(0) - low
    scale = np.where(span > 0, span, 1.0)
    steps = np.rint((panel.xy - low) / scale * STEPS).astype("<u2")
    return {
        "title": panel.title,
        "low": low.tolist(),
        "span": span.tolist(),
        "xy": _base64(steps),
        "ellipses": [
            {
                "mean": [float(e.x), float(e.y)],
                "covariance": [float(e.covariance[i][j]) for i, j in ((0, 0), (0, 1), (1, 1))],
                "colour": e.colour if isinstance(e.colour, str) else colour(e.colour),
                "name": e.name,
                "bold": e.bold,
            }
            for e in panel.ellipses
        ],
    }


def colouring_message(colouring: Colouring) -> dict[str, Any]:
    """Codes as bytes, or values in single precision."""
    if isinstance(colouring, Categories):
        count = len(colouring.names)
        codes = np.where(colouring.codes < 0, NONE, colouring.codes).astype(np.uint8)
        chosen = colouring.colours or [COLOURS[i % len(COLOURS)] for i in range(count)]
        return {
            "name": colouring.name,
            "codes": _base64(codes),
            "names": [str(name) for name in colouring.names],
            "colours": list(chosen),
        }
    finite = colouring.values[np.isfinite(colouring.values)]
    return {
        "name": colouring.name,
        "values": _base64(colouring.values.astype("<f4")),
        "low": float(finite.min()),
        "high": float(finite.max()),
        "lowLabel": colouring.low_label,
        "highLabel": colouring.high_label,
        "colours": list(RAMP),
    }


def parse(message: object, count: int, revision: int | str) -> np.ndarray | None:
    """The selected points (N,) bool in a message of the browser; None if it is invalid."""
    if not isinstance(message, Mapping):
        return None
    sent, rev = message.get("count"), message.get("rev")
    if type(sent) is not int or sent != count:  # True is not 1 here
        return None
    if type(rev) is not type(revision) or rev != revision:
        return None
    try:
        return unpack(message.get("bits"), count)
    except ValueError:
        return None


def _base64(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers)).decode("ascii")
