"""Theory notes: formulas, the code that implements them, and an interactive figure."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.theory import front

frame.page(
    "Theory notes",
    "The ideas behind the labs. Each note has the formulas, the code that implements them, and an "
    "interactive figure.",
    "Theory",
    shortcuts.THEORY,
)
with frame.loading("Theory", front.picture):
    from dgm_core import zoo
    from ui import cache, figures, links
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

NOTE = links.Setting("theory note", next(iter(NOTES)), options=tuple(NOTES), link="note")

st.html(figures.ONCE)
links.receive("theory", [NOTE, *links.settings_of(NOTES.values())])
chosen = NOTE.widget(st.pills, "Note", required=True, label_visibility="collapsed")
links.send(links.texts([NOTE, *NOTES[chosen].settings]))
try:
    NOTES[chosen]().show()
except zoo.BrokenModel as error:
    st.error(cache.how_to_mend(error))
