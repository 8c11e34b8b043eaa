"""The inpainting lab: models fill in the hidden pixels of an image."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

from functools import partial
from typing import NoReturn

import streamlit as st

from dgm_core import zoo
from ui import cache, figures, jobs, shortcuts
from ui import links as addresses
from ui.inpainting import gallery, inputs, links, pictures
from ui.inpainting.all_methods import AllMethods
from ui.inpainting.slow_motion import SlowMotion
from ui.inpainting.step_by_step import StepByStep
from ui.inpainting.studies import Studies

frame.page(
    "Inpainting",
    "Paint over part of an image, and models fill in the hidden pixels. Watch two samplers step "
    "by step, compare all methods, or measure both samplers on many images.",
    "Inpainting",
    shortcuts.INPAINTING,
)
st.html(figures.ONCE)
View = StepByStep | SlowMotion | AllMethods | Studies
VIEWS: dict[str, type[View]] = {
    "Step by step": StepByStep,
    "Slow motion": SlowMotion,
    "All methods": AllMethods,
    "Studies": Studies,
}
FIELDS = {name: view.fields for name, view in VIEWS.items()}
for each in VIEWS.values():
    jobs.worker(each.work).pause()
links.receive(FIELDS)


def choose_view() -> type[View]:
    """Show the choice of views; the chosen view."""
    colour = pictures.is_colour(pictures.dataset_on_screen())
    names, key = pictures.COLOUR_VIEWS if colour else tuple(VIEWS), pictures.view_key()
    frame.kept(key, names[0])
    return VIEWS[
        st.segmented_control(
            "View",
            names,
            required=True,
            key=frame.KEPT + key,
            label_visibility="collapsed",
            wrap=True,
        )
    ]


def introduce(view: type[View]) -> None:
    """Tell the visitor what to look at."""
    if view.picture and pictures.is_colour(pictures.dataset_on_screen()):
        st.caption(
            "Faces have no view Step by step or Slow motion: these need black-and-white images."
        )
    st.markdown(view.about)


def broken(error: zoo.BrokenModel) -> NoReturn:
    """Show what is wrong with a shipped file, and end the page."""
    st.error(cache.how_to_mend(error))
    st.stop()


def show_run(view: View, run: jobs.Run | None) -> None:
    """Show what the run has reached and its state; without a run, the shipped result."""
    if run is None:
        view.show()
        if not view.available:
            st.caption("Press Run to fill in the hidden pixels.")
        return
    view.follow(run)
    if run.live and not run.items and (waiting := jobs.waiting()) > 1:
        st.caption(f"Waiting for a free slot; {waiting} runs are waiting.")
    if run.state == "failed":
        st.error("The run failed on the server. Change a setting to start another.")
    elif run.state == "timed out":
        st.info(f"Stopped: the time limit of {jobs.MAX_SECONDS:.0f} s is reached.")


chosen = choose_view()
cases = st.container()
controls, results = st.columns([4, 7], gap="large")
with results:
    introduce(chosen)
with controls:
    problem = None
    inputs.remember_first()  # the link holds them, also in a view without an image
    try:
        if chosen.picture:
            problem = inputs.problem()
    except zoo.BrokenModel as error:
        broken(error)
    if problem is not None and not links.holds_picture():
        st.caption("The link of this page holds the mask and the settings, but no uploaded image.")
    settings = st.container()
    at_once, button = False, st.container()
    if chosen.picture:
        toggle, button = st.columns(2, vertical_alignment="center")
        frame.kept("at_once", True)
        at_once = toggle.toggle("Run after every stroke", key="keep.at_once")
with results:
    view = chosen(problem, settings)

link = links.texts(FIELDS, picture=problem is not None)
with cases:
    gallery.show(FIELDS, link)

worker = view.worker
pressed = st.session_state.pop("run_now", False)
current = None if worker.run is None else worker.run.key
if view.config is None or (view.available and view.config != current and not pressed):
    if worker.run is not None and worker.run.live:
        worker.stop()
        worker.run = None  # it continues when its settings come back
elif pressed or (at_once and view.config != current):
    for other in VIEWS.values():
        jobs.worker(other.work).stop()
    try:
        view.start()
    except zoo.BrokenModel as error:
        broken(error)

run = worker.run if worker.run is not None and worker.run.key == view.config else None
live = run is not None and run.live
if live:
    button.button("Stop", icon=":material/stop:", on_click=worker.stop, width="stretch")
else:
    button.button(
        view.run_label,
        icon=":material/play_arrow:",
        type="secondary" if at_once else "primary",
        disabled=view.config is None,
        on_click=lambda: st.session_state.update(run_now=True),
        width="stretch",
    )

with results:
    shown = st.container()
    view.below(live=live)
with shown:
    if view.config is None and not view.available:
        st.caption("Nothing to fill in yet." if problem is None else "Choose at least one method.")
        addresses.send(link)
    else:
        if run is not None:
            run.shown = run.shown_late = 0
        # The browser takes as long for a new address as for an image, so the image comes first.
        send = partial(addresses.send, link)
        jobs.follow(run, lambda: show_run(view, run), 0.25, live=live, after=send)
