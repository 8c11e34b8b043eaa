"""The models that the other views stand on: those just trained, or those that are shipped."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dgm_core.models.miwae import MIWAE
from dgm_core.studies.mnar import side_by_side
from ui import cache, jobs
from ui.mnar import shipped
from ui.mnar.requested import Asked

Models = Mapping[str, MIWAE]


def models(asked: Asked) -> Models | None:
    """Of this table and mechanism: the latest trained in this session, else the shipped ones."""
    run = jobs.worker("mnar watch").run
    if run is not None and run.items and isinstance(run.items[-1], side_by_side.Result):
        config = run.key
        if (config.table, config.plan) == (asked.table.name, asked.plan):
            return run.items[-1].models
    first = shipped.st_story().config
    if (first.table, first.plan) == (asked.table.name, asked.plan):
        return {name: cache.st_model(file) for name, file in shipped.WEIGHTS.items()}
    return None


def invite() -> None:
    """Say what to do where there are no models yet."""
    st.info(
        "No model has been trained on this table with these values missing. Train one in "
        "**Watch**; this view then stands on it.",
        icon=":material/model_training:",
    )
