"""Delimited sources, CSV and TSV and those between pipes, as frames of the domain's columns.

What belongs here: a whole file, with its header or without. What does not: its records (`chunks.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from millrace.errors import SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog
from millrace_sbir.sources.chunks import CHUNK_BYTES, MAX_RECORD_BYTES, Records
from millrace_sbir.sources.dialect import Dialect
from millrace_sbir.sources.headers import Table, delimiter_of, matched

HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Limits:
    """What a reader holds at once, and takes at all.

    Attributes:
        chunk_bytes: A frame is made of about as many bytes.
        max_record_bytes: Longest record taken.
    """

    chunk_bytes: int = CHUNK_BYTES
    max_record_bytes: int = MAX_RECORD_BYTES


def read_delimited(stream: BinaryIO, name: str, table: Table, log: RejectLog, limits: Limits) -> Iterator[pl.DataFrame]:
    """Yield frames of a table's columns (String, empty cells null), then `source_file` and `line` (UInt32).

    Rows that cannot be read are logged with their line, and what follows them is read.

    Raises:
        SourceUnreadableError: there is no header, or it lacks columns.
    """
    delimiter = delimiter_of(head_of(stream).partition(b"\n")[0].decode("utf-8", "replace"), table)
    records = _records(stream, name, Dialect(delimiter), log, limits)
    header = records.first()
    if header is None:
        raise SourceUnreadableError(
            f"sbir.{table.asset}", f"{name} has no readable header", next_step="check the export that wrote it"
        )
    yield from records.frames(matched(header, table, name, log), table.names)


def read_positions(
    stream: BinaryIO, name: str, positions: Mapping[str, int], dialect: Dialect, log: RejectLog, limits: Limits
) -> Iterator[pl.DataFrame]:
    """Yield the same of a file without header that begins with a line which is none of its records.

    Args:
        stream: The file.
        name: Of the file.
        positions: Where each column is, from 0.
        dialect: Of the file, with its width and, if it has one, its end mark.
        log: Takes what cannot be read, and that the end mark is missing.
        limits: Of memory.
    """
    stream.readline(HEAD_BYTES)
    records = _records(stream, name, dialect, log, limits, line=2)
    names = {position: column for column, position in positions.items()}
    columns = [names.get(position, f" {position}") for position in range(dialect.width)]
    yield from records.frames(columns, list(positions))
    if dialect.end_mark and not records.has_ended:
        reason = f"the file has no last line {dialect.end_mark}: it breaks off; fetch it again"
        log.add(Reject(RejectKind.SOURCE, name, reason, "truncated_source"))


def head_of(stream: BinaryIO) -> bytes:
    """The beginning of a stream, which stays there to be read."""
    return stream.peek(HEAD_BYTES)[:HEAD_BYTES]  # ty: ignore[missing-attribute]  # `unpacking` gives buffered streams


def _records(stream: BinaryIO, name: str, dialect: Dialect, log: RejectLog, limits: Limits, line: int = 1) -> Records:
    return Records(
        stream,
        name,
        dialect,
        log,
        line=line,
        chunk_bytes=limits.chunk_bytes,
        max_record_bytes=limits.max_record_bytes,
    )
