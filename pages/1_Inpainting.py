"""Hide part of a picture; models fill it in, step by step or all side by side."""

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
    "Paint over part of a picture, and models guess what was there: two samplers step by step, "
    "every method side by side, or both samplers over many pictures.",
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
    jobs.worker(each.work).give_way()
links.receive(FIELDS)


def choose_view() -> type[View]:
    """What is to be seen of the picture."""
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


def what_to_look_at(view: type[View]) -> None:
    """Before the picture, in three sentences."""
    if view.picture and pictures.is_colour(pictures.dataset_on_screen()):
        st.caption("Faces are compared by all methods; the other views show black and white only.")
    st.markdown(view.about)


def broken(error: zoo.BrokenModel) -> NoReturn:
    """Say what is wrong with a shipped file, and end the page there."""
    st.error(cache.how_to_mend(error))
    st.stop()


def picture(view: View, run: jobs.Run | None) -> None:
    """What the run has reached, and why it goes no further; or what there is without one."""
    if run is None:
        view.show()
        if not view.at_hand:
            st.caption("Press Run to fill in the hidden pixels.")
        return
    view.follow(run)
    if run.live and not run.items and (waiting := jobs.waiting()) > 1:
        st.caption(f"Waiting for a free place, {waiting} in line")
    if run.state == "failed":
        st.error("This run broke off on the server. Change anything to start another.")
    elif run.state == "timed out":
        st.info(f"Stopped after {jobs.MAX_SECONDS:.0f} s, the limit of one run.")


chosen = choose_view()
cases = st.container()
controls, results = st.columns([4, 7], gap="large")
with results:
    what_to_look_at(chosen)
with controls:
    asked = None
    inputs.remember_first()  # the address holds them, also of a view without a picture
    try:
        if chosen.picture:
            asked = inputs.problem()
    except zoo.BrokenModel as error:
        broken(error)
    if asked is not None and not links.travels():
        st.caption("The page's link holds the mask and the settings, not an uploaded picture.")
    settings = st.container()
    at_once, stop = False, st.container()
    if chosen.picture:
        go, stop = st.columns(2, vertical_alignment="center")
        frame.kept("at_once", True)
        at_once = go.toggle("Run on every stroke", key="keep.at_once")
with results:
    view = chosen(asked, settings)

link = links.texts(FIELDS, picture=asked is not None)
with cases:
    gallery.show(FIELDS, link)

worker = view.worker
press = st.session_state.pop("run_now", False)
known = None if worker.run is None else worker.run.key
if view.config is None or (view.at_hand and view.config != known and not press):
    if worker.run is not None and worker.run.live:
        worker.stop()
        worker.run = None  # to be taken up again when its settings come back
elif press or (at_once and view.config != known):
    for other in VIEWS.values():
        jobs.worker(other.work).stop()
    try:
        view.start()
    except zoo.BrokenModel as error:
        broken(error)

run = worker.run if worker.run is not None and worker.run.key == view.config else None
live = run is not None and run.live
if live:
    stop.button("Stop", icon=":material/stop:", on_click=worker.stop, width="stretch")
else:
    stop.button(
        view.run_label,
        icon=":material/play_arrow:",
        type="secondary" if at_once else "primary",
        disabled=view.config is None,
        on_click=lambda: st.session_state.update(run_now=True),
        width="stretch",
    )

with results:
    place = st.container()
    view.below(live=live)
with place:
    if view.config is None and not view.at_hand:
        st.caption("Nothing to fill in yet." if asked is None else "Choose at least one method.")
        addresses.send(link)
    else:
        if run is not None:
            run.shown = run.told = 0
        # A browser takes as long for another address as for a picture, so that comes first.
        send = partial(addresses.send, link)
        jobs.follow(run, lambda: picture(view, run), 0.25, live=live, after=send)
