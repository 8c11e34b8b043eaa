"""Minimal live slider that returns its value: the baseline of timings in the same run."""

import streamlit as st

from ui.components.live_sliders import LiveSlider, live_sliders


@st.fragment
def echo() -> None:
    """A slider, and its value as text."""
    slider = LiveSlider("d0", "Bare", -4, 4, 0.05)
    values = live_sliders("bare", [slider], {"d0": 0.0}, rev=1, label="Bare")
    st.html(f'<div id="echo" data-value="{values["d0"]:.2f}"></div>')


echo()
