"""The lab of values missing not at random: MIWAE is biased, not-MIWAE learns the mechanism."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dgm_core import zoo
from ui import cache, figures, jobs, shortcuts
from ui.mnar import links, mechanism, table_choice
from ui.mnar.images import Images, offered
from ui.mnar.masked_table import MaskedTable
from ui.mnar.views import VIEWS, RunningView

frame.page(
    "Missing not at random",
    "Values go missing *because of* what they are. Choose how, and compare MIWAE, which ignores "
    "the mechanism, with not-MIWAE, which learns it. Both are scored on the values you removed.",
    "Missing_not_at_random",
    shortcuts.MNAR,
)
st.html(figures.ONCE)
links.receive(tuple(VIEWS))
frame.kept("mnar view", next(iter(VIEWS)))
chosen = st.segmented_control(
    "View", list(VIEWS), required=True, key="keep.mnar view", label_visibility="collapsed"
)


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
    data = MaskedTable(table, plan)
    if data.error is not None:
        st.warning(data.error)
        return None
    return data


def buttons(view: RunningView, run: jobs.Run | None) -> None:
    """Start, stop, go on."""
    left, right = st.columns(2)
    if run is not None and run.live:
        right.button("Stop", icon=":material/stop:", on_click=view.worker.stop, width="stretch")
    elif run is not None and run.state in ("stopped", "timed out"):
        right.button(
            "Continue",
            icon=":material/resume:",
            on_click=alone,
            args=(view.worker.resume,),
            width="stretch",
        )
    label = view.action if run is None else "Restart"
    left.button(
        label,
        icon=":material/play_arrow:",
        type="primary",
        on_click=alone,
        args=(view.start,),
        width="stretch",
    )


def alone(begin: Callable[[], object]) -> None:
    """Begin or go on, in place of whatever runs in any view."""
    for other in VIEWS.values():
        if other.work is not None:
            jobs.worker(other.work).stop()
    begin()


def picture(view: RunningView, run: jobs.Run | None) -> None:
    """What the run has reached; or what there is without one."""
    if run is None:
        view.show()
    else:
        view.follow(run)
        ended(run)


def ended(run: jobs.Run) -> None:
    """Why it goes no further, if that is not its end."""
    if run.live and not run.items and (waiting := jobs.waiting()) > 1:
        st.caption(f"Waiting for a free place, {waiting} in line")
    if run.state == "failed":
        st.error("This run broke off on the server. Change anything, or start it again.")
    elif run.state == "timed out":
        st.info(f"Stopped after {jobs.MAX_SECONDS:.0f} s, the limit of one run.")


def run_and_show(view: RunningView, below_controls: DeltaGenerator) -> None:
    """A view with work in the background: its buttons, and where its run stands."""
    run = view.worker.run
    if run is not None and run.key != view.config:
        view.worker.stop()
        run = None
    if run is None and view.automatic:
        alone(view.start)
        run = view.worker.run
    live = run is not None and run.live
    with below_controls:
        buttons(view, run)
    with results:
        view.above()
        place = st.container()
        view.below(live=live)
    with place:
        jobs.follow(run, lambda: picture(view, run), 1.2, live=live)


controls, results = st.columns([3, 8], gap="large")
kind = VIEWS[chosen]
results.markdown(kind.about)
try:
    if kind is Images and not offered():
        links.send(tuple(VIEWS))
        results.info("No data set with a model of over-exposed images is available.")
    elif kind is Images:
        view = Images(controls)
        links.send(tuple(VIEWS))
        run_and_show(view, controls)
    else:
        with controls:
            data = choose_data()
            settings, below_settings = st.container(), st.container()
        links.send(tuple(VIEWS))
        if data is None:
            results.caption("Choose a table with missing values; this view imputes them.")
        else:
            view = kind(data, settings)
            if kind.work is None:
                with results:
                    view.show()
            else:
                run_and_show(view, below_settings)
except zoo.BrokenModel as error:
    results.error(cache.how_to_mend(error))
