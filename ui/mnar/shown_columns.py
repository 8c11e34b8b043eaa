"""The choice of the column that figures show."""

from __future__ import annotations

import streamlit as st

from ui.frame import kept, last_value, renew


def choose_column(name: str, names: list[str]) -> int:
    """A kept widget that chooses one of the columns with missing values; returns its index."""
    if last_value(name, None) not in names:  # the column belongs to another table
        renew(name, names[0])
    return names.index(st.selectbox("Column shown", names, key=kept(name, names[0])))
