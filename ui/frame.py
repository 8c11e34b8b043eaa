"""What every page has: its set-up, its way home, and values that survive a change of page."""

from __future__ import annotations

import os

# Before torch is imported: where sessions share the cores, each chain is faster on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from dgm_core import device

device.keep_freed_memory()

KEPT = "keep."
"""Widgets whose key starts so keep their value when the visitor goes to another page and back."""


def kept(name: str, value: object) -> None:
    """Give the kept widget `name` its first value; the widget itself is made without one."""
    st.session_state.setdefault(KEPT + name, value)


def page(title: str, subtitle: str) -> None:
    """Set up a page and draw its head. The first Streamlit call of every page."""
    st.set_page_config(
        page_title=f"{title} · DGM Lab",
        page_icon="▚",
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 3.5rem}</style>")
    # Assigning a widget's value to itself takes it out of Streamlit's clean-up after page changes.
    for key in list(st.session_state):
        if isinstance(key, str) and key.startswith(KEPT):
            st.session_state[key] = st.session_state[key]
    st.title(title, anchor=False)
    st.markdown(subtitle)
