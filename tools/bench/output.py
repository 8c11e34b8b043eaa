"""Command line and printed table of a benchmark."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable, Sequence

from dgm_core.bench.timing import Line


def parsed(
    parser: argparse.ArgumentParser, parts: Sequence[str], arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Parse the arguments, with the requested `parts`; all if none is named.

    An unknown part ends the program with an error.
    """
    names = ", ".join(parts)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"from {names}; default: all")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(parts):
        parser.error(f"expected parts from {names}, got {', '.join(sorted(unknown))}")
    options.parts = options.parts or list(parts)
    return options


def print_lines(lines: Iterable[Line]) -> None:
    """Print the machine, each line as soon as it is measured, and the load before and after."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}; load average {load_average()}", flush=True)
    for line in lines:
        print(line_text(line), flush=True)
    print(f"load average at the end {load_average()}")


def line_text(line: Line) -> str:
    """Text of a line of the table: value, unit, goal, and whether the goal is kept."""
    text = f"{line.what:62} {line.value:9.2f} {line.unit:3}"
    if line.goal is None:
        return text.rstrip()
    return f"{text}  goal {line.goal:g}: {'kept' if line.value <= line.goal else 'missed'}"


def load_average() -> str:
    """Mean number of processes that use or wait for a core, over 1, 5 and 15 minutes."""
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())
