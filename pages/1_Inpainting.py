"""The inpainting lab: models fill in the hidden pixels of an image."""

from ui import frame  # isort: skip  (sets the threads before torch is imported)

from functools import partial
from typing import NoReturn

import streamlit as st

from ui import shortcuts
from ui.inpainting import front

frame.page(
    "Inpainting",
    "Paint over part of an image, and models fill in the hidden pixels. Watch two samplers step "
    "by step or live, compare all methods, or measure both samplers on many images.",
    "Inpainting",
    shortcuts.INPAINTING,
)
with frame.loading("Inpainting", front.still):
    from dgm_core import zoo
    from ui import cache, figures, glossary, jobs, run_panel
    from ui import links as share_links
    from ui.inpainting import (
        all_methods,
        gallery,
        inputs,
        links,
        live,
        pictures,
        slow_motion,
        step_by_step,
        studies,
    )
    from ui.inpainting.all_methods import AllMethods
    from ui.inpainting.live import Live
    from ui.inpainting.slow_motion import SlowMotion
    from ui.inpainting.step_by_step import StepByStep
    from ui.inpainting.studies import Studies

st.html(figures.ONCE)
View = StepByStep | SlowMotion | AllMethods | Studies
VIEWS: dict[str, type[View | Live]] = {
    view.name: view for view in (StepByStep, Live, SlowMotion, AllMethods, Studies)
}
WORKERS = [module.WORKER for module in (step_by_step, slow_motion, all_methods, studies)]
for worker in WORKERS:
    jobs.worker(worker).pause()
links.receive(VIEWS)


def introduce(view: type[View | Live]) -> None:
    """Tell the visitor what to look at."""
    if view.picture and pictures.is_colour(pictures.dataset_on_screen()):
        st.caption(
            "Faces have no view Step by step or Slow motion: these need black-and-white images."
        )
    place = "" if view is Live else " The server computes this view."
    st.markdown(view.about + place, help=glossary.hover(view.about))


def broken(error: zoo.BrokenModel) -> NoReturn:
    """Show what is wrong with a shipped file, and end the page."""
    st.error(cache.how_to_mend(error))
    st.stop()


def show_run(view: View, panel: run_panel.RunPanel) -> None:
    """Show the state of the run and what it has reached; without a run, the shipped result."""
    run = panel.run
    if run is None:
        view.show()
        if not view.available:
            st.caption(f"Press {panel.action} to fill in the hidden pixels.")
        return
    run_panel.status(run, view.run_progress(run), panel.action)
    view.follow(run)


def show_live(view: Live) -> None:
    """Show the samplers of the browser; no run of this visitor needs the server meanwhile."""
    for name in WORKERS:
        jobs.worker(name).stop()
    try:
        view.show()
    except zoo.BrokenModel as error:
        broken(error)


def started(view: View, automatic: bool) -> run_panel.RunPanel:
    """The panel of a view, which starts a run if one is due."""
    automatic = automatic and not view.available
    try:
        if automatic and view.config is not None:
            view.load()
        return view.panel(automatic=automatic, stops=WORKERS)
    except zoo.BrokenModel as error:
        broken(error)


def show_view(view: View, panel: run_panel.RunPanel, link: dict[str, str]) -> None:
    """Show the run of a view, its buttons, and its results."""
    if panel.run is None and panel.worker.run is not None:
        panel.worker.close()
        panel.worker.run = None  # it starts again when its settings come back
    with buttons:
        panel.buttons()
    with results:
        shown = st.container()
        view.below(panel)
    with shown:
        if view.config is None and not view.available:
            st.caption(
                "Nothing to fill in yet." if problem is None else "Choose at least one method."
            )
            share_links.send(link)
            return
        run = panel.run
        if run is not None:
            run.shown = run.shown_late = 0
        # The browser takes as long for a new address as for an image, so the image comes first.
        send = partial(share_links.send, link)
        jobs.follow(run, lambda: show_run(view, panel), 0.25, live=panel.live, after=send)


chosen = VIEWS[
    links.view_setting(VIEWS).widget(
        st.segmented_control, "View", required=True, label_visibility="collapsed", wrap=True
    )
]
cases = st.container()
controls, results = st.columns([4, 7], gap="large")
# On a phone, the samplers of the browser are directly under the canvas.
picture_place = st.container() if chosen is Live else None
if chosen is not Live:
    with results:
        introduce(chosen)
with controls:
    problem = None
    inputs.remember_first()  # the link holds them, also in a view without an image
    try:
        if chosen.picture:
            problem = inputs.problem(picture_place, quiet=live.QUIET if chosen is Live else None)
    except zoo.BrokenModel as error:
        broken(error)
    if problem is not None and not links.holds_picture():
        st.caption("The link of this page holds the mask and the settings, but no uploaded image.")
    settings = st.container()
    automatic = False
    if chosen.picture and chosen is not Live:
        automatic = st.toggle("Run after every stroke", key=frame.kept("at_once", True))
    buttons = st.container()
with results:
    view = chosen(problem, settings)
# The run computes its first images while the rest of the page is drawn.
panel = None if isinstance(view, Live) else started(view, automatic)

link = links.texts(VIEWS, picture=problem is not None)
with cases:
    gallery.show(VIEWS, link)

if panel is None:
    with results:
        show_live(view)
        introduce(Live)
    share_links.send(link)
else:
    show_view(view, panel, link)
