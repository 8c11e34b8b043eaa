"""The shipped runs: results that the lab shows before the first click.

`python -m ui.mnar.shipped` makes them again. The files hold what the models imputed for a table
of scikit-learn, never the table itself.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.missing.amputation import Amputation
from dgm_core.studies.mnar import identify, prediction, side_by_side
from ui.mnar.restart_results import RestartResults, restart_results_of
from ui.mnar.run_results import History, RunResults, results_of

RUN = ASSETS / "mnar.npz"
RESTARTS, PREDICTION = ASSETS / "mnar_restarts.npz", ASSETS / "mnar_prediction.json"
WEIGHTS = {"MIWAE": "breast-miwae", "not-MIWAE": "breast-notmiwae"}
"""Model of the run → its name in `pretrained/`."""


class ShippedRun(NamedTuple):
    """A finished run and its settings."""

    config: side_by_side.Config
    results: RunResults


@st.cache_resource(show_spinner=False)
def st_run() -> ShippedRun:
    """The shipped run of both models."""
    with np.load(RUN) as file:
        about = json.loads(file["about"].tobytes())
        histories = {
            name: History(
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
    results = RunResults(about["steps"], histories, baselines, about["answers"], 1.0)
    return ShippedRun(config, results)


def write(config: side_by_side.Config, results: RunResults) -> None:
    """Write a finished run to its file."""
    from dgm_core.files import written_whole

    about = {
        "config": {**vars(config), "plan": vars(config.plan)},
        "steps": results.steps,
        "bound": {name: history.bound for name, history in results.histories.items()},
        "rmse": {name: history.rmse for name, history in results.histories.items()},
        "baselines": results.baselines,
        "answers": results.answers,
    }
    arrays = {f"guess {n}": t.guess.astype(np.float16) for n, t in results.histories.items()}
    arrays["curves"] = results.histories["not-MIWAE"].curves.astype(np.float16)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with written_whole(RUN) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


class ShippedRestarts(NamedTuple):
    """Finished restarts and their settings."""

    config: identify.Config
    results: RestartResults


@st.cache_resource(show_spinner=False)
def st_restarts() -> ShippedRestarts:
    """The shipped restarts."""
    with np.load(RESTARTS) as file:
        about = json.loads(file["about"].tobytes())
        curves = file["curves"].astype(np.float32)
    fields = {name: tuple(about[name]) for name in ("bounds", "errors", "rmse")}
    verdict = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about["verdict"].items()
    }
    results = RestartResults(
        about["step"], 1.0, curves=curves, verdict=identify.Verdict(**verdict), **fields
    )
    return ShippedRestarts(first_restarts(), results)


def first_restarts() -> identify.Config:
    """Settings of the restarts that are shown first."""
    return identify.Config(side_by_side.SHOWN.table, side_by_side.SHOWN.plan)


def write_restarts(results: RestartResults) -> None:
    """Write finished restarts to their file."""
    from dgm_core.files import written_whole

    about = {name: getattr(results, name) for name in ("step", "bounds", "errors", "rmse")}
    about["verdict"] = results.verdict._asdict()
    arrays = {
        "curves": results.curves.astype(np.float16),
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    with written_whole(RESTARTS) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


class ShippedPrediction(NamedTuple):
    """A finished comparison of predictions and its settings."""

    config: prediction.Config
    result: prediction.Result


def first_prediction() -> prediction.Config:
    """Settings of the comparison that is shown first."""
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
    """Write a finished comparison to its file."""
    from dgm_core.files import written_whole

    about = {"task": found.task, "rows": [row._asdict() for row in found.rows]}
    with written_whole(PREDICTION) as part:
        part.write_text(json.dumps(about), encoding="utf-8")


def make() -> None:
    """Repeat the runs that are shown first and write their files."""
    from ui.mnar.table_choice import st_table

    config = side_by_side.SHOWN
    table = st_table(config.table)
    write(config, results_of(side_by_side.run(config, table.known, table.columns)))
    write_restarts(restart_results_of(identify.run(first_restarts(), table.known, table.columns)))
    *_, found = prediction.run(first_prediction(), table.frame, table.target)
    write_prediction(found)


if __name__ == "__main__":
    make()
