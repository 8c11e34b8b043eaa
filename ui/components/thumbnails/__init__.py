"""A grid of small images; the visitor chooses one by mouse, touch or arrow keys."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ui.components import inline_component

_COMPONENT = inline_component(Path(__file__).parent, "bits", "elements", "planes")


def thumbnails(
    key: str,
    pictures: np.ndarray,
    labels: Sequence[str],
    chosen: int,
    *,
    set_name: str,
    label: str,
    columns: int | None = None,
    named: bool = False,
    on_change: Callable[[], None] | None = None,
) -> int | None:
    """Show the images; returns the index of the chosen one, None before a choice.

    Args:
        key: Streamlit key.
        pictures: (N, C, H, W) uint8, grey levels (C = 1) or colours (C = 3).
        labels: one per image, for screen readers and tooltips.
        chosen: index of the marked image.
        set_name: identifies this set of images; a choice from another set is ignored.
        label: name of the whole group.
        columns: images in a row; None = as many as fit.
        named: whether each label is shown under its image.
        on_change: called before the rerun that a choice brings.
    """
    count, channels, height, width = pictures.shape
    answer = _COMPONENT(
        key=key,
        data={
            "pictures": base64.b64encode(np.ascontiguousarray(pictures)).decode(),
            "channels": channels,
            "height": height,
            "width": width,
            "labels": list(labels),
            "chosen": int(chosen),
            "set": set_name,
            "label": label,
            "columns": columns,
            "named": named,
        },
        on_chosen_change=on_change or (lambda: None),
    )
    return parse(getattr(answer, "chosen", None), set_name, count)


def parse(value: Any, set_name: str, count: int) -> int | None:
    """The index that the browser sent, or None if it is not a valid choice in this set."""
    if not isinstance(value, dict) or value.get("set") != set_name:
        return None
    index = value.get("index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        return None
    return index
