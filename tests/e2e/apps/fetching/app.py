"""Test app: the inpainting lab, whose data sets come from the server in $OFFICIAL_SERVER."""

import streamlit as st

st.page_link("pages/1_Inpainting.py")
