"""The whole job: sample, training, filling in of blocks, joining of blocks; it can be resumed."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

import pyarrow.parquet as pq

from dgm_core.data.reading import Reading
from dgm_core.data.reading.remarks import count_of
from dgm_core.data.writing import Format, suffixes, with_suffix
from dgm_core.estimators import impute_table
from dgm_core.scale.engines import Engine
from dgm_core.scale.tables.blocks import (
    Head,
    as_parquet,
    blocks_of,
    head_of,
    is_parquet,
    opened,
)
from dgm_core.scale.tables.columns import sample
from dgm_core.scale.tables.files import filesystem, read, written_whole
from dgm_core.scale.tables.fill_block import Filler, Tally, part_of, tally_of
from dgm_core.training import loop as training

CHUNK = 2**24
"""Bytes of CSV copied at a time."""
COMPLETE = "_SUCCESS"
"""The file that marks a folder as complete, as in Spark; readers of Parquet ignore it."""


class Progress(NamedTuple):
    """Progress of the filling in."""

    done: Tally  # blocks of earlier runs included
    rows: int  # in all
    from_earlier_runs: int  # rows of blocks that earlier runs completed


class Done(NamedTuple):
    """Files written, and counts."""

    paths: list[str]
    tally: Tally
    unread: int  # rows of a CSV file with too many cells, copied as they are


class OtherJob(ValueError):
    """The folder beside the completed table belongs to another table or to other settings."""


@dataclass
class Job:
    """One table, the settings, and the path of the completed table.

    Args:
        url: CSV or Parquet; a path, or an address that fsspec supports.
        out: the completed table; the other tables are named after it. If it ends in a slash, each
            of them is a folder with one file per block.
        settings: settings of the imputer; `checkpoints` is ignored.
        format: format of the completed tables.
        fit_rows: rows of the sample that trains the model; None = by the number of columns.
        with_rows: add a first column with the number of each row, from 1.
        missing: further spellings of a missing value.
        force: overwrite completed tables that exist (not folders).

    Attributes:
        reading: the sample, available after `prepare`.
    """

    url: str
    out: str
    settings: impute_table.Settings
    format: Format = "parquet"
    fit_rows: int | None = None
    with_rows: bool = False
    missing: tuple[str, ...] = ()
    force: bool = False
    reading: Reading = field(init=False)

    @property
    def parts(self) -> str:
        """The folder of the model and the finished blocks."""
        return f"{self.out.removesuffix('/')}.parts"

    @property
    def paths(self) -> list[str]:
        """The completed tables: means, standard deviations, draws."""
        return [with_suffix(self.out, suffix) for suffix in suffixes(self.settings.draws)]

    def prepare(self) -> None:
        """Read the sample; a CSV file is converted to Parquet first.

        Raises:
            UnreadableTable: the file cannot be read as a table.
            OtherJob: see there.
            FileExistsError: a completed table exists; a folder may be empty.
            OSError: a file cannot be read or written.
        """
        self._claim()
        self._unread, self._table, self._head = 0, self.url, None
        if not is_parquet(self.url):
            self._head = head_of(self.url)
            self._table = f"{self.parts}/table.parquet"
            self._unread = self._as_parquet(self._head)
        self._blocks = blocks_of(self._table)
        with opened(self._table) as file:
            columns = len(file.schema_arrow)
        self.reading, self._columns = sample(
            self._table,
            self._blocks,
            self.fit_rows or impute_table.default_fit_rows(columns),
            self.settings.seed,
            decimal_comma=self._head is not None and self._head.form.separator != ",",
            missing=self.missing,
        )
        self.imputer = impute_table.imputer_of(self.settings, self.reading.frame)

    def training(self) -> Iterator[training.Progress]:
        """Fit the imputer, resuming from an earlier run.

        Raises:
            ValueError: nothing is missing in the sample.
        """
        if not self.reading.frame.isna().any(axis=None):
            raise ValueError(
                f"no value is missing in a sample of {count_of(len(self.reading.frame), 'row')}, "
                "so no model can be trained; draw a larger sample by --fit-rows"
            )
        if isinstance(self.imputer, impute_table.MFAImputer):
            yield from impute_table.training(self.imputer, self.reading.frame, self.settings)
            return
        saved = f"{self.parts}/model.pt"
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / "model.pt"
            if (earlier := read(saved)) is not None:
                checkpoint.write_bytes(earlier)
            self.imputer.set_params(checkpoint=checkpoint)
            epoch = 0
            for progress in impute_table.training(self.imputer, self.reading.frame, self.settings):
                if progress.epoch > epoch:  # a finished epoch is in the checkpoint
                    epoch = progress.epoch
                    with written_whole(saved) as stream:
                        stream.write(checkpoint.read_bytes())
                yield progress
        self.imputer.set_params(checkpoint=None)

    def filling(self, engine: Engine) -> Iterator[Progress]:
        """Fill in the blocks that are not done.

        Raises:
            WorkersLost: see `Engine.map`.
        """
        done = {block.number: read(tally_of(self.parts, block.number)) for block in self._blocks}
        tallies = [Tally(*json.loads(text)) for text in done.values() if text is not None]
        tally = functools.reduce(Tally.plus, tallies, Tally())
        rows, earlier = sum(block.rows for block in self._blocks), tally.rows
        yield Progress(tally, rows, earlier)
        remaining = [block for block in self._blocks if done[block.number] is None]
        filler = Filler(
            self.imputer,
            self._table,
            tuple(self._columns),
            replace(self.settings),
            self.parts,
            self.format,
            self._head,
            self.with_rows,
            self.out if self._in_folders else "",
        )
        for _, block_tally in engine.map(partial(_identity, filler), remaining):
            tally = tally.plus(block_tally)
            yield Progress(tally, rows, earlier)
        self._tally = tally

    def finish(self) -> Done:
        """Join the blocks in their order, or mark the folders as complete."""
        for suffix, path in zip(suffixes(self.settings.draws), self.paths, strict=True):
            if self._in_folders:
                with written_whole(f"{path}{COMPLETE}") as stream:
                    stream.write(b"")
                continue
            files = [part_of(self.parts, b.number, suffix, self.format) for b in self._blocks]
            (_join_parquet if self.format == "parquet" else _join_csv)(files, path)
        system, folder = filesystem(self.parts)
        # The file that names the job is removed last, so that no other job resumes from the rest.
        others = [path for path in system.find(folder) if not path.endswith("/job")]
        system.rm(others)
        system.rm(folder, recursive=True)
        return Done(self.paths, self._tally, self._unread)

    @property
    def _in_folders(self) -> bool:
        return self.out.endswith("/")

    def _claim(self) -> None:
        """Write which job the folder belongs to, or check that it belongs to this one."""
        system, path = filesystem(self.url)
        # Blocks of other tables or of other settings must not be mixed with these.
        parts = [system.ukey(path), repr(replace(self.settings, checkpoints=None, log_dir=None))]
        parts += [self.format, str(self.fit_rows), str(self.with_rows), *self.missing]
        parts += ["in folders"] if self._in_folders else []
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        existing = read(f"{self.parts}/job")
        if existing is None:
            self._check_free()
            with written_whole(f"{self.parts}/job") as stream:
                stream.write(key.encode())
        elif existing.decode() != key:
            raise OtherJob(
                f"{self.parts} belongs to an unfinished job with another table or other settings. "
                "Use the same settings to resume it, or remove the folder to start again"
            )

    def _check_free(self) -> None:
        for path in self.paths:
            system, name = filesystem(path)
            replaceable = self.force and not self._in_folders
            if (system.isfile(name) and not replaceable) or (
                system.isdir(name) and (not self._in_folders or system.ls(name))
            ):
                raise FileExistsError(f"{path} exists already. Remove it, or choose another name")

    def _as_parquet(self, head: Head) -> int:
        count = f"{self.parts}/unread"
        if (earlier := read(count)) is not None:
            return int(earlier)
        unread = as_parquet(self.url, head, self._table)
        with written_whole(count) as stream:
            stream.write(str(unread).encode())
        return unread


def _identity(filler: Filler) -> Filler:
    """Makes the tool of a worker, which is sent with this function."""
    return filler


def _join_csv(files: list[str], path: str) -> None:
    with written_whole(path) as target:
        for file in files:
            system, name = filesystem(file)
            with system.open(name, "rb") as part:
                shutil.copyfileobj(cast(IO[bytes], part), target, CHUNK)


def _join_parquet(files: list[str], path: str) -> None:
    with written_whole(path) as target:
        writer = None
        try:
            for file in files:
                system, name = filesystem(file)
                with system.open(name, "rb") as part:
                    table = pq.read_table(part, use_threads=False)
                writer = writer or pq.ParquetWriter(target, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
