"""Hostile tables, read in a child process: the outcome is a table or a sentence, within limits."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from dgm_core.child_process import IDLE, ChildFailed, OutOfMemory, OutOfTime, Pool
from dgm_core.data.reading import Limits, Reading, UnreadableTable, read_table
from dgm_core.data.reading import parquet as parquet_reading
from dgm_core.data.reading.limited import MEMORY, SECONDS, read_limited
from tests.patience import PATIENCE

LIMITS = Limits(bytes=5 * 2**20, rows=20_000)
POOL = Pool(1)


def growth() -> int:
    """Bytes by which the last child has grown at most; what it needed if it is still there."""
    return max((child.grown for child in IDLE.children), default=0)


def patient(*args: Any, memory: int, seconds: float) -> Any:
    """`Pool.call`, with more time on a busy machine."""
    return POOL.call(*args, memory=memory, seconds=max(seconds, PATIENCE))


def outcome(content: bytes, name: str = "it") -> Reading | str:
    """The table, or the sentence for the visitor; any other error is an error of the test."""
    try:
        found = read_limited(content, name, patient, limits=LIMITS)
    except UnreadableTable as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert sentence[0] == '"' or sentence[0].isupper()
        assert len(sentence) < 500
        return sentence
    assert growth() < MEMORY
    assert len(found.frame) <= LIMITS.rows
    numbers = found.frame.select_dtypes("number").to_numpy()
    assert not np.isinf(numbers).any()
    return found


def parquet(table: pa.Table | dict[str, Any], **settings: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, file, **settings)
    return file.getvalue()


# --- files that once cost gigabytes


def in_parts(column: pa.Array, parts: int) -> bytes:
    """A column that repeats an array, run-length coded: a few kilobytes, with little memory."""
    file, table = io.BytesIO(), pa.table({"a": column})
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for _ in range(parts):
            writer.write_table(table)
    return file.getvalue()


def repeated_list() -> bytes:
    """20 rows of 5 million equal numbers."""
    values = pa.array(np.zeros(5_000_000, np.int8))
    return in_parts(pa.LargeListArray.from_arrays(pa.array([0, len(values)]), values), 20)


def repeated_map() -> bytes:
    """20 rows of a million equal pairs of short texts."""
    texts = text_in_every_row(4, 1_000_000)
    return in_parts(pa.MapArray.from_arrays([0, len(texts)], texts, texts), 20)


def text_in_every_row(characters: int, rows: int = 20_000) -> pa.Array:
    ends = np.arange(0, rows + 1, dtype=np.int32) * characters
    data = pa.py_buffer(b"a" * (characters * rows))
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), data)


def many_levels() -> bytes:
    """100 columns of 50 levels, 4 MB: 5,000 columns after coding."""
    lines = [",".join(f"c{number}" for number in range(100))]
    lines += [",".join(f"{(row * 7 + 3 * n) % 50}x" for n in range(100)) for row in range(10_000)]
    return "\n".join(lines).encode()


def with_small_claims(content: bytes) -> bytes:
    """The same file, but its footer states fewer bytes: the number in it is replaced."""
    footer = int.from_bytes(content[-8:-4], "little")
    body, end = content[: -8 - footer], content[-8 - footer :]
    stated = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(0)
    return body + end.replace(
        zigzag(stated.total_uncompressed_size), padded(zigzag(1), stated.total_uncompressed_size)
    )


def zigzag(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it."""
    number, written = 2 * number, []
    while number >= 128:
        written.append(number % 128 + 128)
        number //= 128
    return bytes([*written, number])


