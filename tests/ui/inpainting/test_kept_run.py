"""What a session keeps of a finished run: everything it shows, in less memory."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from dgm_core import zoo
from dgm_core.missing.packing import pack
from dgm_core.stepwise import finished
from dgm_core.studies.inpainting.two_samplers import Config, run_with_pauses
from ui import jobs
from ui.inpainting import (
    chain_files,
    chain_panel,
    drawn_frames,
    kept_run,
    player_data,
    run_downloads,
    step_by_step,
)
from ui.inpainting.pictures import ORIGINS
from ui.inpainting.step_by_step import StepByStep


@pytest.fixture(scope="module")
def config() -> Config:
    image, hidden = np.zeros((28, 28), bool), np.zeros((28, 28), bool)
    image[8:20, 12:16] = True
    hidden[:14] = True
    return Config("digits-dlvm", pack(image), pack(hidden), iterations=120)


@pytest.fixture(scope="module")
def items(config: Config) -> list[Any]:
    return list(run_with_pauses(config, zoo.load("digits-dlvm")))


def same(a: Any, b: Any) -> bool:
    return pickle.dumps(a) == pickle.dumps(b)


def test_a_kept_run_shows_the_same(config: Config, items: list[Any]) -> None:
    before, after = kept_run.frames(items), kept_run.frames(kept_run.kept(items))
    for state in ("finished", "stopped"):
        about = {"run": "r", "state": state}
        assert same(*(chain_panel.message(config, each, **about) for each in (before, after)))
        about["origin"] = ORIGINS["Pick"]
        assert same(*(player_data.chains(config, each, **about) for each in (before, after)))


def test_downloads_of_a_kept_run_are_the_same(config: Config, items: list[Any]) -> None:
    class Ended:
        def __init__(self, items: list[Any]) -> None:
            self.items = items

    before, after = (
        finished(run_downloads._frames(config, Ended(each)))
        for each in (items, kept_run.kept(items))
    )
    assert chain_files.as_npz(config, before) == chain_files.as_npz(config, after)
    for one, other in zip(before, after, strict=True):
        pictures = (drawn_frames.frame(config, each).tobytes() for each in (one, other))
        assert next(pictures) == next(pictures)


def test_a_kept_run_is_a_fifth_as_large(items: list[Any]) -> None:
    kept = kept_run.kept(items)
    assert kept_run.is_kept(kept)
    assert not kept_run.is_kept(items)
    assert len(pickle.dumps(kept)) < 0.2 * len(pickle.dumps(items, 5))


def test_a_session_keeps_one_message_per_component(
    config: Config, items: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    for name in ("chain_player", "chain_diagnostics"):
        monkeypatch.setattr(step_by_step, name, lambda key, message: sent.append(message))
    view = StepByStep.__new__(StepByStep)
    view.origin = ORIGINS["Pick"]
    run = jobs.Worker().start(config, lambda: iter(items), kept_run.kept)
    assert run.wait(30)
    ended, run.items = run.items, items[:40]
    for run.state in ("running", "running"):
        view.follow(run)
        run.items = items[:60]
    assert [message.get("count") for message in sent] == [40, None, 50, None]
    assert sent[-1]["state"] == "running"
    del sent[:]
    run.items = ended  # the state is set a moment later
    for run.state in ("running", "finished", "finished"):
        run.shown = run.shown_late = 0
        view.follow(run)
    assert {message["state"] for message in sent} == {"finished"}
    assert sent[0]["count"] == len(config.frame_numbers())
    assert sent[0] is sent[2] is sent[4]
    assert sent[1] is sent[3] is sent[5]
    assert [value for _, value in run._made.values()] == sent[:2]


def test_latents_that_were_not_kept_are_refused(items: list[Any]) -> None:
    proposals = items[0].samplers["pseudo-Gibbs"].record.proposals.restricted([4, 2])
    with pytest.raises(ValueError, match="not in tuple"):
        proposals.marginal([4, 3])
