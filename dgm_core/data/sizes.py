"""Sizes of images that other modules need without loading a data set."""

from __future__ import annotations

DIGIT_SIDE = 28
"""Rows and columns of the images of digits and letters."""
