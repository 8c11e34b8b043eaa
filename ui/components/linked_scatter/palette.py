"""Colours of points and curves, told apart by most eyes, on white and on dark pages alike.

Found by a search that kept the first near the page's own colour and made the smallest distance
between two of them large, in OKLab, for normal sight and for protan, deutan and tritan sight as
Machado, Oliveira and Fernandes (2009) model it; every colour stays visible on both backgrounds.
No ten colours are safe for every eye: whatever uses them says by a name, too, what is what.
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
"""Of categories, in this order: the first four differ most. Further ones begin again."""

RAMP = ("#4947B9", "#9A42B8", "#D44C97", "#F9676A", "#FF923E", "#FFC240")
"""From low to high values, in equal steps, growing lighter."""


def colour(index: int) -> str:
    """Of category `index`, 0, 1, …"""
    return COLOURS[index % len(COLOURS)]
