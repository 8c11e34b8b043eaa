"""Short notes: a formula, the code that is it, and a figure that moves."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from dgm_core import zoo
from ui import cache, figures, links, shortcuts
from ui.theory.autoregressive import Autoregressive
from ui.theory.flows import Flows
from ui.theory.games import Games
from ui.theory.gap import Gap
from ui.theory.importance import Importance
from ui.theory.missing import Missing
from ui.theory.reparameterisation import Reparameterisation
from ui.theory.transport import Transport

NOTES = {
    note.name: note
    for note in (
        Autoregressive,
        Reparameterisation,
        Gap,
        Flows,
        Games,
        Missing,
        Importance,
        Transport,
    )
}

frame.page(
    "Theory notes",
    "The ideas behind the labs, one figure each: the formula, the code, and what they do.",
    "Theory",
    shortcuts.THEORY,
)
st.html(figures.ONCE)
links.receive_parts("theory", "note", NOTES)
frame.kept("theory note", next(iter(NOTES)))
chosen = st.pills(
    "Note", list(NOTES), required=True, key="keep.theory note", label_visibility="collapsed"
)
links.send_part("note", NOTES[chosen])
try:
    NOTES[chosen]().show()
except zoo.BrokenModel as error:
    st.error(cache.how_to_mend(error))
