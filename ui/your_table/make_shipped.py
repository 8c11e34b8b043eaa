"""Make the shipped completion again: `python -m ui.your_table.make_shipped`."""

from __future__ import annotations

from dgm_core.studies.your_table import completion
from ui.your_table.shipped import first_config, write
from ui.your_table.source import st_sample


def make() -> None:
    """Complete the sample table with the first settings and write the file."""
    *_, result = completion.run(first_config(), st_sample().reading.every_row)
    write(result)


if __name__ == "__main__":
    make()