def padded(short: bytes, like: int) -> bytes:
    """A number in as many bytes as another one."""
    length = len(zigzag(like))
    body = bytes([short[0] | 128, *[128] * (length - 2), 0])
    return body if length > 1 else short


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a list of 100 million equal numbers": (repeated_list, "contains numbers or text"),
    "binary, 20,000 × 49 kB": (
        lambda: in_parts(text_in_every_row(49_000, 1_000).cast(pa.binary()), 20),
        "contains numbers or text",
    ),
    "text, 20,000 × 5 kB": (
        lambda: parquet({"a": text_in_every_row(5_000)}, use_dictionary=False, compression="zstd"),
        "unpacks to more than 50 MB",
    ),
    "text, 20,000 × 16 kB, stated as less": (
        lambda: with_small_claims(
            parquet(
                {"a": text_in_every_row(16_000)},
                use_dictionary=False,
                compression="zstd",
                data_page_size=2**30,
            )
        ),
        "too much memory",
    ),
    "a map of 20 million equal numbers": (repeated_map, "contains numbers or text"),
    "more rows than allowed, run-length coded": (
        lambda: parquet({"a": np.zeros(30_000_000)}),
        "30,000,000 rows",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_small_file_that_is_large_inside_gets_a_sentence(case: str) -> None:
    make, words = HOSTILE[case]
    content = make()
    assert len(content) < LIMITS.bytes
    found = outcome(content)
    assert isinstance(found, str)
    assert words in found


def test_hundred_columns_of_levels_are_read_within_the_limit() -> None:
    content = many_levels()
    assert 3e6 < len(content) < LIMITS.bytes
    found = outcome(content)
    assert isinstance(found, Reading)
    assert len(found.columns) == 100


def test_a_nested_column_is_left_out_beside_a_flat_one() -> None:
    """A nested field may have the path of a flat column."""
    nested = pa.array([{"b": [1.0] * 9}] * 4)
    table = pa.Table.from_arrays(
        [pa.array([1.0, 2, 3, 5]), nested, pa.array(["x", "y", "x", None]), nested],
        names=["a", "n", "n.b", "a.b"],
    )
    found = outcome(parquet(table))
    assert isinstance(found, Reading)
    assert [(each.name, each.kind) for each in found.columns] == [
        ("a", "numeric"),
        ("n.b", "binary"),
    ]
    left_out = [
        each.column for each in found.remarks if "neither numbers nor text" in each.sentence
    ]
    assert left_out == ["n", "a.b"]


FLAT = pa.array([1.0, 2, 3, 5])
BESIDE = {
    "a list": pa.array([[1.0]] * 4),
    "a struct of two": pa.array([{"b": 1.0, "c": [2.0]}] * 4),
    "a map": pa.array([[("k", 1)]] * 4, pa.map_(pa.string(), pa.int64())),
    "binary": pa.array([b"x"] * 4),
    "a list of a fixed size": pa.array([[1, 2]] * 4, pa.list_(pa.int8(), 2)),
    "a date": pa.array([0] * 4, pa.date32()),
}
"""Columns that are not decoded."""


@pytest.mark.parametrize("case", BESIDE)
def test_only_flat_columns_are_decoded(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    class Spy:
        """A file or its reader; notes which stored columns are decoded."""

        def __init__(self, real: Any) -> None:
            self.real = real

        def __getattr__(self, name: str) -> Any:
            return Spy(self.real.reader) if name == "reader" else getattr(self.real, name)

        def read_all(self, **asked: Any) -> pa.Table:
            decoded.append(asked)
            return self.real.read_all(**asked)

    def opened(*args: Any, **options: Any) -> Spy:
        return Spy(pq.ParquetFile(*args, **options))

    monkeypatch.setattr(parquet_reading, "pq", SimpleNamespace(ParquetFile=opened))
    table = pa.Table.from_arrays([BESIDE[case], FLAT, BESIDE[case], FLAT], names=list("abcd"))
    content = parquet(table)
    paths = pq.ParquetFile(io.BytesIO(content)).schema
    found = read_table(content, "it", limits=LIMITS)
    assert [column.name for column in found.columns] == ["b", "d"]
    assert len(decoded) == 1
    (asked,) = decoded
    assert [paths.column(place).path for place in asked["column_indices"]] == ["b", "d"]


@pytest.mark.parametrize(
    ("error", "words"),
    [(OutOfMemory(), "300 MB"), (OutOfTime(), "20 s"), (ChildFailed(), "cannot be read")],
)
def test_each_end_of_a_child_is_a_sentence(error: ChildFailed, words: str) -> None:
    def call(*_: object, **__: object) -> Reading:
        raise error

    with pytest.raises(UnreadableTable, match=words) as raised:
        read_limited(b"a,b", "it", call, limits=LIMITS)
    assert str(raised.value).endswith(".")


# --- any table

NAMES = some.text(max_size=8) | some.sampled_from(["a", "a.b", "a.b.c", "", "x" * 300, "\0"])
CELLS = some.sampled_from(
    ["", "NA", "1", "-2.5", "1e400", "0,5", "nan", "∞", '"', "'", ";", "\t", "\r\n", "\0", "=1+1"]
) | some.text(max_size=5)
CSV = some.builds(
    lambda rows, between, line, times, code: line.join(
        between.join(row) for row in rows * times
    ).encode(code, "replace"),
    some.lists(some.lists(CELLS, max_size=12), max_size=6),
    some.sampled_from([",", ";", "\t", "|"]),
    some.sampled_from(["\n", "\r\n", "\r"]),
    some.sampled_from([1, 1, 2, 3_000]),
    some.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-32"]),
)
LEAVES = some.sampled_from(
    [
        *(pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_(), pa.string(), pa.null()),
        *(pa.large_string(), pa.binary(), pa.decimal128(38, 3), pa.date32(), pa.timestamp("us")),
        *(pa.time32("s"), pa.duration("s"), pa.binary(7), pa.dictionary(pa.int8(), pa.string())),
    ]
)
TYPES = some.recursive(
    LEAVES,
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(pa.large_list)
        | inner.map(lambda kind: pa.list_(kind, 3))
        | inner.map(lambda kind: pa.struct([("b", kind), ("c", pa.int8())]))
        | inner.map(lambda kind: pa.map_(pa.string(), kind))
    ),
    max_leaves=3,
)


def repeated(kind: pa.DataType, rows: int, size: int) -> pa.Array:
    """A missing value, then equal values of the given size; all missing if there is no sample."""
    plain = pa.string() if pa.types.is_dictionary(kind) else kind
    try:
        one = pa.array([sample(kind, size), None], plain)
    except (pa.ArrowException, TypeError):
        one = pa.nulls(2, plain)
    found = one.take(pa.array([1, *[0] * (rows - 1)]))
    return found.dictionary_encode() if plain != kind else found


def sample(kind: pa.DataType, size: int) -> Any:
    """A Python value of a type."""
    if pa.types.is_map(kind):
        return [("k", sample(kind.item_type, size))]
    if pa.types.is_struct(kind):
        return {field.name: sample(field.type, size) for field in kind}
    if pa.types.is_nested(kind):
        count = 3 if pa.types.is_fixed_size_list(kind) else size
        return [sample(kind.value_type, 1)] * count
    if pa.types.is_fixed_size_binary(kind):
        return b"b" * 7
    return {pa.binary(): b"b" * size, pa.bool_(): True}.get(
        kind, 1 if is_number(kind) else "t" * size
    )


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


PARQUET = some.builds(
    lambda columns, rows, size, use_dictionary, compression, damage: damaged(
        parquet(
            pa.Table.from_arrays(
                [repeated(kind, rows, size) for _, kind in columns],
                names=[name for name, _ in columns],
            ),
            use_dictionary=use_dictionary,
            compression=compression,
        ),
        damage,
    ),
    some.lists(some.tuples(NAMES, TYPES), min_size=1, max_size=4),
    some.sampled_from([1, 5, 200, 2_000]),
    some.sampled_from([1, 20, 3_000]),
    some.booleans(),
    some.sampled_from(["none", "snappy", "zstd"]),
    some.lists(some.tuples(some.floats(0, 1), some.integers(0, 255)), max_size=4),
)


def damaged(content: bytes, damage: list[tuple[float, int]]) -> bytes:
    """The file with some bytes replaced."""
    changed = bytearray(content)
    for place, value in damage:
        changed[round(place * (len(changed) - 1))] = value
    return bytes(changed)


@given(content=CSV | PARQUET)
@settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_table_is_read_or_gets_a_sentence(content: bytes) -> None:
    outcome(content)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_reading_takes_no_more_memory_than_the_limit() -> None:
    assert MEMORY <= 300 * 2**20
    assert SECONDS <= 20
    with pytest.raises(OutOfMemory):
        POOL.call(np.ones, MEMORY // 8 + 2**20, memory=MEMORY, seconds=PATIENCE)
