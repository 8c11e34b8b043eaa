"""Sequences of images that are played side by side with one clock: paths, trainings.

The component only displays: nothing is sent back to Python.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ui.components import inline_component

_COMPONENT = inline_component(
    Path(__file__).parent, "theme", "bits", "elements", "planes", "play_bar"
)


@dataclass(frozen=True)
class Track:
    """A sequence of images.

    Args:
        title: above the images.
        pictures: uint8 (T, C, H, W), C = 1 or 3.
        captions: one per image, below it; empty for none.

    Raises:
        ValueError: another dtype or shape, or another number of captions.
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
            raise ValueError(f"expected {len(pictures)} captions, got {len(self.captions)}")


def picture_player(
    key: str,
    tracks: Sequence[Track],
    *,
    label: str,
    positions: Sequence[str] = (),
    start: int = 0,
    seconds: float = 3.0,
    width: int = 200,
    there_and_back: bool = False,
) -> None:
    """Draw the sequences with a slider and a play button.

    Args:
        key: Streamlit key, unique on the page.
        tracks: sequences with the same number of images.
        label: of the component, for screen readers.
        positions: text beside the slider, one per image; empty for "3 / 20".
        start: index of the image shown first.
        seconds: duration of one pass.
        width: maximum width of an image, in CSS pixels.
        there_and_back: play forwards and backwards; else start again at the first image.

    Raises:
        ValueError: no track, tracks or positions of different lengths, or a start out of range.
    """
    lengths = {len(track.pictures) for track in tracks}
    if len(lengths) != 1 or (positions and {len(positions)} != lengths):
        raise ValueError(f"expected tracks and positions of one length, got {sorted(lengths)}")
    (count,) = lengths
    if not 0 <= start < count:
        raise ValueError(f"expected a start from 0 to {count - 1}, got {start}")
    _COMPONENT(
        key=key,
        data={
            "label": label,
            "count": count,
            "positions": list(positions),
            "start": start,
            "seconds": seconds,
            "width": width,
            "backwards": there_and_back,
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
