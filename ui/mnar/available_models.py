"""The models that the other views use: those just trained, or the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dgm_core.models.miwae import MIWAE
from dgm_core.studies.mnar import side_by_side
from ui import cache, jobs
from ui.mnar import shipped
from ui.mnar.masked_table import MaskedTable
from ui.mnar.workers import WATCH

Models = Mapping[str, MIWAE]


def models(data: MaskedTable) -> Models | None:
    """Models of this table and mechanism: the latest of this session, else the shipped ones."""
    run = jobs.worker(WATCH).run
    if run is not None and run.items and isinstance(run.items[-1], side_by_side.Result):
        config = run.key
        if (config.table, config.plan) == (data.table.name, data.plan):
            return run.items[-1].models
    shipped_config = shipped.st_run().config
    if (shipped_config.table, shipped_config.plan) == (data.table.name, data.plan):
        return {name: cache.st_model(file) for name, file in shipped.WEIGHTS.items()}
    return None


def invite() -> None:
    """Say how to get models when there are none."""
    st.info(
        "No model has been trained on this table with these values missing. Train one in "
        "**Watch**; this view then uses it.",
        icon=":material/model_training:",
    )
