"""A benchmark's command: which parts are asked for, and the table line by line."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable, Sequence

from dgm_core.bench.timing import Line


def asked_of(
    parser: argparse.ArgumentParser, parts: Sequence[str], arguments: Sequence[str] | None
) -> argparse.Namespace:
    """The arguments, `parts` among them: all, where none is named; ends where one is unknown."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(parts):
        parser.error(f"expected parts of {', '.join(parts)}, got {', '.join(sorted(unknown))}")
    asked.parts = asked.parts or list(parts)
    return asked


def tell(lines: Iterable[Line]) -> None:
    """Print each as it is measured, between what the machine was and how busy it has been."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}; load average {load_average()}", flush=True)
    for line in lines:
        print(written(line), flush=True)
    print(f"load average at the end {load_average()}")


def written(line: Line) -> str:
    """A line of the table: the figure, the goal, and whether it is kept."""
    text = f"{line.what:62} {line.value:9.2f} {line.unit:3}"
    if line.goal is None:
        return text.rstrip()
    return f"{text}  goal {line.goal:g}: {'kept' if line.value <= line.goal else 'missed'}"


def load_average() -> str:
    """Processes that want a core, over 1, 5 and 15 minutes."""
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())
