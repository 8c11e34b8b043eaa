"""Training in the clusters lab, and links to the lab."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.training import mutual
from dgm_core.training.mutual import Frame
from tests.patience import PATIENCE
from tests.small_clusters import CONFIG, history, images
from ui import links
from ui.clusters import runs, training
from ui.clusters.compare import Compare
from ui.clusters.learn import Learn
from ui.clusters.mixture import Inside
from ui.clusters.own_picture import OwnPicture
from ui.frame import KEPT as WIDGET
from ui.links import Setting


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The state of the only session."""
    state: dict[str, Any] = {}
    monkeypatch.setattr("streamlit.session_state", state)
    return state


# --- training ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items() -> dict[bool, list]:
    """Control or not → all items of the run."""
    found: dict[bool, list] = {}
    for control, config in ((False, CONFIG), (True, CONFIG.control)):
        found[control] = [training.Item(control, each) for each in mutual.run(config, images())]
    return found


def trained(items: list, state: str = "finished") -> SimpleNamespace:
    return SimpleNamespace(items=items, key=CONFIG, state=state, live=state == "running")


def test_progress_is_that_of_the_latest_frame(items: dict[bool, list]) -> None:
    assert training.progress(trained([])) == (None, False, None)
    warming = [
        each for each in items[False] if isinstance(each.item, Frame) and not each.item.shots
    ]
    frame, control, found = training.progress(trained(warming))
    assert (frame, control, found) == (warming[-1].item, False, None)
    frame, control, found = training.progress(trained(items[False]))
    assert frame is items[False][-2].item
    assert (control, found.control) == (False, None)
    assert [snapshot.epoch for snapshot in found.snapshots] == [16, 20, 24]
    both = [*items[False], *items[True]]
    _, control, found = training.progress(trained(both))
    assert control
    np.testing.assert_array_equal(found.control.mean, history().control.mean)
    half = next(i for i, each in enumerate(items[True]) if getattr(each.item, "shots", ()))
    _, control, found = training.progress(trained([*items[False], *items[True][: half + 1]]))
    assert control
    assert len(found.control_curve.epochs) == 1


@pytest.fixture
def taken(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The worker of the session; tests set its run."""
    one = SimpleNamespace(run=None)
    monkeypatch.setattr(training, "worker", lambda: one)
    monkeypatch.setattr(runs, "ASSETS", runs.ASSETS / "nowhere")
    return one


def test_an_own_run_is_available_when_it_has_ended(
    items: dict[bool, list], taken: SimpleNamespace, session: dict[str, Any]
) -> None:
    training.open_finished()
    assert runs.available() == []
    taken.run = trained([*items[False], *items[True]], "running")
    training.open_finished()
    assert runs.available() == []
    taken.run.state, taken.run.live = "finished", False
    session["keep.cluster run"] = "digits-vaegmm"
    training.open_finished()
    assert runs.available() == ["yours"]
    own = runs.trained_run("yours")
    assert own.model is items[False][-1].item.model
    assert list(own.snapshots) == ["Before", "Round 1", "After", "Control"]
    assert "keep.cluster run" not in session  # it replaces the previous choice
    assert session["last values"]["keep.cluster run"] == "yours"
    session["keep.cluster run"] = "digits-vaegmm"
    training.open_finished()
    assert session["keep.cluster run"] == "digits-vaegmm"  # once


@pytest.mark.parametrize("state", ["stopped", "timed out", "failed"])
def test_an_interrupted_run_is_kept_without_its_control(
    state: str, items: dict[bool, list], taken: SimpleNamespace
) -> None:
    taken.run = trained(items[False][:-1], state)
    training.open_finished()
    assert runs.available() == []
    taken.run = trained([*items[False], *items[True][:-1]], state)
    training.open_finished()
    own = runs.trained_run("yours")
    assert list(own.snapshots) == ["Before", "Round 1", "After"]  # without the unfinished control
    assert own.history.control_curve is None


def test_one_pass_has_no_control() -> None:
    config = dataclasses.replace(CONFIG, form="one pass", warmup=1, rounds=0)
    found = list(training.work(config))
    assert not any(item.control for item in found)
    plain = dataclasses.replace(config, form="mutual")
    assert {item.control for item in training.work(plain)} == {False, True}


# --- links ------------------------------------------------------------------------------------

VIEWS = {view.name: view for view in (Compare, Learn, Inside, OwnPicture)}


def visit() -> None:
    import streamlit as st

    from tests.ui.clusters.test_training import VIEWS
    from ui import links

    view = links.Setting("cluster view", "Before and after", options=tuple(VIEWS), link="view")
    runs = ("digits-vaegmm", "yours")
    run = links.Setting("cluster run", "digits-vaegmm", options=runs, link="run")
    links.receive("cluster", [view, run, *links.settings_of(VIEWS.values())])
    if chosen := st.session_state.get("view"):
        view.remember(chosen)
        run.remember("yours")
    links.send(links.texts([view, run, *VIEWS[view.value].settings]))


SETTINGS: dict[str, dict[str, Any]] = {
    "Before and after": {
        "cluster left": "Round 3",
        "cluster right": "Control",
        "cluster method": "clusters apart",
        "cluster perplexity": 50,
    },
    "Watch them learn": {
        "train set": "omniglot",
        "train images": 500,
        "train clusters": 4,
        "train rounds": 1,
        "train form": "one pass",
        "train upright": False,
        "train spread": True,
        "train hard": True,
        "train diagonal": False,
        "train fit": "Gibbs",
        "train blur": 0.05,
        "train weight": 2.0,
        "train latents": 24,
        "train seed": 77,
    },
    "Inside the mixture": {
        "cluster across": 7,
        "cluster up": 0,
        "cluster temperature": 0.3,
        "cluster other": 11,
        "cluster seed": 5,
    },
    "Place a picture": {"place source": "Test images", "place plane": "PCA"},
}


@pytest.mark.parametrize("view", VIEWS)
def test_settings_survive_the_address(view: str) -> None:
    assert SETTINGS[view].keys() == {setting.name for setting in VIEWS[view].settings}
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    app.session_state["view"] = view
    for name, value in SETTINGS[view].items():
        app.session_state[WIDGET + name] = value
    app.run()
    assert not app.exception
    again = AppTest.from_function(visit, default_timeout=PATIENCE)
    for name, value in app.query_params.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    assert not again.toast
    chosen = {"cluster view": view, "cluster run": "yours"}
    expected = {WIDGET + name: value for name, value in (SETTINGS[view] | chosen).items()}
    assert again.session_state["last values"] == expected


@pytest.mark.parametrize("text", ["", "nan", "Round x", "Round 9e9", "<b>" + "9" * 3000, "-5"])
@pytest.mark.parametrize(
    "setting", list(links.settings_of(VIEWS.values())), ids=lambda each: each.name
)
def test_a_text_is_read_as_a_valid_choice_or_refused(setting: Setting, text: str) -> None:
    try:
        value = setting.read(text[:400])
    except links.UNREADABLE:
        return
    # Only numbers may differ from what a widget writes; they are clamped.
    assert text == "-5"
    low = {"train clusters": 2, "train rounds": 1}.get(setting.name, 0)
    assert value == low


def test_a_damaged_address_is_named_as_left_out() -> None:
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    damaged = {"run": "nothing", "view": "<script>", "cluster-across": "-5", "cluster-up": "x"}
    for name, value in damaged.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    message = "A part of the link was not understood and left out: cluster-up, run, view."
    assert [each.value for each in app.toast] == [message]
    assert app.session_state["last values"] == {WIDGET + "cluster across": 0}
