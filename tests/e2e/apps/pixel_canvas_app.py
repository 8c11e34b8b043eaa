"""Test app of the pixel canvas: one canvas, and what Python receives.

Query parameters: mode, size, picture (none, grey, rgb), peek, max_width, draw (with fine ink under
the mask, which is moved to the upper left corner), and delay: the seconds that the script sleeps
before the canvas.
"""

import json
import time

import numpy as np
import streamlit as st

from ui.components.bits import pack
from ui.components.pixel_canvas import GRAIN, Drawing, drawn, painted, pixel_canvas


def picture(kind: str, size: int) -> np.ndarray | None:
    """A ring on black, in grey or on a colour gradient."""
    if kind == "none":
        return None
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    grey = 255 * np.exp(-(((np.hypot(x * 1.3, y) - 0.6) / 0.15) ** 2))
    if kind == "grey":
        return grey.astype(np.uint8)
    return np.stack([127 * (x + 1), grey, 127 * (y + 1)], axis=-1).astype(np.uint8)


def cornered(ink: np.ndarray) -> np.ndarray:
    """Ink moved to the upper left corner."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return np.roll(ink, (-rows[0], -columns[0]), (0, 1)) if ink.any() else ink


def main() -> None:
    """A page built like the lab's: a preset, a copy of the pixels in the session, and a report."""
    memory, query = st.session_state, st.query_params
    size = int(query.get("size", 28))
    mode = query.get("mode", "mask")
    memory.setdefault("shadow", np.zeros((size, size), bool))
    memory.setdefault("ink", np.zeros((GRAIN * size, GRAIN * size), bool))
    memory.setdefault("revision", 1)
    memory.setdefault("calls", 0)
    memory.runs = memory.get("runs", 0) + 1

    def count_call() -> None:
        stroke = painted("canvas", size, size, memory.revision)
        memory.calls += 1
        memory.number_in_callback = stroke.number if stroke else None

    if st.button("Preset"):
        memory.shadow = np.zeros((size, size), bool)
        memory.shadow[: size // 2] = True
        memory.revision += 1
    time.sleep(float(query.get("delay", 0)))
    stroke = None
    inked = drawn("canvas", size, size, 1)
    if inked is not None:
        memory.ink = inked.bits
    if st.toggle("Show", value=True):
        stroke = pixel_canvas(
            "canvas",
            mode=mode,
            height=size,
            width=size,
            bits=memory.shadow,
            revision=memory.revision,
            background=picture(query.get("picture", "grey"), size),
            on_change=count_call,
            max_width=int(query.get("max_width", 360)),
            label="Draw a digit" if mode == "ink" else "Hide pixels",
            peek="peek" in query,
            drawing=Drawing(memory.ink, 1, cornered(memory.ink)) if "draw" in query else None,
        )
    if stroke is not None:
        memory.shadow = stroke.bits
    report = {
        "number": stroke.number if stroke else None,
        "cells": np.argwhere(stroke.bits).tolist() if stroke else None,
        "calls": memory.calls,
        "in_callback": memory.get("number_in_callback"),
        "runs": memory.runs,
        "revision": memory.revision,
        "ink_number": inked.number if inked else None,
        "ink": pack(memory.ink),
    }
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


if __name__ == "__main__":
    main()
