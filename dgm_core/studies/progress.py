"""Progress of a study that measures something for a card or a table."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """What is being measured, and the fraction of the study that is done."""

    doing: str
    done: float
