"""The shipped completion of the sample table, which is shown before the first click."""

from __future__ import annotations

import json
import math

import numpy as np
import streamlit as st

from dgm_core.checkout import ASSETS
from dgm_core.inference.choice import Failure, Recommendation, Row
from dgm_core.inference.choice import Result as Scores
from dgm_core.metrics.comparison import Difference
from dgm_core.studies.your_table.completion import Config, Result
from dgm_core.studies.your_table.understanding import understood
from ui.your_table.outcome import Outcome
from ui.your_table.source import st_sample

FILE = ASSETS / "your_table.npz"


def first_config() -> Config:
    """The settings of a fresh page."""
    return Config(understood(st_sample().reading))


@st.cache_resource(show_spinner=False)
def st_outcome() -> Outcome:
    """The shipped completion."""
    with np.load(FILE) as file:
        about = json.loads(file["about"].tobytes())
        filled = {name: file[f"filled {name}"].astype(np.float64) for name in about["columns"]}
    rows = tuple(
        Row(
            row["method"],
            {name: tuple(map(_number, values)) for name, values in row["each"].items()},
            {name: _number(value) for name, value in row["mean"].items()},
            {name: _number(value) for name, value in row["error"].items()},
        )
        for row in about["rows"]
    )
    said = about["recommendation"]
    said["margin"], said["ties"] = Difference(*said["margin"]), tuple(said["ties"])
    scores = Scores(rows, tuple(Failure(*f) for f in about["failures"]), Recommendation(**said))
    cautions, bounded = (tuple(about[name]) for name in ("cautions", "bounded"))
    result = Result(about["method"], filled, scores, cautions, bounded)
    return Outcome(st_sample(), first_config(), result)


def write(result: Result) -> None:
    """Write a finished completion to the file."""
    from dgm_core.files import written_whole

    assert result.scores is not None
    assert result.scores.recommendation is not None
    said = result.scores.recommendation
    about = {
        "method": result.method,
        "columns": list(result.filled),
        "rows": [row._asdict() for row in result.scores.rows],
        "failures": result.scores.failures,
        "recommendation": said._asdict() | {"margin": tuple(said.margin)},
        "cautions": result.cautions,
        "bounded": result.bounded,
    }
    arrays = {f"filled {n}": values.astype(np.float32) for n, values in result.filled.items()}
    text = json.dumps(_without_nan(about))
    arrays["about"] = np.frombuffer(text.encode(), np.uint8)
    with written_whole(FILE) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _without_nan(value: object) -> object:
    """NaN is not JSON: it is written as null."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
