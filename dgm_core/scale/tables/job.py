"""The whole job: sample, training, blocks, and the blocks put together; taken up where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from dgm_core.data.reading import Reading
from dgm_core.data.reading.remarks import count_of
from dgm_core.data.writing import Format
from dgm_core.estimators import impute_table
from dgm_core.scale.engines import Engine
from dgm_core.scale.tables.blocks import Form, as_parquet, blocks_of, form_of, is_parquet
from dgm_core.scale.tables.columns import sample
from dgm_core.scale.tables.files import filesystem, read, written_whole
from dgm_core.scale.tables.fill_block import Filler, Tally, marked, marks, part_of, tally_of
from dgm_core.training import loop as training

CHUNK = 2**24
"""Bytes of CSV that are copied at once."""
COMPLETE = "_SUCCESS"
"""The file, as of Spark, that says that a folder has all its parts; readers pass over it."""


class Progress(NamedTuple):
    """How far the filling is."""

    done: Tally  # blocks of earlier runs included
    rows: int  # in all
    from_before: int  # rows of blocks that an earlier run left


class Done(NamedTuple):
    """What was written."""

    paths: list[str]
    tally: Tally
    left_out: int  # rows of a CSV file that have another number of cells than its first


class OtherJob(ValueError):
    """The folder beside the completed table is of another table, or of other settings."""


@dataclass
class Job:
    """One table, the settings, and where the completed table goes.

    Args:
        url: CSV or Parquet, a path or whatever fsspec opens.
        out: the completed table; the others are named after it. If it ends in a slash, each of
            them is a folder of parts, as the workers wrote them.
        settings: of the imputer; its `checkpoints` are not used.
        format: of what is written.
        fit_rows: rows of the sample that the model is trained on.
        with_rows: put the number of each row, from 1, into a first column.

    Attributes:
        reading: the sample, as it was understood; once `training` has begun.
    """

    url: str
    out: str
    settings: impute_table.Settings
    format: Format = "parquet"
    fit_rows: int = 20_000
    with_rows: bool = False
    reading: Reading = field(init=False)

    @property
    def parts(self) -> str:
        """The folder of what is done."""
        return f"{self.out.removesuffix('/')}.parts"

    @property
    def paths(self) -> list[str]:
        """The completed tables: means, standard deviations, draws."""
        return [marked(self.out, mark) for mark in marks(self.settings.draws)]

    def prepare(self) -> None:
        """Read the sample; of a CSV file after it was made into Parquet.

        Raises:
            UnreadableTable: nothing can be made of the file.
            OtherJob: see there.
            FileExistsError: a folder is to hold the parts, and is there already.
            OSError: a file cannot be read or written.
        """
        self._claim()
        self._left_out, self._table, form = 0, self.url, None
        if not is_parquet(self.url):
            form = form_of(self.url)
            self._table = f"{self.parts}/table.parquet"
            self._left_out = self._as_parquet(form)
        self._blocks = blocks_of(self._table)
        self.reading, self._columns = sample(
            self._table,
            self._blocks,
            self.fit_rows,
            self.settings.seed,
            decimal_comma=form is not None and form.separator != ",",
        )
        self.imputer = impute_table.imputer_of(self.settings, self.reading.frame)

    def training(self) -> Iterator[training.Progress]:
        """Fit the imputer; what an earlier run had fitted is taken up."""
        if not self.reading.frame.isna().any(axis=None):
            raise ValueError(
                f"nothing is missing in a sample of {count_of(len(self.reading.frame), 'row')}, "
                "so there is nothing to learn; --fit-rows takes a larger one"
            )
        if isinstance(self.imputer, impute_table.MFAImputer):
            yield from impute_table.training(self.imputer, self.reading.frame)
            return
        kept = f"{self.parts}/model.pt"
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / "model.pt"
            if (before := read(kept)) is not None:
                checkpoint.write_bytes(before)
            self.imputer.set_params(checkpoint=checkpoint)
            epoch = 0
            for now in impute_table.training(self.imputer, self.reading.frame):
                if now.epoch > epoch:  # a finished one, which the checkpoint has
                    epoch = now.epoch
                    with written_whole(kept) as stream:
                        stream.write(checkpoint.read_bytes())
                yield now
        self.imputer.set_params(checkpoint=None)

    def filling(self, engine: Engine) -> Iterator[Progress]:
        """Fill in the blocks that are not done.

        Raises:
            WorkersLost: see `Engine.map`.
        """
        done = {block.number: read(tally_of(self.parts, block.number)) for block in self._blocks}
        tallies = [Tally(*json.loads(text)) for text in done.values() if text is not None]
        tally = sum(tallies, Tally())
        rows, before = sum(block.rows for block in self._blocks), tally.rows
        yield Progress(tally, rows, before)
        left = [block for block in self._blocks if done[block.number] is None]
        filler = Filler(
            self.imputer,
            self._table,
            tuple(self._columns),
            replace(self.settings),
            self.parts,
            self.format,
            self.with_rows,
            self.out if self._in_folders else "",
        )
        for _, more in engine.map(partial(_same, filler), left):
            tally = tally + more
            yield Progress(tally, rows, before)
        self._tally = tally

    def finish(self) -> Done:
        """Put the blocks together in their order, or say that all parts are there."""
        for mark, path in zip(marks(self.settings.draws), self.paths, strict=True):
            if self._in_folders:
                with written_whole(f"{path}{COMPLETE}") as stream:
                    stream.write(b"")
                continue
            files = [part_of(self.parts, b.number, mark, self.format) for b in self._blocks]
            (_joined_parquet if self.format == "parquet" else _joined_csv)(files, path)
        system, folder = filesystem(self.parts)
        # Whose folder it is goes last: without that, another job might take up what is left.
        others = [path for path in system.find(folder) if not path.endswith("/job")]
        system.rm(others)
        system.rm(folder, recursive=True)
        return Done(self.paths, self._tally, self._left_out)

    @property
    def _in_folders(self) -> bool:
        return self.out.endswith("/")

    def _claim(self) -> None:
        """Write down whose folder it is, or read that it is ours."""
        system, path = filesystem(self.url)
        # Neither draws of other tables nor other epochs of the same may be mixed with these.
        what = [system.ukey(path), repr(replace(self.settings, checkpoints=None, log_dir=None))]
        what += [self.format, str(self.fit_rows), str(self.with_rows)]
        what += ["in folders"] if self._in_folders else []
        key = hashlib.sha256("\n".join(what).encode()).hexdigest()
        before = read(f"{self.parts}/job")
        if before is None:
            if self._in_folders:
                self._find_room()
            with written_whole(f"{self.parts}/job") as stream:
                stream.write(key.encode())
        elif before.decode() != key:
            raise OtherJob(
                f"{self.parts} is of a job with another table or other settings, which did not "
                "end. Give the same settings to go on with it, or remove the folder to begin anew"
            )

    def _find_room(self) -> None:
        for path in self.paths:
            system, folder = filesystem(path)
            if system.isfile(folder) or (system.isdir(folder) and system.ls(folder)):
                raise FileExistsError(
                    f"{path} is there already. Remove it, or choose another name"
                )

    def _as_parquet(self, form: Form) -> int:
        count = f"{self.parts}/left-out"
        if (before := read(count)) is not None:
            return int(before)
        left_out = as_parquet(self.url, form, self._table)
        with written_whole(count) as stream:
            stream.write(str(left_out).encode())
        return left_out


def _same(filler: Filler) -> Filler:
    """What makes a worker's tool: it came with the maker."""
    return filler


def _joined_csv(files: list[str], path: str) -> None:
    with written_whole(path) as target:
        for file in files:
            system, name = filesystem(file)
            with system.open(name, "rb") as part:
                shutil.copyfileobj(part, target, CHUNK)


def _joined_parquet(files: list[str], path: str) -> None:
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
