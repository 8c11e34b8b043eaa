"""Remarks on the rows, cells and columns of a file that were changed or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MOST = 50
"""Maximal number of remarks listed for one problem; further ones are counted."""
_LONGEST = 40


class UnreadableTable(ValueError):
    """No table can be read from a file; the message is one or two sentences for the visitor."""


class Remark(NamedTuple):
    """One fact about how a file was read."""

    line: int | None  # in the file; None = about the whole column or file
    column: str | None  # None = about the whole row or file
    sentence: str
    affected: int = 1  # number of rows, cells or columns concerned
    asks: bool = False  # the owner of the table should confirm or correct it


class Remarks:
    """Collects remarks: at most `MOST` for each problem of a column; the rest are counted."""

    def __init__(self) -> None:
        self._remarks: dict[tuple[str | None, str], list[Remark]] = {}
        self._counts: Counter[tuple[str | None, str]] = Counter()

    def add(
        self,
        sentence: str,
        line: int | None = None,
        column: str | None = None,
        problem: str = "",
        *,
        asks: bool = False,
    ) -> None:
        """Add a remark; the number of remarks with the same column and `problem` is limited."""
        listed = self._remarks.setdefault((column, problem), [])
        self._counts[column, problem] += 1
        if not problem or len(listed) < MOST:
            at = None if line is None else int(line)
            listed.append(Remark(at, column, sentence, asks=asks))

    def cells(
        self,
        column: str,
        problem: str,
        lines: Sequence[int],
        texts: Sequence[str],
        total: int,
        *,
        asks: bool = False,
    ) -> None:
        """Add `problem` for `total` cells; `lines` and `texts` describe the first few of them."""
        for line, text in zip(lines, texts, strict=True):
            self.add(f"{quoted(text)} {problem}", line, column, problem, asks=asks)
        self._counts[column, problem] += total - len(lines)

    def in_order(self) -> tuple[Remark, ...]:
        """Remarks on the file and its rows, then remarks on each column."""
        for (column, problem), listed in self._remarks.items():
            if more := self._counts[column, problem] - len(listed):
                listed.append(Remark(None, column, f"And {more:,} more like this.", more))
        every = [remark for listed in self._remarks.values() for remark in listed]
        return tuple(sorted(every, key=lambda remark: remark.column is not None))


def quoted(text: str) -> str:
    """A name or cell for use in a sentence: shortened, on one line, in quotation marks."""
    shown = "".join(mark if mark.isprintable() else " " for mark in text[: 4 * _LONGEST])
    shown = " ".join(shown.split())
    return f'"{shown[:_LONGEST]}…"' if len(shown) > _LONGEST else f'"{shown}"'


def count_of(number: int, thing: str) -> str:
    """A number with its noun, for use in a sentence: "1 row", "2 rows"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
