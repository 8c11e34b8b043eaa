"""Results of the samplers and methods as messages for components, and as charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dgm_core.studies.inpainting.two_samplers import SAMPLERS, Config, Frame
from ui import bound_curves
from ui.colours import accent
from ui.components.chain_player import SamplerFrames, player_message
from ui.method_titles import title

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.inpainting.comparison import Calibration, Outcome
    from ui.inpainting.pictures import Origin


def chains(
    config: Config,
    frames: Sequence[Frame],
    *,
    run: str,
    state: str,
    origin: Origin,
    start: int = 0,
    autoplay: bool = False,
) -> dict[str, Any]:
    """A message for the chain player with the frames of the run from index `start` on."""
    numbers = config.frame_numbers()
    return player_message(
        run=run,
        original=config.original,
        original_title=origin.title,
        original_note=origin.note,
        scored=origin.scored,
        hidden=~config.observed,
        samplers={title(name): _stack(frames, name) for name in SAMPLERS},
        numbers=[frame.iteration for frame in frames],
        start=start,
        total=len(numbers),
        iterations=config.iterations,
        warmup=config.warmup,
        thin=numbers[-1] - numbers[-2],
        diagnostics={title(name): _diagnostics(frames, name, config) for name in SAMPLERS},
        state=state,
        autoplay=autoplay,
    )


def _stack(frames: Sequence[Frame], name: str) -> SamplerFrames:
    shots = [frame.samplers[name] for frame in frames]
    return SamplerFrames(
        draws=np.stack([shot.draws for shot in shots]),
        mean=np.stack([shot.mean for shot in shots]),
        sd=np.stack([shot.sd for shot in shots]),
        f1_draw=np.stack([_band(shot.f1_draw) for shot in shots]),
        f1_mean=np.stack([_band(shot.f1_mean) for shot in shots]),
    )


def _band(scores: np.ndarray) -> np.ndarray:
    """Lowest, mean and highest score of the chains."""
    return np.array([scores.min(), scores.mean(), scores.max()])


def _diagnostics(frames: Sequence[Frame], name: str, config: Config) -> dict[str, float | None]:
    shot = frames[-1].samplers[name]
    summary = shot.summary
    nothing_hidden = bool(config.observed.all())
    found = {
        "acceptance": summary.acceptance,
        "stuck": summary.stuck,
        "rhat": summary.rhat,
        "ess": summary.ess,
        "f1_mean": math.nan if nothing_hidden else summary.f1,
        "f1_mean_error": summary.f1_error,
        "f1_draw": math.nan if nothing_hidden else float(shot.f1_draw.mean()),
    }
    return {key: None if math.isnan(value) else value for key, value in found.items()}


# --- calibration ------------------------------------------------------------------------------

CALIBRATION = {
    "reliability": (
        "If a method predicts ink with probability 0.3, then 30 % of those hidden pixels should "
        "have ink: **points on the dashed line**. Points below it mean that the method predicts "
        "too much ink, points above it too little. A flat line carries no information. Larger "
        "points stand for more pixels. The bars are two standard errors for independent pixels; "
        "neighbouring pixels are not independent."
    ),
    "PIT": (
        "The rank of the original value among the draws. If the draws are right, every rank is "
        "equally frequent: **bars at the dashed line**. A ∪ means that the draws vary too little, "
        "a ∩ that they vary too much, and a slope that they are biased. The band is two standard "
        "errors for independent values; neighbouring pixels are not independent."
    ),
}
"""Kind of calibration → how to read the chart."""
COLUMNS = 4
"""Largest number of panels in a row."""
LINE = "rgba(128, 128, 128, 0.7)"
BAND = "rgba(128, 128, 128, 0.18)"


def calibration(outcomes: Sequence[Outcome], *, dark: bool) -> Figure:
    """One panel per method: its calibration and the ideal.

    Args:
        outcomes: with a calibration, all of one kind.
        dark: whether the theme is dark.
    """
    from plotly.subplots import make_subplots  # a second of start-up

    columns = min(len(outcomes), COLUMNS)
    rows = -(-len(outcomes) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[title(each.method) for each in outcomes],
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        vertical_spacing=0.22 / rows,
    )
    for i, outcome in enumerate(outcomes):
        at = {"row": i // columns + 1, "col": i % columns + 1}
        add = _add_reliability if outcome.calibration.kind == "reliability" else _add_pit
        add(figure, outcome.calibration, accent.dark if dark else accent.light, at)
    figure.update_layout(
        height=60 + 190 * rows, margin={"l": 0, "r": 12, "t": 30, "b": 0}, showlegend=False
    )
    figure.update_annotations(font_size=13)
    figure.update_xaxes(range=[0, 1], tickvals=[0, 0.5, 1])
    return figure


def curves(outcomes: Sequence[Outcome], *, dark: bool) -> Figure:
    """The bound on log p(x_obs) of methods against their number of importance samples K."""
    from plotly.graph_objects import Figure  # a second of start-up

    figure = Figure()
    for outcome in outcomes:
        for x, y in outcome.curves.values():
            bound_curves.add(
                figure,
                bound_curves.X_OBS,
                x=x,
                y=y,
                mode="lines+markers",
                line={"color": accent.dark if dark else accent.light, "width": 2},
                hovertemplate="K = %{x}<br>%{y:.2f} nats<extra></extra>",
            )
    figure.update_layout(height=260, margin={"l": 0, "r": 0, "t": 10, "b": 0}, showlegend=False)
    figure.update_xaxes(type="log", title="importance samples K", dtick=1)
    figure.update_yaxes(title="bound, nats")
    return figure


def _add_reliability(figure: Figure, found: Calibration, colour: str, at: dict[str, int]) -> None:
    kept = found.entries > 0
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=_dashed(), hoverinfo="skip", **at)
    figure.add_scatter(
        x=found.x[kept],
        y=found.y[kept],
        error_y={"array": 2 * found.error[kept], "thickness": 1, "width": 0},
        mode="lines+markers",
        line={"color": colour, "width": 1.5},
        marker={"size": 4 + 2 * np.log10(found.entries[kept])},
        customdata=found.entries[kept],
        hovertemplate="probability %{x:.2f}<br>fraction with ink %{y:.2f}<br>%{customdata} pixels"
        "<extra></extra>",
        **at,
    )
    figure.update_yaxes(range=[-0.02, 1.02], tickvals=[0, 0.5, 1], **at)


def _add_pit(figure: Figure, found: Calibration, colour: str, at: dict[str, int]) -> None:
    low, high = 1 - 2 * found.error, 1 + 2 * found.error
    x = [0, *found.x[1:-1], 1]
    figure.add_scatter(x=x, y=low, mode="lines", line_width=0, hoverinfo="skip", **at)
    figure.add_scatter(
        x=x,
        y=high,
        mode="lines",
        line_width=0,
        fill="tonexty",
        fillcolor=BAND,
        hoverinfo="skip",
        **at,
    )
    figure.add_bar(
        x=found.x,
        y=found.y,
        width=0.9 / len(found.x),
        marker={"color": colour, "opacity": 0.75},
        hovertemplate="rank %{x:.2f}<br>%{y:.2f} times the uniform frequency<extra></extra>",
        **at,
    )
    figure.add_scatter(x=[0, 1], y=[1, 1], mode="lines", line=_dashed(), hoverinfo="skip", **at)
    figure.update_yaxes(rangemode="tozero", **at)


def _dashed() -> dict[str, Any]:
    return {"color": LINE, "width": 1, "dash": "dash"}
