"""The lab of the visitor's own table: completed, with what is uncertain and what is assumed."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.your_table import front

frame.page(
    "Your table",
    "Bring a table with missing values. Several methods complete it, known cells of your table "
    "show which method to use, and the uncertainty goes into your conclusions. Nothing is stored "
    "on the server.",
    "Your_table",
    shortcuts.YOUR_TABLE,
)
with frame.loading("Your_table", front.picture):
    from ui import figures, links
    from ui.your_table import page

st.html(figures.ONCE)
links.receive("your table", page.SETTINGS)
page.show()
