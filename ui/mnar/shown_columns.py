"""Which of the columns that lose values the figures show."""

from __future__ import annotations

import streamlit as st

from ui.frame import kept, last_value, remember


def choose_column(name: str, names: list[str]) -> int:
    """One of the columns that lose values, as a kept widget; its place among them."""
    if last_value(name, None) not in names:  # of another table
        st.session_state.pop(f"keep.{name}", None)
        remember(name, names[0])
    kept(name, names[0])
    return names.index(st.selectbox("Column shown", names, key=f"keep.{name}"))
