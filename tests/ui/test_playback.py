"""The playback of frames: Play, Pause, the slider, and another run."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import PATIENCE


def page() -> None:
    """Four frames, or as many as the session says."""
    import streamlit as st

    from ui import playback

    state = st.session_state
    playback.play(
        "test playback",
        state.of,
        [f"frame {number}" for number in range(state.count)],
        lambda index: st.markdown(f"{index} of {state.of}"),
        label="Frame",
        seconds=60,
    )


def opened(count: int = 4) -> AppTest:
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    app.session_state["of"], app.session_state["count"] = "one run", count
    return without_errors(app.run())


def without_errors(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    return without_errors(next(each for each in app.button if each.label == label).click().run())


def choose(app: AppTest, index: int) -> AppTest:
    return without_errors(app.select_slider[0].set_value(index).run())


def look(app: AppTest) -> AppTest:
    """What the clock of the fragment does in a browser."""
    return without_errors(app.run())


def seen(app: AppTest) -> tuple[str, str]:
    """The frame, and the label of the button."""
    (frame,), (button,) = app.markdown, app.button
    assert app.select_slider[0].value == int(frame.value[0])
    return frame.value, button.label


def test_the_last_frame_comes_first_and_play_begins_at_the_first() -> None:
    app = opened()
    assert seen(app) == ("3 of one run", "Play")
    assert seen(look(app)) == ("3 of one run", "Play")
    assert seen(press(app, "Play")) == ("0 of one run", "Pause")
    assert [seen(look(app)) for _ in range(4)] == [
        ("1 of one run", "Pause"),
        ("2 of one run", "Pause"),
        ("3 of one run", "Play"),
        ("3 of one run", "Play"),
    ]


def test_a_pause_keeps_the_frame_and_play_goes_on_from_it() -> None:
    app = press(opened(), "Play")
    look(app)
    assert seen(press(app, "Pause")) == ("1 of one run", "Play")
    assert seen(look(app)) == ("1 of one run", "Play")
    assert seen(press(app, "Play")) == ("1 of one run", "Pause")
    assert seen(look(app)) == ("2 of one run", "Pause")


def test_the_slider_chooses_a_frame_also_while_they_are_played() -> None:
    app = choose(opened(), 1)
    assert seen(app) == ("1 of one run", "Play")
    press(app, "Play")
    assert seen(choose(app, 0)) == ("0 of one run", "Pause")
    assert seen(look(app)) == ("1 of one run", "Pause")
    assert seen(choose(app, 3)) == ("3 of one run", "Play")


@pytest.mark.parametrize("count", [4, 2])
def test_another_run_begins_at_its_last_frame(count: int) -> None:
    app = press(opened(), "Play")
    app.session_state["of"], app.session_state["count"] = "another run", count
    assert seen(look(app)) == (f"{count - 1} of another run", "Play")


def test_fewer_frames_of_the_same_run_are_no_error() -> None:
    app = opened()
    app.session_state["count"] = 2
    assert seen(look(app)) == ("1 of one run", "Play")


def test_a_single_frame_has_no_controls() -> None:
    app = opened(1)
    assert not app.button
    assert not app.select_slider
    assert app.markdown[0].value == "0 of one run"
