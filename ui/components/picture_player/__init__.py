"""Rows of pictures that play side by side under one clock: paths, trainings.

The browser holds all of it; nothing comes back to Python.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "theme", "bits", "elements")


@dataclass(frozen=True)
class Track:
    """One picture that changes.

    Args:
        title: above it.
        pictures: uint8 (T, C, H, W), C = 1 or 3.
        captions: one a picture, below it; none = no line there.

    Raises:
        ValueError: not uint8, another shape, or captions that are not as many.
    """

    title: str
    pictures: np.ndarray
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pictures = self.pictures
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
            raise ValueError(
                f"expected pictures uint8 (T, 1 or 3, H, W), got {pictures.dtype} {pictures.shape}"
            )
        if self.captions and len(self.captions) != len(pictures):
            raise ValueError(f"{len(self.captions)} captions for {len(pictures)} pictures")


def picture_player(
    key: str,
    tracks: Sequence[Track],
    *,
    label: str,
    places: Sequence[str] = (),
    start: int = 0,
    seconds: float = 3.0,
    width: int = 200,
    there_and_back: bool = False,
) -> None:
    """Show the tracks with a slider and a button that plays them.

    Args:
        key: Streamlit key, one for each player on screen.
        tracks: all of the same number of pictures.
        label: of the whole, for screen readers.
        places: one a picture, beside the slider; none = "3 / 20".
        start: the picture shown first.
        seconds: of one run through.
        width: of a picture, in CSS pixels, at most.
        there_and_back: play to and fro; else from the beginning again.

    Raises:
        ValueError: no track, tracks of different lengths, places that are not as many, or a start
            outside.
    """
    lengths = {len(track.pictures) for track in tracks}
    if len(lengths) != 1 or (places and {len(places)} != lengths):
        raise ValueError(f"expected tracks and places of one length, got {sorted(lengths)}")
    (count,) = lengths
    if not 0 <= start < count:
        raise ValueError(f"expected a start from 0 to {count - 1}, got {start}")
    _COMPONENT(
        key=key,
        data={
            "label": label,
            "count": count,
            "places": list(places),
            "start": start,
            "seconds": seconds,
            "width": width,
            "back": there_and_back,
            "tracks": [
                {
                    "title": track.title,
                    "captions": list(track.captions),
                    "channels": track.pictures.shape[1],
                    "height": track.pictures.shape[2],
                    "width": track.pictures.shape[3],
                    "pictures": base64.b64encode(np.ascontiguousarray(track.pictures)).decode(),
                }
                for track in tracks
            ],
        },
    )
