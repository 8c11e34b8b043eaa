"""Titles of methods on the screen."""

from __future__ import annotations


def title(name: str) -> str:
    """The title of a method: its name in the catalogue with a capital.

    Example:
        >>> title("pseudo-Gibbs")
        'Pseudo-Gibbs'
    """
    return name[:1].upper() + name[1:]
