"""The run that is shipped, so that there is a good picture before any click.

`python -m ui.mnar.shipped` makes it again. It holds what the models made of a table of
scikit-learn's, never the table.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.missing.amputation import Amputation
from dgm_core.studies.mnar import identify, prediction, side_by_side
from ui.assets import ASSETS
from ui.mnar.restart_results import Restarted, restarted
from ui.mnar.run_results import Story, Track, told

RUN = ASSETS / "mnar.npz"
RESTARTS, PREDICTION = ASSETS / "mnar_restarts.npz", ASSETS / "mnar_prediction.json"
WEIGHTS = {"MIWAE": "breast-miwae", "not-MIWAE": "breast-notmiwae"}
"""Model of the run → its name in `pretrained/`."""


class Shipped(NamedTuple):
    """A finished run and what it answers."""

    config: side_by_side.Config
    story: Story


@st.cache_resource(show_spinner=False)
def st_story() -> Shipped:
    """The shipped run."""
    with np.load(RUN) as file:
        about = json.loads(file["about"].tobytes())
        tracks = {
            name: Track(
                about["bound"][name],
                about["rmse"][name],
                file[f"guess {name}"].astype(np.float32),
                file["curves"].astype(np.float32) if name == "not-MIWAE" else None,
            )
            for name in side_by_side.MODELS
        }
    plan = dict(about["config"].pop("plan"))
    plan["columns"] = tuple(plan["columns"])
    about["config"]["baselines"] = tuple(about["config"]["baselines"])
    config = side_by_side.Config(plan=Amputation(**plan), **about["config"])
    baselines = {name: tuple(pair) for name, pair in about["baselines"].items()}
    return Shipped(config, Story(about["steps"], tracks, baselines, about["answers"], 1.0))


def write(config: side_by_side.Config, story: Story) -> None:
    """Keep a finished run."""
    from dgm_core.files import written_whole

    about = {
        "config": {**vars(config), "plan": vars(config.plan)},
        "steps": story.steps,
        "bound": {name: track.bound for name, track in story.tracks.items()},
        "rmse": {name: track.rmse for name, track in story.tracks.items()},
        "baselines": story.baselines,
        "answers": story.answers,
    }
    arrays = {f"guess {n}": t.guess.astype(np.float16) for n, t in story.tracks.items()}
    arrays["curves"] = story.tracks["not-MIWAE"].curves.astype(np.float16)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with written_whole(RUN) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


class ShippedRestarts(NamedTuple):
    """Finished restarts and what they answer."""

    config: identify.Config
    story: Restarted


@st.cache_resource(show_spinner=False)
def st_restarts() -> ShippedRestarts:
    """The shipped restarts."""
    with np.load(RESTARTS) as file:
        about = json.loads(file["about"].tobytes())
        curves = file["curves"].astype(np.float32)
    fields = {name: tuple(about[name]) for name in ("bounds", "errors", "rmse")}
    said = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about["verdict"].items()
    }
    story = Restarted(
        about["step"], 1.0, curves=curves, verdict=identify.Verdict(**said), **fields
    )
    return ShippedRestarts(first_restarts(), story)


def first_restarts() -> identify.Config:
    """Those of the table and the plan that are shown first."""
    return identify.Config(side_by_side.SHOWN.table, side_by_side.SHOWN.plan)


def write_restarts(story: Restarted) -> None:
    """Keep finished restarts."""
    from dgm_core.files import written_whole

    about = {name: getattr(story, name) for name in ("step", "bounds", "errors", "rmse")}
    about["verdict"] = story.verdict._asdict()
    arrays = {
        "curves": story.curves.astype(np.float16),
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    with written_whole(RESTARTS) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


class ShippedPrediction(NamedTuple):
    """A finished comparison of predictions and what it answers."""

    config: prediction.Config
    result: prediction.Result


def first_prediction() -> prediction.Config:
    """Of the table and the plan that are shown first."""
    return prediction.Config(side_by_side.SHOWN.table, side_by_side.SHOWN.plan)


@st.cache_resource(show_spinner=False)
def st_prediction() -> ShippedPrediction:
    """The shipped comparison."""
    read = json.loads(PREDICTION.read_text(encoding="utf-8"))
    rows = tuple(
        prediction.Row(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})
        for row in read["rows"]
    )
    return ShippedPrediction(first_prediction(), prediction.Result(read["task"], rows))


def write_prediction(found: prediction.Result) -> None:
    """Keep a finished comparison."""
    from dgm_core.files import written_whole

    about = {"task": found.task, "rows": [row._asdict() for row in found.rows]}
    with written_whole(PREDICTION) as part:
        part.write_text(json.dumps(about), encoding="utf-8")


def make() -> None:
    """Repeat the run that is shown first, and write what it told."""
    from ui.mnar.table_choice import st_table

    table = st_table(side_by_side.SHOWN.table)
    write(
        side_by_side.SHOWN, told(side_by_side.run(side_by_side.SHOWN, table.known, table.columns))
    )
    write_restarts(restarted(identify.run(first_restarts(), table.known, table.columns)))
    *_, found = prediction.run(first_prediction(), table.frame, table.target)
    write_prediction(found)


if __name__ == "__main__":
    make()
