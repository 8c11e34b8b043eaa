"""Tracks that the image player refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ui.components.picture_player import Track, picture_player

FRAMES = np.zeros((3, 1, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("pictures", "captions", "message"),
    [
        (FRAMES.astype(float), (), "uint8"),
        (FRAMES[0], (), "uint8"),
        (np.zeros((3, 2, 4, 4), np.uint8), (), "1 or 3"),
        (FRAMES, ("a", "b"), "expected 3 captions, got 2"),
    ],
)
def test_an_invalid_track_is_refused(pictures: np.ndarray, captions: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Track("track", pictures, captions)


@pytest.mark.parametrize(
    ("tracks", "more", "message"),
    [
        ([], {}, "one length"),
        ([Track("a", FRAMES), Track("b", FRAMES[:2])], {}, "one length"),
        ([Track("a", FRAMES)], {"positions": ["x"]}, "one length"),
        ([Track("a", FRAMES)], {"start": 3}, "from 0 to 2"),
    ],
)
def test_inconsistent_tracks_are_refused(tracks: list, more: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        picture_player("key", tracks, label="player", **more)
