"""Run studies with a progress bar, and write their results to tables and cards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
import typer
from torch import nn

from dgm_core import data, device, zoo
from dgm_core.checkout import ASSETS
from dgm_core.commands.terminal import stop
from dgm_core.evaluation import number_tables
from dgm_core.scale.studies import cells
from dgm_core.studies import toml_rows
from dgm_core.studies.progress import Frame

Folder = Annotated[Path, typer.Option(help="Folder with the cards and weights of the models.")]

UNAVAILABLE = (ValueError, zoo.ModelsUnavailable, data.DataUnavailable, data.DownloadError)
"""Errors of a model or its data; the message says what to do."""

M = TypeVar("M", bound=nn.Module)


def with_progress_bar(items: Iterable[Any]) -> Iterator[Any]:
    """The results among `items`; `Frame`s and finished cells are shown on a progress bar."""
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format="{desc:50} {percentage:3.0f}%|{bar}|") as bar:
        for item in items:
            if isinstance(item, Frame):
                bar.set_description(item.doing, refresh=False)
                bar.n = item.done
                bar.refresh()
            elif isinstance(item, cells.Done):
                bar.n = item.fraction
                bar.refresh()
                bar.write(item.sentence())
            else:
                yield item


def put_rows(rows: Iterable[Any], out: Path, table: str, key: Sequence[str]) -> None:
    """Write each row to a table as soon as it is measured, and print it.

    It replaces the row with the same key, if there is one.
    """
    for row in rows:
        toml_rows.put_row(out, table, toml_rows.rounded(row._asdict()), key)
        typer.echo(row.sentence())


def write_pages(rows: Path, *tables: str) -> None:
    """Write tables of the documentation again, and print which pages changed.

    Args:
        rows: the file or folder of the measured rows. The tables are made from the project's own
            files, so nothing is written if it is another one.
        tables: names in `dgm_core.evaluation.number_tables.TABLES`.
    """
    if rows.resolve() == zoo.FOLDER.resolve() or rows.resolve().parent == ASSETS:
        for page in number_tables.update(tables):
            typer.echo(f"wrote {page}")


def load_model(name: str, folder: Path, kind: type[M], *, chosen: torch.device | None = None) -> M:
    """A model of the given class, on a device (None = the CPU).

    Raises:
        ValueError: no such model, or a model of another class.
    """
    model = zoo.load(name, chosen or "cpu", folder)
    if not isinstance(model, kind):
        raise ValueError(f"expected a {kind.__name__}, but {name} is a {type(model).__name__}")
    return model


def measure(
    name: str, folder: Path, kind: type[M], study: Callable[[str, M], Iterable[Any]]
) -> Any:
    """Run a study of one model with a progress bar, write its result on the card, and return it.

    Args:
        name: the model.
        folder: the folder of its card and weights.
        kind: the class that the study needs; the command stops if the model has another.
        study: (data set, model) → `Frame`s, then the result.
    """
    try:
        model = load_model(name, folder, kind, chosen=device.default_device())
        card = zoo.card(name, folder)
        *_, found = with_progress_bar(study(card["data"], model))
    except UNAVAILABLE as error:
        stop(error)
    zoo.annotate(name, {**card, "measured": found.as_card()}, folder)
    return found
