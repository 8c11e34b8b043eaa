"""What a session keeps of a finished run of two samplers: its frames, compressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dgm_core.studies.inpainting.two_samplers import Frame
from ui.compact_memory import Compressed
from ui.inpainting import chain_panel


def kept(items: Sequence[Any]) -> list[Any]:
    """The items to keep of a finished run: all that player, diagnostics and downloads show."""
    return [Compressed(chain_panel.without_unsent(frames(items)))]


def is_kept(items: Sequence[Any]) -> bool:
    """Whether these are the items of a run that has finished."""
    return bool(items) and isinstance(items[0], Compressed)


def frames(items: Sequence[Any]) -> list[Frame]:
    """The frames among the items of a run, which may be compressed."""
    if is_kept(items):
        return items[0].value()
    return [item for item in items if isinstance(item, Frame)]
