"""How far a study is that measures something for a card or a table."""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    """What is being measured, and the share of the whole that is done."""

    doing: str
    done: float
