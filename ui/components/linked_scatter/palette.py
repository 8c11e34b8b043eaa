"""Colours of points and curves that most people can distinguish, on light and dark pages.

A search kept the first colour near the accent colour and maximised the smallest distance between
two colours in OKLab, for normal, protan, deutan and tritan vision as modelled by Machado, Oliveira
and Fernandes (2009). Every colour is visible on both backgrounds. Ten colours cannot be
distinguished by everybody, so every use of them shows names too.
"""

from __future__ import annotations

COLOURS = (
    "#4C5FD5",
    "#E93D6F",
    "#CABC22",
    "#83A4E6",
    "#D2800C",
    "#019698",
    "#AB6DFC",
    "#FC9993",
    "#05CEC5",
    "#8F4446",
)
"""Colours of categories, in this order. The first four differ most."""

RAMP = ("#4947B9", "#9A42B8", "#D44C97", "#F9676A", "#FF923E", "#FFC240")
"""Colours from low to high values, in equal steps of increasing lightness."""


def colour(index: int) -> str:
    """Colour of category `index`; after the last colour the list starts again."""
    return COLOURS[index % len(COLOURS)]
