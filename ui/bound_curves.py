"""Curves of bounds. A figure holds bounds on the log-probability of one kind of data only.

A bound on log p(x_obs) and one on log p(x_obs, s) cannot be compared, so each curve says what it
bounds, and a figure refuses a second kind:

    bound_curves.add(figure, X_OBS, x=steps, y=bounds, name="MIWAE")

`mark` declares the kind of a figure that is drawn in another way, such as with bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

X, X_OBS, X_OBS_S = "log p(x)", "log p(x_obs)", "log p(x_obs, s)"
"""What is bounded; s is the mask, so the last one includes why values are missing."""
META = "bounded"
"""Key in the figure's meta data."""


def mark(figure: Figure, bounded: str) -> Figure:
    """Declare what the bounds in a figure bound.

    Raises:
        ValueError: the figure already has bounds on something else.
    """
    already = bounded_by(figure)
    if already not in (None, bounded):
        raise ValueError(
            f"expected bounds on {already}, got a bound on {bounded}: they cannot share an axis"
        )
    return figure.update_layout(meta={META: bounded})


def add(figure: Figure, bounded: str, **trace: Any) -> None:
    """Add a curve of a bound; see `mark` for the error."""
    mark(figure, bounded).add_scatter(**trace)


def bounded_by(figure: Figure) -> str | None:
    """What the bounds in a figure bound; None if it has none."""
    return (figure.layout.meta or {}).get(META)
