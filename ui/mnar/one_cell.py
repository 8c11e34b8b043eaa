"""The view of one missing entry: its law, and a point estimate to be moved about."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from dgm_core.rng import generator
from dgm_core.samplers.completions import weighted_completions
from dgm_core.samplers.estimates import weighted_median
from ui import formulas
from ui.components.transport import Law, transport
from ui.frame import kept
from ui.mnar import available_models
from ui.mnar.requested import Asked
from ui.mnar.shown_columns import choose_column

SAMPLES = 400
GRID = 160


class OneEntry:
    """Every point estimate is a projection of the conditional law on the Dirac masses.

    Args:
        asked: table and mechanism.
        settings: where the settings go: there are none.
    """

    name = "One entry"
    work = None
    about = (
        "A missing value has a law, not a value. Whatever is filled in is one point, and the cost "
        "of moving the law there depends on how distance is counted. **Drag the point**: W₁ is "
        "least at the median, W₂ at the mean. Where they differ, the law is skewed, and the best "
        "guess depends on what an error costs you."
    )

    def __init__(self, asked: Asked, settings: DeltaGenerator) -> None:
        self.asked = asked

    def show(self) -> None:
        """Row, column and model; the law and the point."""
        models = available_models.models(self.asked)
        if models is None:
            available_models.invite()
            return
        asked = self.asked
        left, middle, right = st.columns([2, 3, 2], vertical_alignment="bottom")
        kept("entry model", "not-MIWAE")
        with left:
            by = st.segmented_control("By", list(models), required=True, key="keep.entry model")
        with middle:
            place = choose_column("entry column", asked.names)
        entry = asked.shown[place]
        rows = (~asked.problem.masked.observed[:, entry]).nonzero()[:, 0].tolist()
        with right:
            number = st.number_input(
                f"Which of its {len(rows):,} holes",
                1,
                len(rows),
                key=f"hole.{asked.table.name}.{entry}.{len(rows)}",
            )
        row = rows[int(number) - 1]
        law = _law(asked, models[by], row, entry)
        name = asked.names[place]
        which = f"{asked.table.name}.{entry}.{row}.{by}"
        points = st.session_state.setdefault("points", {})
        point = transport(
            "transport",
            law,
            title=f"{name}, row {row + 1}",
            unit="SD",
            at=points.get(which),
            rev=which,
        )
        if point is not None:
            points[which] = point
        with st.expander("Formulas"):
            formulas.transport()


@torch.no_grad()
def _law(asked: Asked, model: object, row: int, entry: int) -> Law:
    """The weighted sample of p(x | x_obs, s) of one entry, and its density."""
    at = slice(row, row + 1)
    sample = weighted_completions(model, asked.problem.masked[at], SAMPLES, generator(0))
    values, weights = sample.x[:, 0, entry], sample.log_weights[:, 0].exp()
    mean = float((weights * values).sum())
    middle = float(weighted_median(values[:, None, None], sample.log_weights)[0, 0])
    known = asked.problem.hidden[row, entry]
    truth = float(asked.problem.truth.x[row, entry]) if known else None
    low, high, x, y = _density(values, weights, truth)
    return Law(values.numpy(), weights.numpy(), mean, middle, truth, low, high, x, y)


def _density(
    values: Tensor, weights: Tensor, truth: float | None
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Range and a smoothed density, by a Gaussian kernel of Silverman's width.

    Where one draw has all the weight, or all draws are equal, the kernel keeps a width that can
    be seen.
    """
    numbers, shares = values.double().numpy(), weights.double().numpy()
    shares = shares / shares.sum()
    spread = np.sqrt(shares @ (numbers - shares @ numbers) ** 2)
    width = max(spread * (0.75 / (shares @ shares)) ** -0.2, np.ptp(numbers) / 100, 1e-2)
    ends = [numbers.min(), numbers.max(), *([] if truth is None else [truth])]
    room = max(spread, 3 * width)
    x = np.linspace(min(ends) - room, max(ends) + room, GRID)
    kernels = np.exp(-0.5 * ((x[:, None] - numbers) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return float(x[0]), float(x[-1]), x, kernels @ shares
