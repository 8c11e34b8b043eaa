"""Decode bytes as text, or name the kind of file that was given instead."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from dgm_core.data.reading.remarks import Remarks, UnreadableTable

NO_TABLE = "Save the table as CSV or Parquet and choose that file."

_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_OTHER_KINDS = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a text document",
    b"\x1f\x8b": "a compressed file",
    b"BZh9": "a compressed file",
    b"\xfd7zXZ": "a compressed file",
    b"\x93NUMPY": "a NumPy array",
    b"\x80\x04\x95": "a Python pickle",
}


class Decoded(NamedTuple):
    """Text of a file, and how it was encoded: `mark + text.encode(codec)` is the file."""

    text: str
    codec: str
    mark: bytes = b""  # byte-order mark


def decoded(content: bytes, file: str, remarks: Remarks) -> Decoded:
    """Text of a file in UTF-8, UTF-16 (with or without a byte-order mark) or Latin-1.

    Raises:
        UnreadableTable: the file is not text; the message names its kind if that is known.
    """
    for start, kind in _OTHER_KINDS.items():
        if content.startswith(start):
            raise UnreadableTable(f"{file} is {kind}, not a table. {NO_TABLE}")
    found = _decoded(content, remarks)
    text, sample = found.text, found.text[:10_000]
    strange = sum(mark < " " and mark not in "\t\n\r\v\f" for mark in sample)
    strange += sample.count("\ufffd")
    if "\0" in text or strange > 0.01 * len(sample):
        raise UnreadableTable(
            f"{file} is not a text file, so no table can be read from it. {NO_TABLE}"
        )
    return found


def _decoded(content: bytes, remarks: Remarks) -> Decoded:
    for mark, codec in _MARKS.items():
        if content.startswith(mark):
            return Decoded(content[len(mark) :].decode(codec, errors="replace"), codec, mark)
    if b"\0" in content[:200]:
        low, high = content[0:200:2].count(0), content[1:200:2].count(0)
        codec = "utf-16-be" if low > high else "utf-16-le"
        return Decoded(content.decode(codec, errors="replace"), codec)
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    for codec in ("utf-8", "cp1252"):
        try:
            return Decoded(content[len(mark) :].decode(codec), codec, mark)
        except UnicodeDecodeError:
            if codec == "utf-8":
                remarks.add("The file is not UTF-8, so it was read as Latin-1.")
                mark = b""
    return Decoded(content.decode("latin-1"), "latin-1")
