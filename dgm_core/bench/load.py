"""Many visitors of the app at once: starts `python -m ui.bench.load`, which imports the app."""

from __future__ import annotations

from dgm_core.bench import page


def run(*arguments: str) -> int:
    """Measure, printing the table as it grows; returns the exit status.

    Args:
        arguments: of `python -m ui.bench.load`.

    Raises:
        FileNotFoundError: the app does not lie beside the library.
    """
    return page.run(*arguments, module="ui.bench.load")
