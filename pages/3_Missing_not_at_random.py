"""The lab of values missing not at random: MIWAE is biased, not-MIWAE learns the mechanism."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

import streamlit as st

from ui import shortcuts
from ui.mnar import front

frame.page(
    "Missing not at random",
    "Values go missing *because of* what they are. Choose how, and compare MIWAE, which ignores "
    "the mechanism, with not-MIWAE, which learns it. Both are scored on the values you removed.",
    "Missing_not_at_random",
    shortcuts.MNAR,
)
with frame.loading("Missing_not_at_random", front.picture):
    from dgm_core import zoo
    from ui import cache, figures, links
    from ui.mnar import mechanism, table_choice
    from ui.mnar.images import Images, offered
    from ui.mnar.masked_table import MaskedTable, masked_table
    from ui.mnar.views import VIEW, VIEWS, all_settings


def choose_data() -> MaskedTable | None:
    """Table and mechanism; None while there is no table, or no value would be missing."""
    with st.container(border=True):
        table = table_choice.choose_table()
    if table is None:
        return None
    with st.container(border=True):
        plan = mechanism.choose_plan(table)
    if plan is mechanism.NO_PLAN:
        return None
    data = masked_table(table, plan)
    if data.error is not None:
        st.warning(data.error)
        return None
    return data


st.html(figures.ONCE)
links.receive("mnar", all_settings())
chosen = VIEW.widget(st.segmented_control, "View", required=True, label_visibility="collapsed")
controls, results = st.columns([3, 8], gap="large")
view, instead = None, None
try:
    if VIEWS[chosen] is not Images:
        with controls:
            data = choose_data()
            settings = st.container()
        if data is None:
            instead = "Choose a table with missing values; this view imputes them."
        else:
            view = VIEWS[chosen](data, settings)
    elif offered():
        view = Images(controls)
    else:
        instead = "No data set with a model of over-exposed images is available."
    links.send(links.texts(all_settings(), skip_first=True))
    with results:
        st.markdown((view or VIEWS[chosen]).about)
        if view is not None:
            view.show()
        else:
            st.info(instead)
except zoo.BrokenModel as error:
    results.error(cache.how_to_mend(error))
