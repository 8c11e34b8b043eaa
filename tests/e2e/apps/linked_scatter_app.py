"""Test app of the linked scatter: ten clouds in two planes, and what Python receives.

Query parameters: n, the number of points; one, for a single panel without pictures; delay, the
seconds that the script sleeps before it shows the points.
"""

import json
import time

import numpy as np
import streamlit as st

from ui.components.linked_scatter import (
    Categories,
    Ellipse,
    Panel,
    Ramp,
    Sheet,
    linked_scatter,
    sheet_of,
)

DIGITS = [str(digit) for digit in range(10)]
CLUSTERS = "ABCDEFGHIJ"


def clouds(count: int, turn: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in two planes, (n, 2) each, and clouds of the points; `turn` moves the clouds."""
    draw = np.random.default_rng(0)
    codes = draw.integers(0, 10, count)
    angles = 2 * np.pi * np.arange(10) / 10 + turn
    centres = 4 * np.stack([np.cos(angles), np.sin(angles)], -1) * (1 + np.arange(10)[:, None] % 2)
    shapes = draw.normal(size=(10, 2, 2)) * 0.5 + 0.4 * np.eye(2)
    noise = draw.normal(size=(count, 2))
    first = centres[codes] + (shapes[codes] @ noise[..., None])[..., 0]
    second = np.stack([3 * np.sin(first[:, 0]), first[:, 1] / 2], -1) + 0.3 * noise
    return first, second, codes


@st.cache_data(max_entries=2)
def pictures(count: int) -> Sheet:
    """Images: left half of grey level i mod 256 for point i; on the right a disc for its digit."""
    y, x = np.mgrid[:28, :28] - 13.5
    codes = clouds(count)[2]
    discs = 255 * (np.hypot(x, y) < 3 + codes[:, None, None])
    levels = (np.arange(count) % 256)[:, None, None]
    return sheet_of(np.where(np.arange(28) < 14, levels, discs).astype(np.uint8))


def ellipses(xy: np.ndarray, codes: np.ndarray) -> list[Ellipse]:
    """Ellipses of the first five clouds, named by letters."""
    return [
        Ellipse(*xy[codes == k].mean(0), np.cov(xy[codes == k].T), k, CLUSTERS[k])
        for k in range(5)
    ]


def main() -> None:
    """A page built like the lab's: a copy of the selection in the session, and a report."""
    memory, query = st.session_state, st.query_params
    memory.setdefault("chosen", None)
    memory.setdefault("revision", 0)
    memory.setdefault("turn", 0)
    memory.runs = memory.get("runs", 0) + 1
    count = int(query.get("n", 600))
    if st.button("Half"):
        memory.half, memory.chosen = True, None
    count = count // 2 if "half" in memory else count

    def count_call() -> None:
        memory.calls = memory.get("calls", 0) + 1

    if st.button("First ten"):
        memory.chosen = np.arange(count) < 10
        memory.revision += 1
    if st.button("Move"):
        memory.turn += 1
    first, second, codes = clouds(count, memory.turn)
    sheet = None if "one" in query else pictures(count)
    panels = [Panel("Latent codes", first, ellipses(first, codes)), Panel("Other axes", second)]
    time.sleep(float(query.get("delay", 0)))
    chosen = memory.chosen
    if st.toggle("Show", value=True):
        chosen = linked_scatter(
            "scatter",
            panels[:1] if "one" in query else panels,
            [
                Categories("digit", codes, DIGITS),
                Categories("cluster", np.where(codes < 8, codes // 2, -1), list(CLUSTERS[:4])),
                Ramp("doubt", np.hypot(*first.T), "near", "far"),
            ],
            label="Codes of the test set",
            pictures=sheet,
            selected=memory.chosen,
            revision=memory.revision,
            on_change=count_call,
        )
        memory.chosen = chosen
    report = {
        "chosen": None if chosen is None else np.flatnonzero(chosen).tolist(),
        "calls": memory.get("calls", 0),
        "runs": memory.runs,
    }
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


if __name__ == "__main__":
    main()
