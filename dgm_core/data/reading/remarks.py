"""What a reader says of the rows, cells and columns that it could not use as they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MOST = 50
"""So many of one problem are listed; the others are counted."""
_LONGEST = 40


class UnreadableTable(ValueError):
    """A file of which no table can be made; the message is a sentence or two for the visitor."""


class Remark(NamedTuple):
    """One thing to know about how a file was understood."""

    line: int | None  # in the file; None = of the whole column or file
    column: str | None  # None = of the whole row or file
    sentence: str
    affected: int = 1  # how many rows, cells or columns it is about


class Remarks:
    """Collects remarks: at most `MOST` of each problem, and how many more there were."""

    def __init__(self) -> None:
        self._said: dict[tuple[str | None, str], list[Remark]] = {}
        self._counts: Counter[tuple[str | None, str]] = Counter()

    def add(
        self,
        sentence: str,
        line: int | None = None,
        column: str | None = None,
        problem: str = "",
    ) -> None:
        """Say one thing; those of one problem of a column are limited, those of none are not."""
        said = self._said.setdefault((column, problem), [])
        self._counts[column, problem] += 1
        if not problem or len(said) < MOST:
            said.append(Remark(None if line is None else int(line), column, sentence))

    def cells(
        self, column: str, problem: str, lines: Sequence[int], texts: Sequence[str], total: int
    ) -> None:
        """Say `problem` of `total` cells, of which the first few are given."""
        for line, text in zip(lines, texts, strict=True):
            self.add(f"{quoted(text)} {problem}", line, column, problem)
        self._counts[column, problem] += total - len(lines)

    def in_order(self) -> tuple[Remark, ...]:
        """Those about the file and its rows, then those about each column."""
        for (column, problem), said in self._said.items():
            if more := self._counts[column, problem] - len(said):
                said.append(Remark(None, column, f"And {more:,} more like this.", more))
        every = [remark for said in self._said.values() for remark in said]
        return tuple(sorted(every, key=lambda remark: remark.column is not None))


def quoted(text: str) -> str:
    """A name or a cell as a sentence shows it: short, on one line, between quotation marks."""
    shown = "".join(mark if mark.isprintable() else " " for mark in text[: 4 * _LONGEST])
    shown = " ".join(shown.split())
    return f'"{shown[:_LONGEST]}…"' if len(shown) > _LONGEST else f'"{shown}"'


def count_of(number: int, thing: str) -> str:
    """A number of things, as a sentence says it."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
