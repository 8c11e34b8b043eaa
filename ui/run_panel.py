"""The panel of a background run: start, stop and continue buttons, progress, and messages.

Every lab shows its runs with it, so the words are the same everywhere:

    class Critic:
        def __init__(self, controls):
            with controls:
                config = …                           # from widgets; None: nothing can run yet
                self.panel = RunPanel(
                    "distance critic", config, critics.run, action="Train", automatic=True
                )
                self.panel.buttons()

        def show(self):                              # the last statement of a page
            self.panel.show(self._results, without=self._shipped)

A run belongs to the session's worker of that name (`ui.jobs`), in whose thread its generator is
exhausted. The panel shows it by a polling fragment; nothing is computed there, and the buttons
are in the main script, because a fragment does not answer while it runs.

A run is shown as long as the settings are those it was started with. With other settings it is
stopped, unless `keeps_previous` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import jobs
from ui.percent import percent

SECONDS = 0.6
"""Between two looks at a run."""
Work = Callable[[Any], Iterator[Any]]


class Progress(NamedTuple):
    """How far a run is: the fraction that is done, and what it is doing."""

    done: float
    doing: str = ""


def latest_progress(run: jobs.Run) -> Progress | None:
    """`done` and `doing` of the newest item that has a `done`; None without one."""
    for item in reversed(list(run.items)):
        done = getattr(item, "done", None)
        if isinstance(done, int | float):
            return Progress(float(done), getattr(item, "doing", ""))
    return None


class RunPanel:
    """One run of a lab, its buttons and its messages.

    Drawing it takes two calls: `buttons` where the settings are, `show` at the end of the page.

    Args:
        name: of the session's worker.
        settings: what a run is started with, and recognised by; None: nothing can run.
        work: settings → generator of what the page shows.
        action: the label of the start button, a verb.
        automatic: start without a press where there is no run of these settings.
        keeps_previous: keep a run on screen, and running, after the settings have changed.
        at_end: the items of a finished run → those that are kept.
        stops: names of other workers that are stopped when this one starts or continues.
    """

    def __init__(
        self,
        name: str,
        settings: Hashable | None,
        work: Work,
        *,
        action: str = "Run",
        automatic: bool = False,
        keeps_previous: bool = False,
        at_end: Callable[[jobs.Items], jobs.Items] = list,
        stops: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self.action = action
        self.keeps_previous = keeps_previous
        self.worker = jobs.worker(name)
        self._work = work
        self._at_end = at_end
        self._stops = tuple(stops)
        self._requested = f"start of {name} requested"
        requested = st.session_state.pop(self._requested, False)
        if self.run is None:
            self.worker.stop()
        if settings is not None and (requested or (automatic and self.run is None)):
            self.start()
        self.live = self.run is not None and self.run.live
        """Was the run under way when this panel was made?"""

    @property
    def run(self) -> jobs.Run | None:
        """The run on screen, live or ended; None without one."""
        run = self.worker.run
        if run is None or self.keeps_previous or run.key == self.settings:
            return run
        return None

    @property
    def can_continue(self) -> bool:
        """Did the run end before it was finished?"""
        return can_continue(self.run)

    def start(self) -> None:
        """Start a run with these settings, in place of the one before."""
        settings, work = self.settings, self._work
        if settings is None:
            raise ValueError(f"expected settings to start {self.name!r} with, got None")
        self._stop_others()
        self.worker.start(settings, lambda: work(settings), self._at_end)

    def _request(self) -> None:
        """Let the next panel start a run.

        Settings that change with the press, such as a number that was typed last, arrive together
        with it. This panel does not know them; the next one does.
        """
        st.session_state[self._requested] = True

    def resume(self) -> None:
        """Continue a run that was stopped or has reached its time limit."""
        self._stop_others()
        self.worker.resume()

    def _stop_others(self) -> None:
        for name in self._stops:
            if name != self.name:
                jobs.worker(name).stop()

    def buttons(self, help: str | None = None) -> None:
        """Start; beside it Stop while it runs, or Continue where it ended early.

        Args:
            help: on hover over the start button.
        """
        left, right = st.columns(2)
        left.button(
            self.action,
            icon=":material/play_arrow:",
            type="primary",
            disabled=self.live or self.settings is None,
            on_click=self._request,
            help=help,
            key=f"start {self.name}",
            width="stretch",
        )
        if self.live:
            stop_button(right, self.worker.stop, key=f"stop {self.name}")
        elif self.can_continue:
            continue_button(right, self.resume, key=f"continue {self.name}")
        if self.keeps_previous and self.run is not None and self.run.key != self.settings:
            st.caption(
                "The settings have changed since this run started. "
                f"Press {self.action} to use the new ones."
            )

    def show(
        self,
        draw: Callable[[jobs.Run], None],
        *,
        without: Callable[[], None] = lambda: None,
        progress: Callable[[jobs.Run], Progress | None] = latest_progress,
        seconds: float = SECONDS,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Follow the run: its progress or message, then its results. The end of a page.

        Args:
            draw: shows the results of a run; called once there are any.
            without: shows what there is without a run.
            progress: how far a run is.
            seconds: between two looks.
            after: what can wait until the results are sent.
        """
        run = self.run

        def look() -> None:
            if run is None:
                without()
                return
            status(run, progress(run), self.action)
            if run.items:
                draw(run)

        jobs.follow(run, look, seconds, live=self.live, after=after)


def can_continue(run: jobs.Run | None) -> bool:
    """Did the run end before it was finished?"""
    return run is not None and run.state in ("stopped", "timed out")


def stop_button(column: DeltaGenerator, stop: Callable[[], None], *, key: str) -> None:
    """Draw the button that stops a run."""
    column.button("Stop", icon=":material/stop:", on_click=stop, key=key, width="stretch")


def continue_button(column: DeltaGenerator, resume: Callable[[], None], *, key: str) -> None:
    """Draw the button that continues a run."""
    column.button("Continue", icon=":material/resume:", on_click=resume, key=key, width="stretch")


def status(run: jobs.Run, progress: Progress | None = None, action: str = "Run") -> None:
    """A bar while a run is under way; one message where it ended early.

    Args:
        run: that is shown.
        progress: how far it is; None: not known, so there is no bar once there are results.
        action: the label of the button that starts it.
    """
    if run.live:
        if progress is None and not run.items:
            st.progress(0.0, starting())
        elif progress is not None:
            doing = progress.doing or "Running …"
            st.progress(min(max(progress.done, 0.0), 1.0), doing[:1].upper() + doing[1:])
    elif run.state == "failed":
        st.error(failed(action))
    elif message := ended_early(run.state, progress, results=bool(run.items)):
        st.info(message)


def starting() -> str:
    """The text on the bar of a run that has no result yet."""
    count = jobs.waiting()
    return f"Waiting for a free slot, {count} in line" if count > 1 else "Starting …"


def failed(action: str = "Run") -> str:
    """The message for a run that raised an error."""
    return f"This run failed on the server. Press {action} to start it again."


def ended_early(state: str, progress: Progress | None = None, *, results: bool = True) -> str:
    """The message for a run that was stopped or reached its time limit; else nothing.

    Args:
        state: of the run.
        progress: how far it was.
        results: are there any to show?
    """
    where = f" at {percent(progress.done)}" if progress is not None else ""
    where = where if results else " before the first result"
    if state == "stopped":
        return f"Stopped{where}. Press Continue to compute the rest."
    if state == "timed out":
        limit = f"{jobs.MAX_SECONDS:.0f} s"
        return f"Time limit of {limit} reached{where}. Press Continue to compute the rest."
    return ""
