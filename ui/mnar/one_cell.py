"""The view One cell: the distribution of one missing value, and a point estimate to drag."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import weighted_median
from dgm_core.studies.mnar import side_by_side
from ui import formulas
from ui.components.transport import Distribution, transport
from ui.links import InLink, Setting
from ui.mnar import available_models
from ui.mnar.masked_table import MaskedTable
from ui.mnar.shown_columns import choose_column

MODEL = Setting("entry model", "not-MIWAE", options=side_by_side.MODELS)
SAMPLES = 400
GRID = 160


class OneCell:
    """A point estimate as a projection of the conditional distribution on the Dirac masses.

    Args:
        data: table and mechanism.
        settings: container of the settings; there are none.
    """

    name = "One cell"
    settings: ClassVar[tuple[InLink, ...]] = ()
    about = (
        "A missing value has a distribution, not one value. An imputation is one point, and the "
        "cost of moving the distribution to it depends on how distance is measured. **Drag the "
        "point**: W₁ is smallest at the median, W₂ at the mean. Where they differ, the "
        "distribution is skewed, and the best imputation depends on what an error costs you."
    )

    def __init__(self, data: MaskedTable, settings: DeltaGenerator) -> None:
        self.data = data

    def show(self) -> None:
        """Choice of model, column and cell; the distribution and the point."""
        models = available_models.models(self.data)
        if models is None:
            available_models.invite()
            return
        data = self.data
        left, middle, right = st.columns([2, 3, 2], vertical_alignment="bottom")
        with left:
            model = MODEL.widget(
                st.segmented_control,
                "Model",
                options=list(models),
                first=list(models)[-1],
                required=True,
            )
        with middle:
            index = choose_column("entry column", data.names)
        entry = data.shown_entries[index]
        rows = (~data.problem.masked.observed[:, entry]).nonzero()[:, 0].tolist()
        with right:
            number = st.number_input(
                f"Missing cell, 1 to {len(rows):,}",
                1,
                len(rows),
                key=f"hole.{data.table.name}.{entry}.{len(rows)}",
            )
        row = rows[int(number) - 1]
        units = data.table.units(entry)
        cell = f"{data.table.name}.{entry}.{row}.{model}"
        points = st.session_state.setdefault("points", {})
        point = transport(
            "transport",
            _distribution(data, models[model], row, entry),
            title=f"{data.names[index]}, row {row + 1}",
            unit=units.name,
            decimals=units.decimals,
            at=points.get(cell),
            rev=cell,
        )
        if point is not None:
            points[cell] = point
        with st.expander("Formulas"):
            formulas.transport()


@torch.no_grad()
def _distribution(data: MaskedTable, model: object, row: int, entry: int) -> Distribution:
    """The weighted sample of p(x | x_obs, s) of one entry, and its density."""
    problem = data.problem
    sample = weighted_completions(model, problem.masked[row : row + 1], SAMPLES, generator(0))
    values, weights = sample.x[:, 0, entry], sample.log_weights[:, 0].exp()
    mean = float((weights * values).sum())
    median = float(weighted_median(values[:, None, None], sample.log_weights)[0, 0])
    true_value = float(problem.original.x[row, entry]) if problem.hidden[row, entry] else None
    low, high, grid, density = _density(values, weights, true_value)
    units = data.table.units(entry)
    return Distribution(
        units.of(values.double().numpy()),
        weights.numpy(),
        units.of(mean),
        units.of(median),
        None if true_value is None else units.of(true_value),
        units.of(low),
        units.of(high),
        units.of(grid),
        density / units.scale,
    )


def _density(
    values: Tensor, weights: Tensor, true_value: float | None
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Range, grid and smoothed density, by a Gaussian kernel of Silverman's width.

    The kernel keeps a visible width where one draw has all the weight or all draws are equal.
    """
    x, w = values.double().numpy(), weights.double().numpy()
    w = w / w.sum()
    spread = np.sqrt(w @ (x - w @ x) ** 2)
    width = max(spread * (0.75 / (w @ w)) ** -0.2, np.ptp(x) / 100, 1e-2)
    ends = [x.min(), x.max(), *([] if true_value is None else [true_value])]
    margin = max(spread, 3 * width)
    grid = np.linspace(min(ends) - margin, max(ends) + margin, GRID)
    kernels = np.exp(-0.5 * ((grid[:, None] - x) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return float(grid[0]), float(grid[-1]), grid, kernels @ w
