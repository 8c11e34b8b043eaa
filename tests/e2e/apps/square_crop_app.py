"""Test app of the movable square: one photograph, and what Python receives.

Query parameters: height and width of the photograph, and delay: the seconds that the script
sleeps before it is shown.
"""

import json
import time

import numpy as np
import streamlit as st

from ui.components.square_crop import Square, moved, square_crop
from ui.intake import square_from_photo


def photograph(height: int, width: int) -> np.ndarray:
    """Red grows to the right, green downwards; a blue chequered pattern lies over it."""
    rows, columns = np.mgrid[:height, :width]
    chequers = (rows * 8 // height + columns * 8 // width) % 2
    photo = [255 * columns / (width - 1), 255 * rows / (height - 1), 160 * chequers]
    return np.stack(photo, -1).astype(np.uint8)


def main() -> None:
    """A page built like the lab's: a copy of the square in the session, and a report."""
    memory, query = st.session_state, st.query_params
    memory.setdefault("square", Square())
    memory.setdefault("revision", 1)
    memory.setdefault("calls", 0)
    memory.runs = memory.get("runs", 0) + 1

    def count_call() -> None:
        memory.calls += 1
        memory.in_callback = moved("crop", memory.revision)

    if st.button("Upper left"):
        memory.square = Square(0, 0, 0.5)
        memory.revision += 1
    time.sleep(float(query.get("delay", 0)))
    photo = photograph(int(query.get("height", 240)), int(query.get("width", 320)))
    put = None
    if st.toggle("Show", value=True):
        put = square_crop(
            "crop",
            photo=photo,
            square=memory.square,
            revision=memory.revision,
            label="Choose a square",
            on_change=count_call,
        )
    if put is not None:
        memory.square = put
    report = {
        "square": put,
        "kept": memory.square,
        "mean": square_from_photo(photo, *memory.square).mean((0, 1)).tolist(),
        "calls": memory.calls,
        "in_callback": memory.get("in_callback"),
        "runs": memory.runs,
    }
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


if __name__ == "__main__":
    main()
