"""The run panel: its buttons, its messages, and what it does when settings change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE
from ui import jobs, run_panel
from ui.run_panel import Progress

CONTROLS: list[dict[str, bool]] = []


@pytest.fixture(autouse=True)
def stop_all_runs() -> Iterator[None]:
    yield
    for control in CONTROLS:
        control["pause"] = False
    CONTROLS.clear()
    jobs.stop_all()


def page() -> None:
    """One run with the slider's number of items; the session sets its behaviour."""
    import time
    from typing import NamedTuple

    import streamlit as st

    from ui.run_panel import RunPanel

    class Item(NamedTuple):
        done: float
        doing: str

    control = st.session_state.control  # read by the thread of the run

    def work(count: int):  # noqa: ANN202
        for i in range(count):
            while control.get("pause") and i == 2:
                time.sleep(0.01)
            if control.get("fault") and i == 2:
                raise RuntimeError("on purpose")
            yield Item(i / count, f"item {i}")

    count = st.slider("Count", 0, 9, 4)
    panel = RunPanel(
        "test panel",
        count or None,
        work,
        action="Train",
        automatic=control.get("automatic", False),
        keeps_previous=control.get("keeps", False),
    )
    panel.buttons("Now")
    panel.show(
        lambda run: st.markdown(f"{len(run.items)} of {run.key}"),
        without=lambda: st.markdown("nothing yet"),
        seconds=0.1,
    )


def opened(**control: bool) -> AppTest:
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    app.session_state["control"] = control
    CONTROLS.append(control)
    return app.run()


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def until(app: AppTest, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and not app.exception and time.monotonic() < deadline:
        time.sleep(0.05)
        app.run()
    assert not app.exception
    assert condition()


def result_text(app: AppTest) -> str:
    return " ".join(each.value for each in app.markdown)


def test_nothing_runs_until_the_button_is_pressed() -> None:
    app = opened()
    assert labels(app) == ["Train"]
    assert result_text(app) == "nothing yet"
    app = press(app, "Train")
    until(app, lambda: result_text(app) == "4 of 4")
    assert labels(app) == ["Train"]
    assert not app.button[0].disabled
    assert not app.info


@pytest.mark.parametrize("keeps", [False, True])
def test_a_run_starts_with_settings_that_arrive_with_the_press(keeps: bool) -> None:
    app = opened(keeps=keeps)
    app.slider[0].set_value(3)
    app = press(app, "Train")
    until(app, lambda: result_text(app) == "3 of 3")


def test_a_press_starts_one_run() -> None:
    app = press(opened(), "Train")
    until(app, lambda: result_text(app) == "4 of 4")
    app.slider[0].set_value(3).run()
    assert result_text(app) == "nothing yet"


def test_an_automatic_run_starts_at_once_and_again_for_other_settings() -> None:
    app = opened(automatic=True)
    until(app, lambda: result_text(app) == "4 of 4")
    app.slider[0].set_value(3).run()
    until(app, lambda: result_text(app) == "3 of 3")


def test_without_settings_nothing_can_start() -> None:
    app = opened(automatic=True)
    app.slider[0].set_value(0).run()
    assert app.button[0].disabled
    assert result_text(app) == "nothing yet"


def test_a_run_is_stopped_and_continued() -> None:
    app = press(opened(pause=True), "Train")
    until(app, lambda: result_text(app) == "2 of 4")
    assert labels(app) == ["Train", "Stop"]
    assert app.button[0].disabled
    app = press(app, "Stop")
    assert labels(app) == ["Train", "Continue"]
    assert app.info[0].value == "Stopped at 25\u00a0%. Press Continue to compute the rest."
    app.session_state["control"]["pause"] = False
    app = press(app, "Continue")
    until(app, lambda: result_text(app) == "4 of 4")
    assert labels(app) == ["Train"]


def test_a_failed_run_gets_a_message_and_keeps_its_items() -> None:
    app = press(opened(fault=True), "Train")
    until(app, lambda: bool(app.error))
    assert app.error[0].value == ("This run failed on the server. Press Train to start it again.")
    assert result_text(app) == "2 of 4"
    assert labels(app) == ["Train"]


def test_other_settings_stop_a_run() -> None:
    app = press(opened(pause=True), "Train")
    until(app, lambda: result_text(app) == "2 of 4")
    app.slider[0].set_value(5).run()
    assert result_text(app) == "nothing yet"
    assert labels(app) == ["Train"]


def test_a_run_can_be_kept_on_screen_when_settings_change() -> None:
    app = press(opened(pause=True, keeps=True), "Train")
    until(app, lambda: result_text(app) == "2 of 4")
    app.slider[0].set_value(5).run()
    assert result_text(app) == "2 of 4"
    assert app.caption[0].value.startswith("The settings have changed")
    assert labels(app) == ["Train", "Stop"]


def test_messages_of_runs_that_ended_early() -> None:
    half = Progress(0.5)
    assert run_panel.ended_early("finished", half) == ""
    assert run_panel.ended_early("stopped", half).startswith("Stopped at 50\u00a0%. ")
    assert run_panel.ended_early("stopped", results=False).startswith(
        "Stopped before the first result. "
    )
    assert run_panel.ended_early("timed out", half).startswith(
        f"Time limit of {jobs.MAX_SECONDS:.0f} s reached at 50\u00a0%. "
    )
