"""Test app of the live sliders: sliders in a fragment, and an image that depends on them.

Query parameters: count of sliders, compact, and draw: the seconds that an image takes.
"""

import json
import time

import streamlit as st

from ui.components.live_sliders import LiveSlider, live_sliders

SLIDERS = [
    LiveSlider("shift", "Shift", -3, 3, 0.05, "SD", help="Of the latent code."),
    LiveSlider("width", "Width", 1, 64, 1, "pixels", decimals=0, default=16),
]


def main() -> None:
    """A page built like the lab's: presets, a fragment with the sliders and their image."""
    memory, query = st.session_state, st.query_params
    memory.setdefault("start", {"shift": 0.5, "width": 16})
    memory.setdefault("rev", 1)
    memory.runs = memory.get("runs", 0) + 1
    if st.button("Preset"):
        memory.start = {"shift": -1, "width": 40}
        memory.rev += 1
    if st.toggle("Show", value=True):
        follow(int(query.get("count", 0)), "compact" in query, float(query.get("draw", 0)))
    st.text(f"{memory.runs} runs of the page")


@st.fragment
def follow(count: int, compact: bool, seconds: float) -> None:
    """Sliders, and an image that is slow to compute."""
    memory = st.session_state

    def count_call() -> None:
        memory.calls = memory.get("calls", 0) + 1

    many = [LiveSlider(f"z{i}", f"z{i + 1}", -3, 3, 0.01) for i in range(count)]
    values = live_sliders(
        "sliders",
        many or SLIDERS,
        dict.fromkeys((slider.name for slider in many), 0.0) or memory.start,
        rev=memory.rev,
        label="Latent code",
        compact=compact,
        on_change=count_call,
    )
    time.sleep(seconds)
    memory.pictures = memory.get("pictures", 0) + 1
    st.markdown(" · ".join(f"{name} {value:.2f}" for name, value in values.items()))
    report = {
        "values": values,
        "pictures": memory.pictures,
        "calls": memory.get("calls", 0),
        "runs": memory.runs,
    }
    st.html(f'<pre id="report" hidden>{json.dumps(report)}</pre>')


if __name__ == "__main__":
    main()
