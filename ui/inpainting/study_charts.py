"""Figures of the studies of two samplers: F1 over one setting, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dgm_core.studies.inpainting.patterns import HALVES
from dgm_core.studies.inpainting.sampler_sweeps import SAMPLERS, SOURCE
from ui import colours, figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from dgm_core.studies.inpainting.sampler_sweeps import Row

TALL = 360
SHORT = {"pseudo-Gibbs": "pseudo-Gibbs", "Metropolis-within-Gibbs": "Metropolis"}
SHIFT = {"pseudo-Gibbs": -1.0, "Metropolis-within-Gibbs": 1.0}
"""Side to which marks move, so that error bars do not cover each other; by how much, the `Group`
says."""
AXES = {
    "missing rate": "pixels hidden at random, or one half",
    "initialisation": "hidden pixels begin as",
    "warm-up": "pseudo-Gibbs iterations before Metropolis",
    "iterations": "iterations",
}
APART = {("missing rate", name) for name in HALVES}
"""Settings that are no point of a scale."""
HIDDEN = "F1, hidden pixels"
ALL = "F1, all pixels"


class Group(NamedTuple):
    """Rows that were measured together, and how they are drawn."""

    name: str  # "", or what the legend adds to the sampler
    rows: Sequence[Row]
    dash: str
    symbol: str
    off: float = 0.09  # of the marks from their setting's place


def chart(
    sweep: str, names: Sequence[str], groups: Sequence[Group], length: int, pixels: str
) -> Figure:
    """F1 of the posterior mean by setting; ± 1 standard error.

    Args:
        sweep: what is swept.
        names: of its settings, in order.
        groups: what was measured beforehand, and here.
        length: iterations after which rows are read off; of "iterations" every length is shown.
        pixels: which count.
    """
    figure = figures.empty(AXES[sweep], HIDDEN if pixels == "hidden" else ALL, height=TALL)
    for group in groups:
        for sampler in SAMPLERS:
            rows = [row for row in group.rows if row.sampler == sampler]
            if sweep == "iterations":
                points = [(n, row, n) for row in rows[:1] for n in row.lengths]
            else:
                shift = SHIFT[sampler] * group.off
                points = [(names.index(row.setting) + shift, row, length) for row in rows]
            _add(figure, sampler, group, sorted(points, key=lambda point: point[0]), pixels)
    if sweep == "iterations":
        ticks = sorted({n for group in groups for row in group.rows for n in row.lengths})
        figure.update_xaxes(
            type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks], minor={"ticks": ""}
        )
    else:
        if sweep == "missing rate" and pixels == "all":
            _source(figure, names, groups)
        figure.update_xaxes(
            tickvals=list(range(len(names))),
            ticktext=[_broken(name) for name in names],
            range=[-0.5, len(names) - 0.5],
            showgrid=False,
            tickfont={"size": 10},
        )
    return figure


def _add(figure: Figure, sampler: str, group: Group, points: list, pixels: str) -> None:
    """One sampler's line, broken where settings have no order."""
    if not points:
        return
    colour, columns = _colour(sampler), []
    for at, row, length in points:
        if row.sweep == "initialisation" or (row.sweep, row.setting) in APART:
            columns.append((None, None, None, ""))
        columns.append((at, *row.f1(length, pixels=pixels), _hover(row, length, pixels)))
    x, y, errors, texts = zip(*columns, strict=True)
    figure.add_scatter(
        x=x,
        y=y,
        text=texts,
        name=SHORT[sampler] + group.name,
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": group.dash},
        marker={"size": 8, "symbol": group.symbol, "color": colour},
        error_y={"array": errors, "thickness": 1.5, "width": 4, "color": colour},
        hovertemplate="%{text} %{y:.3f} ± %{error_y.array:.3f}<extra></extra>",
    )


def _hover(row: Row, length: int, pixels: str) -> str:
    at = row.lengths.index(length)
    said = f"{SHORT[row.sampler]}, {row.setting}, {length:,} iterations, {row.images} images"
    if row.sampler in SAMPLERS[1:]:
        said += f"<br>acceptance {row.acceptance[at]:.1%}, stuck chains {row.stuck[at]:.0%}"
    draw, error = row.f1(length, "draw", pixels)
    said += f"<br>median split R-hat {row.rhat[at]:.2f}"
    return f"{said}<br>F1 of one draw {draw:.3f} ± {error:.3f}<br>of the mean"


def _source(figure: Figure, names: Sequence[str], groups: Sequence[Group]) -> None:
    """Hollow marks: what the figures of the source say, where it has the data set."""
    known = SOURCE.get(groups[0].rows[0].data, {})
    for number, sampler in enumerate(SAMPLERS):
        colour = _colour(sampler)
        figure.add_scatter(
            x=[names.index(name) + SHIFT[sampler] * groups[0].off for name in known],
            y=[values[number] for values in known.values()],
            mode="markers",
            name=f"source's {SHORT[sampler]}",
            marker={"size": 10, "symbol": "circle-open", "color": colour, "line": {"width": 2}},
            hovertemplate="source, read off its figure<br>F1 %{y:.3f} ± .01<extra></extra>",
        )


def _colour(sampler: str) -> str:
    return colours.of_method(sampler)


def _broken(name: str) -> str:
    """A setting's name, narrow enough for a phone."""
    return name.removesuffix(" at random") if "%" in name else name.replace(" ", "<br>")
