"""Small figures as SVG, without scripts or outside resources.

Every function takes numbers and returns text. Colours are classes of `style.css`, so figures are
readable in light and dark and in print. Figures are at most `WIDE` pixels wide and are not scaled
down on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from dgm_core.inference.report.words import number

WIDE, HIGH = 320, 150
"""Size of a figure in pixels."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 12.0, 12.0, 10.0, 22.0


def bar(share: float, kind: str = "imputed") -> str:
    """A share between 0 and 1 as a bar."""
    length = round(100 * min(max(share, 0.0), 1.0), 1)
    about = f"{100 * share:.0f} %"
    return _svg(
        100, 10, about, f'<rect class="track" width="100" height="10"/>'
        f'<rect class="{kind}" width="{length}" height="10"/>',
    )  # fmt: skip


def interval(low: float, value: float, high: float, span: float, about: str) -> str:
    """An estimate with its interval on an axis from −span to span, with a line at 0."""

    def x(v: float) -> float:
        return round(70 + 65 * min(max(v / span, -1.0), 1.0), 1)

    return _svg(
        140, 16, about,
        f'<line class="axis" x1="70" x2="70" y1="0" y2="16"/>'
        f'<line class="stroke" x1="{x(low)}" x2="{x(high)}" y1="8" y2="8"/>'
        f'<circle class="dot" cx="{x(value)}" cy="8" r="3.5"/>',
    )  # fmt: skip


def pair(first: tuple[float, float, float], second: tuple[float, float, float], about: str) -> str:
    """Two estimates with intervals (low, value, high) on one axis, observed above pooled."""
    ends = [end for each in (first, second) for end in each if np.isfinite(end)]
    if not ends:
        return ""
    start, width = min(ends), (max(ends) - min(ends)) or 1.0
    parts = []
    for y, kind, (low, value, high) in ((5, "observed", first), (15, "imputed", second)):
        if np.isfinite(value):
            a, b, c = (round(5 + 130 * (v - start) / width, 1) for v in (low, value, high))
            parts.append(
                f'<line class="stroke {kind}-line" x1="{a}" x2="{c}" y1="{y}" y2="{y}"/>'
                f'<circle class="{kind}" cx="{b}" cy="{y}" r="3.5"/>'
            )
    return _svg(140, 20, about, "".join(parts))


def densities(observed: NDArray, imputed: NDArray, about: str) -> str:
    """Distributions of observed and of imputed numbers; bars if there are few different ones."""
    levels = np.unique(observed)
    if len(levels) <= 12:
        rounded = np.rint(imputed)
        whole = np.where(np.isin(rounded, levels), rounded, imputed)
        seen, filled = (
            [float(np.isclose(x, level).mean()) if len(x) else 0.0 for level in levels]
            for x in (observed, whole)
        )
        return paired_bars([number(level) for level in levels], seen, filled, about)
    both = np.concatenate([observed, imputed])
    low, high = np.quantile(both, [0.002, 0.998])
    margin = 0.04 * (high - low) or 1.0
    grid = np.linspace(low - margin, high + margin, 121)
    curves = [density(x, grid) for x in (observed, imputed)]
    top = max(curve.max() for curve in curves) or 1.0
    floor = HIGH - _BOTTOM
    shapes = []
    for kind, curve in zip(("observed", "imputed"), curves, strict=True):
        points = zip(_across(grid, grid[0], grid[-1]), floor - curve / top * (floor - _TOP),
                     strict=True)  # fmt: skip
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        first, last = _LEFT, WIDE - _RIGHT
        shapes.append(
            f'<path class="{kind}-area" d="M{first} {floor} L{path} L{last} {floor} Z"/>'
            f'<path class="stroke {kind}-line" d="M{path}"/>'
        )
    return _svg(WIDE, HIGH, about, "".join(shapes) + _axis(grid[0], grid[-1]))


def density(x: NDArray, grid: NDArray, most: int = 2000) -> NDArray:
    """Gaussian kernel density on a grid, with the bandwidth of Silverman's rule.

    More than `most` values are replaced by as many quantiles.
    """
    if not len(x):
        return np.zeros(len(grid))
    if len(x) > most:
        x = np.quantile(x, (np.arange(most) + 0.5) / most)
    quarter = np.subtract(*np.quantile(x, [0.75, 0.25])) / 1.349
    spread = min(each for each in (x.std(), quarter, np.inf) if each > 0)
    if not np.isfinite(spread):
        spread = 1e-2 * (grid[-1] - grid[0])
    width = max(0.9 * spread * len(x) ** -0.2, 0.5 * (grid[1] - grid[0]))
    kernel = np.exp(-(((grid[:, None] - x) / width) ** 2) / 2)
    return kernel.mean(1) / (width * np.sqrt(2 * np.pi))


