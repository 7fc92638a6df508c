"""Delimited sources, CSV and TSV and those between pipes, as frames of the domain's columns.

What belongs here: a whole source, of one or several files. What does not: one stream (`chunks.py`).
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import polars as pl

from millrace.errors import SourceUnreadableError
from millrace.quality import RejectLog
from millrace_sbir.sources.chunks import CHUNK_BYTES, MAX_RECORD_BYTES, Records
from millrace_sbir.sources.dialect import Dialect
from millrace_sbir.sources.headers import Table, delimiter_of, matched
from millrace_sbir.sources.unpacking import DAMAGED

_HEADER_BYTES = 1 << 16


def read_delimited(
    stream: BinaryIO,
    name: str,
    table: Table,
    log: RejectLog,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[pl.DataFrame]:
    """Yield frames of a table's columns (String, empty cells null), then `source_file` and `line` (UInt32).

    Rows that cannot be read are logged with their line, at which the next one continues.

    Raises:
        SourceUnreadableError: there is no header, or it lacks columns.
    """
    delimiter = delimiter_of(_first_line(stream), table)
    records = Records(stream, name, Dialect(delimiter), log, chunk_bytes=chunk_bytes, max_record_bytes=max_record_bytes)
    header = records.first()
    if header is None:
        raise SourceUnreadableError(
            f"sbir.{table.asset}", f"{name} has no readable header", next_step="check the export that wrote it"
        )
    columns = matched(header, table, name, log)
    yield from records.frames(columns, table.names)


def read_without_header(
    stream: BinaryIO,
    name: str,
    positions: Mapping[int, str],
    width: int,
    log: RejectLog,
    *,
    line: int = 1,
    delimiter: str = "|",
    chunk_bytes: int = CHUNK_BYTES,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Iterator[pl.DataFrame]:
    """Yield frames of a file without header and quotes: the columns at `positions` (from 0) of `width`."""
    dialect = Dialect(delimiter, has_quotes=False)
    records = Records(stream, name, dialect, log, line=line, chunk_bytes=chunk_bytes, max_record_bytes=max_record_bytes)
    columns = [positions.get(position, f" {position}") for position in range(width)]
    yield from records.frames(columns, list(positions.values()))


def _first_line(stream: BinaryIO) -> str:
    """The beginning of a stream, which stays there to be read."""
    try:
        start = stream.peek(_HEADER_BYTES)  # ty: ignore[missing-attribute]  # every stream of unpacking is buffered
    except DAMAGED:
        return ""
    return start[:_HEADER_BYTES].decode("utf-8", "replace").partition("\n")[0]
