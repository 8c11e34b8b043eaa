"""The contents of a linked scatter: points in planes, ellipses, and colourings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NONE = 255
"""Code of a point without a category, as it is sent."""
MOST_CATEGORIES = 100


class Ellipse(NamedTuple):
    """A Gaussian in a plane, outlined at two standard deviations.

    It has its colour only while the points are coloured by categories of which one has its name.
    Otherwise it is neutral, with its name beside it.
    """

    x: float
    y: float
    covariance: np.ndarray
    """(2, 2)."""
    colour: int | str
    """Index in the palette, or a CSS colour."""
    name: str
    bold: bool = False
    """Draw it thick, solid and dark while it is neutral."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The points in one plane; both axes have the same scale.

    Args:
        title: above the plane; empty for none.
        xy: (N, 2) coordinates.
        ellipses: drawn over the points.

    Raises:
        ValueError: `xy` has another shape, or a number is not finite.
    """

    title: str
    xy: np.ndarray
    ellipses: Sequence[Ellipse] = ()

    def __post_init__(self) -> None:
        if self.xy.ndim != 2 or self.xy.shape[1] != 2:
            raise ValueError(f"expected xy of shape (N, 2), got {self.xy.shape}")
        if not np.isfinite(self.xy).all():
            raise ValueError(f"expected finite coordinates in {self.title!r}")
        for ellipse in self.ellipses:
            shape = np.shape(ellipse.covariance)
            if shape != (2, 2):
                raise ValueError(f"expected a covariance of shape (2, 2), got {shape}")
            if not np.isfinite([ellipse.x, ellipse.y, *np.ravel(ellipse.covariance)]).all():
                raise ValueError(f"expected a finite ellipse, got {ellipse}")


@dataclass(frozen=True, eq=False)
class Categories:
    """A colour for each category of points.

    Args:
        name: of the colouring: "digit", "cluster".
        codes: (N,) integers, indices in `names`; -1: no category, drawn grey.
        names: of the categories.
        colours: CSS colours, one per category; None: those of the palette.

    Raises:
        ValueError: a code without a name, more than `MOST_CATEGORIES` names, or another number of
            colours.
    """

    name: str
    codes: np.ndarray
    names: Sequence[str]
    colours: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.codes.ndim != 1 or self.codes.dtype.kind not in "iu":
            raise ValueError(
                f"expected codes of shape (N,), whole numbers, got {self.codes.shape} "
                f"and {self.codes.dtype}"
            )
        if len(self.names) > MOST_CATEGORIES:
            raise ValueError(f"expected at most {MOST_CATEGORIES} names, got {len(self.names)}")
        if self.codes.size and not -1 <= self.codes.min() <= self.codes.max() < len(self.names):
            raise ValueError(
                f"expected codes from -1 to {len(self.names) - 1}, "
                f"got {self.codes.min()} to {self.codes.max()}"
            )
        if self.colours is not None and len(self.colours) != len(self.names):
            raise ValueError(f"expected {len(self.names)} colours, got {len(self.colours)}")


@dataclass(frozen=True, eq=False)
class Ramp:
    """A colour for each value of a quantity.

    Args:
        name: of the quantity.
        values: (N,); a point whose value is not finite is drawn grey.
        low_label, high_label: words beside the smallest and the largest value in the legend.

    Raises:
        ValueError: `values` has another shape, or no value is finite.
    """

    name: str
    values: np.ndarray
    low_label: str = ""
    high_label: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise ValueError(f"expected values of shape (N,), got {self.values.shape}")
        if not np.isfinite(self.values).any():
            raise ValueError(f"expected at least one finite value of {self.name!r}")


Colouring = Categories | Ramp
