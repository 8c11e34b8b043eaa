"""Charts of the studies of two samplers: F1 against one setting, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dgm_core.studies.inpainting.patterns import HALVES
from dgm_core.studies.inpainting.sampler_sweeps import PUBLISHED_F1, SAMPLERS
from ui import colours, figures
from ui.inpainting.methods import SHORT_NAMES
from ui.percent import percent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.inpainting.sampler_sweeps import Row

HEIGHT = 360
"""Height of the chart, in CSS pixels."""
DIRECTION = {"pseudo-Gibbs": -1.0, "Metropolis-within-Gibbs": 1.0}
"""Side to which the marks of a sampler are moved so that error bars do not overlap."""
AXES = {
    "missing rate": "pixels hidden at random, or one half",
    "initialisation": "initial values of the hidden pixels",
    "warm-up": "pseudo-Gibbs iterations before Metropolis",
    "iterations": "iterations",
}
NOT_ON_SCALE = {("missing rate", name) for name in HALVES}
"""Settings that are not joined by a line, because they are no point of a scale."""
Y_TITLES = {"hidden": "F1, hidden pixels", "all": "F1, all pixels"}


class Group(NamedTuple):
    """Rows that were measured together, and how they are drawn."""

    name: str  # appended to the name of the sampler in the legend
    rows: Sequence[Row]
    dash: str
    symbol: str
    shift: float = 0.09  # distance of the marks from the position of their setting


def chart(
    sweep: str, names: Sequence[str], groups: Sequence[Group], length: int, pixels: str
) -> Figure:
    """F1 of the posterior mean against the setting, ± 1 standard error.

    Args:
        sweep: the setting that is varied.
        names: its values, in order.
        groups: shipped results and those of this session.
        length: number of iterations of the results; the sweep "iterations" shows all of them.
        pixels: "hidden" or "all", the pixels that F1 counts.
    """
    figure = figures.empty(AXES[sweep], Y_TITLES[pixels], height=HEIGHT)
    for group in groups:
        for sampler in SAMPLERS:
            rows = [row for row in group.rows if row.sampler == sampler]
            if sweep == "iterations":
                points = [(n, row, n) for row in rows[:1] for n in row.lengths]
            else:
                shift = DIRECTION[sampler] * group.shift
                points = [(names.index(row.setting) + shift, row, length) for row in rows]
            _add(figure, sampler, group, sorted(points, key=lambda point: point[0]), pixels)
    if sweep == "iterations":
        ticks = sorted({n for group in groups for row in group.rows for n in row.lengths})
        figure.update_xaxes(
            type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks], minor={"ticks": ""}
        )
    else:
        if sweep == "missing rate" and pixels == "all":
            _add_published(figure, names, groups)
        figure.update_xaxes(
            tickvals=list(range(len(names))),
            ticktext=[_narrow(name) for name in names],
            range=[-0.5, len(names) - 0.5],
            showgrid=False,
            tickfont={"size": 10},
        )
    return figure


def _add(figure: Figure, sampler: str, group: Group, points: list, pixels: str) -> None:
    """Add the line of one sampler, with gaps between settings that have no order."""
    if not points:
        return
    colour, columns = _colour(sampler), []
    for at, row, length in points:
        if row.sweep == "initialisation" or (row.sweep, row.setting) in NOT_ON_SCALE:
            columns.append((None, None, None, ""))
        columns.append((at, *row.f1(length, pixels=pixels), _hover(row, length, pixels)))
    x, y, errors, texts = zip(*columns, strict=True)
    figure.add_scatter(
        x=x,
        y=y,
        text=texts,
        name=SHORT_NAMES[sampler] + group.name,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": group.dash},
        marker={"size": 8, "symbol": group.symbol, "color": colour},
        error_y={"array": errors, "thickness": 1.5, "width": 4, "color": colour},
        hovertemplate="%{text} %{y:.3f} ± %{error_y.array:.3f}<extra></extra>",
    )


def _hover(row: Row, length: int, pixels: str) -> str:
    at = row.lengths.index(length)
    name = SHORT_NAMES[row.sampler]
    text = f"{name}, {row.setting}, {length:,} iterations, {row.images} images"
    if row.sampler in SAMPLERS[1:]:
        text += f"<br>acceptance {percent(row.acceptance[at], 1)}"
        text += f", stuck chains {percent(row.stuck[at])}"
    draw, error = row.f1(length, "draw", pixels)
    text += f"<br>median split R-hat {row.rhat[at]:.2f}"
    return f"{text}<br>F1 of one draw {draw:.3f} ± {error:.3f}<br>F1 of the mean"


def _add_published(figure: Figure, names: Sequence[str], groups: Sequence[Group]) -> None:
    """Add hollow marks: the values of the public code's figures, if it has the data set."""
    known = PUBLISHED_F1.get(groups[0].rows[0].data, {})
    for number, sampler in enumerate(SAMPLERS):
        colour = _colour(sampler)
        figure.add_scatter(
            x=[names.index(name) + DIRECTION[sampler] * groups[0].shift for name in known],
            y=[values[number] for values in known.values()],
            mode="markers",
            name=f"public code, {SHORT_NAMES[sampler]}",
            marker={"size": 10, "symbol": "circle-open", "color": colour, "line": {"width": 2}},
            hovertemplate="public code, read from its figure<br>F1 %{y:.3f} ± 0.01<extra></extra>",
        )


def _colour(sampler: str) -> str:
    return colours.of_method(sampler)


def _narrow(name: str) -> str:
    """The name of a setting, narrow enough for a phone."""
    return name.removesuffix(" at random") if "%" in name else name.replace(" ", "<br>")
