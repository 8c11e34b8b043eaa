"""A kept widget, and a second run of the script soon after the first."""

import streamlit as st

from ui import frame

frame.page("Kept", "A slider.")
frame.kept("count", 4)
st.slider("Count", 1, 16, key="keep.count")
if st.button("Press"):
    st.write("pressed")
st.write(f"count is {st.session_state['keep.count']}")


@st.fragment(run_every=0.2)
def again() -> None:
    runs = st.session_state.setdefault("runs", 0)
    st.session_state.runs = runs + 1
    if runs == 2:
        st.rerun()
    st.caption(f"looked {min(runs, 3)} times")


again()
