"""The words on a card for the test images of a measurement."""

from __future__ import annotations


def described(images: int, of: int) -> str:
    """How many of the images of a test split were measured.

    >>> described(300, 300)
    'all 300 test images'
    >>> described(100, 300)
    '100 test images at random'
    """
    return f"all {images} test images" if images == of else f"{images} test images at random"
