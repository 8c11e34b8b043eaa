"""Drawn clouds as points, and links to the lab of distances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dgm_core.studies.distances import critics, sweeps
from tests.patience import PATIENCE
from ui import distribution_choice
from ui.distances import games, shipped
from ui.distances.critic import Critic
from ui.distances.games import Games
from ui.distances.spiral import Spiral
from ui.distances.sweep import FILE, Sweeps
from ui.distribution_choice import CELLS, REACH
from ui.frame import KEPT

ROOT = Path(__file__).parents[3]
VIEWS = {view.name: view for view in (Sweeps, Critic, Games, Spiral)}
NAMES = [setting.name for view in VIEWS.values() for setting in view.settings]


def test_a_cell_is_a_point_at_its_middle() -> None:
    bits = np.zeros((CELLS, CELLS), bool)
    bits[0, CELLS - 1] = True  # the upper right corner
    ((x, y),) = distribution_choice.points(bits)
    edge = REACH * (1 - 1 / CELLS)
    assert (x, y) == (pytest.approx(edge), pytest.approx(edge))
    assert distribution_choice.points(np.zeros((CELLS, CELLS), bool)) == ()


def test_the_first_clouds_are_separate_and_can_be_compared() -> None:
    clouds = tuple(
        distribution_choice.points(distribution_choice.first_cloud(name)) for name in "PQ"
    )
    assert not set(clouds[0]) & set(clouds[1])
    config = critics.Config("clouds", drawn=clouds, thetas=(0.0,), steps=1)
    scene = next(iter(critics.run(config)))
    assert float(scene.truth[0]) > 0.3


def test_the_first_sweep_is_shipped() -> None:
    shipped = sweeps.load(FILE)
    for divergence in ("wasserstein", "hellinger"):
        config = critics.Config("segments", divergence)
        found = shipped["segments", divergence]
        assert found.config == sweeps.fingerprint(config)


def test_the_first_critic_and_the_first_games_are_shipped() -> None:
    assert shipped.made_of(shipped.CRITIC) == shipped.fingerprint(shipped.first_critic())
    assert shipped.made_of(shipped.GAMES) == shipped.fingerprint(*shipped.first_games())
    scene, *frames = shipped.st_critic()
    assert [frame.step for frame in frames] == list(scene.steps)
    assert abs(float(frames[-1].estimate[0]) - float(scene.truth[0])) < 0.03
    assert frames[0].done == 0
    both = shipped.st_games()[-1]
    assert all(frame.done == 1 for frame in both)
    assert both[0].wasserstein < 0.5 < both[1].wasserstein  # minimax never moved


@pytest.mark.parametrize("view", ["Sweep", "Critic", "Small GANs"])
def test_shipped_runs_need_no_training_and_other_settings_start_automatically(view: str) -> None:
    page = AppTest.from_file(str(ROOT / "pages/6_GAN_distances.py"), default_timeout=PATIENCE)
    page.query_params["view"] = view
    page.run()
    assert not page.exception
    labels = [each.label for each in page.button]
    assert "Train" in labels
    assert "Stop" not in labels
    next(each for each in page.number_input if each.label == "Seed").set_value(5).run()
    assert not page.exception
    (stop,) = [each for each in page.button if each.label == "Stop"]
    stop.click().run()
    assert not page.exception
    labels = [each.label for each in page.button]
    assert "Stop" not in labels
    assert "Continue" in labels


def test_the_frames_of_the_small_gans_can_be_chosen() -> None:
    page = AppTest.from_file(str(ROOT / "pages/6_GAN_distances.py"), default_timeout=PATIENCE)
    page.query_params["view"] = "Small GANs"
    page.run()
    slider = next(each for each in page.select_slider if each.label == "Iteration")
    assert slider.value == len(shipped.st_games()) - 1
    slider.set_value(2).run()
    assert not page.exception
    frame = shipped.st_games()[2][0]
    assert any(f"iteration {frame.iteration:,}" in each.value for each in page.markdown)
    assert any(f"W1 to the target {frame.wasserstein:.2f}" in each.value for each in page.caption)


def visit() -> None:
    from tests.ui.distances.test_distances import VIEWS
    from ui import links
    from ui.distances.critic import Critic

    view = links.Setting("distance view", "Sweep", options=tuple(VIEWS), link="view")
    links.receive("distance", [view, *links.settings_of(VIEWS.values())])
    view.remember("Critic")
    links.send(links.texts([view, *Critic.settings]))


SETTINGS: dict[str, Any] = {
    "critic pair": "mixture",
    "critic distance": "kullback-leibler",
    "critic theta": 1.7,
    "critic steps": 1000,
    "critic penalty": 0.1,
    "critic seed": 77,
}


def test_settings_survive_the_address() -> None:
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    for name, value in SETTINGS.items():
        app.session_state[KEPT + name] = value
    app.run()
    assert not app.exception
    again = AppTest.from_function(visit, default_timeout=PATIENCE)
    for name, value in app.query_params.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    assert not again.toast
    assert again.session_state["last values"] == {
        KEPT + name: value for name, value in SETTINGS.items()
    } | {KEPT + "distance view": "Critic"}


@pytest.mark.parametrize("text", ["", "nan", "<b>" + "9" * 400])
@pytest.mark.parametrize("name", NAMES)
def test_any_address_is_understood_or_named_as_left_out(name: str, text: str) -> None:
    app = AppTest.from_function(visit, default_timeout=PATIENCE)
    app.query_params[name.replace(" ", "-")] = text
    app.run()
    assert not app.exception
    taken = (
        KEPT + name in app.session_state["last values"]
        if "last values" in app.session_state
        else False
    )
    assert taken or "not understood" in app.toast[0].value


def test_the_sentence_on_both_games_is_made_from_their_frames() -> None:
    configs, frames = shipped.first_games(), shipped.st_games()
    moving, still = games.sentence(configs, frames).split("**minimax**")
    assert moving.startswith("**Wasserstein** covers 8 of 8 modes: W1")
    assert "does not move" not in moving
    assert "0 of 8 modes" in still
    assert "the generator does not move" in still
    swapped = [tuple(reversed(both)) for both in frames]
    moving, still = games.sentence(configs, swapped).split("**minimax**")
    assert "0 of 8 modes" in moving
    assert "does not move" in moving
    assert "does not move" not in still
    assert "does not move" not in games.sentence(configs, frames[:1])
    without_modes = [tuple(side._replace(modes=None) for side in both) for both in frames]
    assert "modes" not in games.sentence(configs, without_modes)
