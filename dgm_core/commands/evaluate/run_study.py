"""Studies at work behind a bar; those of one model write what they found on its card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import typer

from dgm_core import data, device, zoo
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import number_tables
from dgm_core.scale.studies import cells
from dgm_core.studies import toml_rows
from dgm_core.studies.progress import Frame

ASSETS = Path(__file__).parents[3] / "assets"
"""Where measured numbers are kept that are of no one model."""


def behind_a_bar(items: Iterable[Any]) -> Iterator[Any]:
    """Show each `Frame` on a bar, say which cells are done, and pass on what was measured."""
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format="{desc:50} {percentage:3.0f}%|{bar}|") as bar:
        for item in items:
            if isinstance(item, Frame):
                bar.set_description(item.doing, refresh=False)
                bar.n = item.done
                bar.refresh()
            elif isinstance(item, cells.Done):
                bar.n = item.share
                bar.refresh()
                bar.write(item.sentence())
            else:
                yield item


def put_rows(rows: Iterable[Any], out: Path, table: str, key: Sequence[str]) -> None:
    """Write each row into a table as soon as it is measured, in place of its like, and say it."""
    for row in rows:
        toml_rows.put_row(out, table, toml_rows.rounded(row._asdict()), key)
        typer.echo(row.sentence())


def write_pages(rows: Path, *tables: str) -> None:
    """Write tables of the documentation again, and say which pages changed.

    Args:
        rows: the file or folder that the measured rows were written to. Tables are made from the
            project's own files, so nothing is written if it is another one.
        tables: names in `dgm_core.evaluation.number_tables.TABLES`.
    """
    if rows.resolve() == zoo.FOLDER.resolve() or rows.resolve().parent == ASSETS:
        for page in number_tables.update(tables):
            typer.echo(f"wrote {page}")


def measure(
    name: str, folder: Path, study: Callable[[str, torch.nn.Module], Iterable[Any]]
) -> Any:
    """Run a study of one model behind a bar, write its result on the card, return it."""
    try:
        model = zoo.load(name, device.default_device(), folder)
        card = zoo.card(name, folder)
        *_, found = behind_a_bar(study(card["data"], model))
    except (ValueError, data.DataUnavailable, data.DownloadError) as error:
        stop(error)
    zoo.annotate(name, {**card, "measured": found.as_card()}, folder)
    return found
