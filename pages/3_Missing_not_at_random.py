"""Values that go missing because of what they are: MIWAE is misled, not-MIWAE learns why."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from dgm_core import zoo
from ui import jobs
from ui.mnar import links, mechanism, tables
from ui.mnar.asked import Asked
from ui.mnar.views import VIEWS, View

frame.page(
    "Missing not at random",
    "People lose values *because of* what the values are. Set how, and watch MIWAE be misled and "
    "not-MIWAE cope, or fail, and say so.",
)