def paired_bars(
    names: Sequence[str], observed: Sequence[float], imputed: Sequence[float], about: str
) -> str:
    """Frequencies of levels, observed beside imputed; the names are written below."""
    top, floor = max([*observed, *imputed, 1e-9]), HIGH - _BOTTOM
    step = (WIDE - _LEFT - _RIGHT) / max(len(names), 1)
    width, parts = min(0.38 * step, 40.0), []
    fit = max(2, int(step / 7))
    for place, name in enumerate(names):
        middle = _LEFT + (place + 0.5) * step
        for kind, share, x in (
            ("observed", observed[place], middle - width - 0.5),
            ("imputed", imputed[place], middle + 0.5),
        ):
            tall = share / top * (floor - _TOP)
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{floor - tall:.1f}" width="{width:.1f}" '
                f'height="{tall:.1f}"/>'
            )
        short = name if len(name) <= fit else f"{name[: fit - 1]}…"
        parts.append(f'<text x="{middle:.1f}" y="{HIGH - 6}">{escape(short)}</text>')
    line = f'<line class="axis" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{floor}" y2="{floor}"/>'
    return _svg(WIDE, HIGH, about, "".join(parts) + line)


def histogram(heights: Sequence[float], error: float, about: str) -> str:
    """A histogram of [0, 1] whose height should be 1, with a band of two standard errors."""
    top = max(*heights, 1 + 3 * error, 1.5)
    floor, step = HIGH - _BOTTOM, (WIDE - _LEFT - _RIGHT) / len(heights)

    def y(height: float) -> float:
        return round(floor - height / top * (floor - _TOP), 1)

    bars = "".join(
        f'<rect class="imputed" x="{_LEFT + place * step + 1:.1f}" y="{y(height)}" '
        f'width="{step - 2:.1f}" height="{floor - y(height):.1f}"/>'
        for place, height in enumerate(heights)
    )
    low, high = y(max(1 - 2 * error, 0.0)), y(1 + 2 * error)
    wide = WIDE - _LEFT - _RIGHT
    band = (
        f'<rect class="band" x="{_LEFT}" y="{high}" width="{wide}" height="{low - high:.1f}"/>'
        f'<line class="stroke" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{y(1)}" y2="{y(1)}"/>'
    )
    return _svg(WIDE, HIGH, about, bars + band + _axis(0, 1))


def band(
    places: Sequence[float],
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    reference: float,
    turns: Sequence[float],
    about: str,
) -> str:
    """Estimates with intervals along an assumption; a line at `reference`, marks at `turns`."""
    ends = [*lows, *highs, reference]
    bottom, top = min(ends), max(ends)
    span, floor = (top - bottom) or 1.0, HIGH - _BOTTOM
    first, last = min(places), max(places)

    def y(value: float) -> float:
        return round(floor - 4 - (value - bottom) / span * (floor - 8 - _TOP), 1)

    xs = _across(np.asarray(places, float), first, last)
    outline = [*zip(xs, highs, strict=True), *reversed([*zip(xs, lows, strict=True)])]
    shape = " L".join(f"{x:.1f} {y(value)}" for x, value in outline)
    line = " L".join(f"{x:.1f} {y(value)}" for x, value in zip(xs, values, strict=True))
    marks = "".join(
        f'<line class="stroke turn" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}"/>'
        for x in _across(np.asarray(turns, float), first, last)
    )
    level = (
        f'<line class="axis dashed" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{y(reference)}" '
        f'y2="{y(reference)}"/>'
    )
    dots = "".join(
        f'<circle class="imputed" cx="{x:.1f}" cy="{y(value)}" r="3"/>'
        for x, value in zip(xs, values, strict=True)
    )
    path = (
        f'<path class="imputed-area" d="M{shape} Z"/>'
        f'<path class="stroke imputed-line" d="M{line}"/>'
    )
    return _svg(WIDE, HIGH, about, path + level + marks + dots + _axis(first, last))


def _across(x: NDArray, low: float, high: float) -> NDArray:
    return _LEFT + (x - low) / ((high - low) or 1.0) * (WIDE - _LEFT - _RIGHT)


def _axis(low: float, high: float) -> str:
    floor, y = HIGH - _BOTTOM, HIGH - 6
    ends = (
        (_LEFT, "start", low),
        (WIDE / 2, "middle", (low + high) / 2),
        (WIDE - _RIGHT, "end", high),
    )
    labels = "".join(
        f'<text x="{x}" y="{y}" style="text-anchor:{anchor}">{number(value)}</text>'
        for x, anchor, value in ends
    )
    line = f'<line class="axis" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{floor}" y2="{floor}"/>'
    return line + labels


def _svg(width: int, height: int, about: str, content: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(about)}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">{content}</svg>'
    )
