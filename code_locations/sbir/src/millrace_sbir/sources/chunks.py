"""A delimited stream as frames of text columns, each row with the line at which it begins.

What belongs here: the way of bytes into frames, and of what cannot be read into the reject log. What does not: what a
record means (`dialect.py`), and which columns there should be (`headers.py`).

Memory holds a chunk and no more. Runs of clean records go to Polars as they are; records that are not are judged one by
one. What is judged to be readable joins its neighbours again, so that rows come in the order of the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
import polars as pl

from millrace.quality import Reject, RejectKind, RejectLog, excerpt
from millrace_sbir.sources.dialect import Dialect, MoreBytesNeededError, Outcome, joined, record_at
from millrace_sbir.sources.scan import Positions, Scan, scan
from millrace_sbir.sources.unpacking import DAMAGED

CHUNK_BYTES = 8 << 20
_WINDOW_BYTES = 512 << 10  # scanned at once: it fits a cache, and a quote that is never closed spoils no more
MAX_RECORD_BYTES = 1 << 20  # the longest of 226 real awards has 2.5 kB


@dataclass
class _Chunk:
    """Clean bytes, and the line at which each of their records begins."""

    pieces: list[memoryview | bytes] = field(default_factory=list)
    lines: list[Positions] = field(default_factory=list)
    size: int = 0
    has_quoted_empty: bool = False

    def add(self, piece: memoryview | bytes, lines: Positions) -> None:
        self.pieces.append(piece)
        self.lines.append(lines)
        self.size += len(piece)


class Records:
    """The records of a stream, read once.

    Args:
        stream: Bytes in UTF-8, at the beginning of a record.
        name: Of the file, in rejects and in `source_file`.
        dialect: Of the file.
        line: Number of the line at which the stream stands.
        log: Takes what cannot be read.
        chunk_bytes: A frame is made of about as many bytes.
        window_bytes: Bytes that are looked at together.
        max_record_bytes: Longest record taken.

    Attributes:
        has_ended: The record came that says that the file is whole, if the dialect has one.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        dialect: Dialect,
        log: RejectLog,
        *,
        line: int = 1,
        chunk_bytes: int = CHUNK_BYTES,
        window_bytes: int = _WINDOW_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._stream, self._name, self._dialect, self._log = stream, name, dialect, log
        self._chunk_bytes, self._window_bytes, self._max = chunk_bytes, window_bytes, max_record_bytes
        self._data, self._line, self._is_last = b"", line, False
        self._chunk, self.has_ended = _Chunk(), False

    def frames(self, columns: list[str], wanted: list[str]) -> Iterator[pl.DataFrame]:
        """Yield frames of the columns that are wanted, empty cells null, then `source_file` and `line` (UInt32).

        Args:
            columns: A name for each cell of a record.
            wanted: Those of them that the frames have, in this order.
        """
        dialect = self._dialect = replace(self._dialect, width=len(columns))
        self._fill()
        while self._data:
            found = scan(self._data, dialect, self._max)
            self._take(found)
            if self._chunk.size >= self._chunk_bytes:
                yield self._frame(columns, wanted)
        if self._chunk.size:
            yield self._frame(columns, wanted)

    def first(self) -> list[str] | None:
        """The first record that can be read, which is the header; None if there is none."""
        self._fill()
        while self._data:
            outcome = self._judged(0)
            if outcome is None:
                continue
            self._line += self._data.count(b"\n", 0, outcome.end)
            self._data = self._data[outcome.end :]
            if outcome.row is not None:
                return outcome.row
            if outcome.rule:
                return None
            self._fill_if_empty()
        return None

    def _take(self, found: Scan) -> None:
        """Take the records of a scan, up to the end or to where the scan turns out to be wrong."""
        ends, lines, unclean = found.ends, found.lines, found.unclean
        record, start, line, view = 0, 0, self._line, memoryview(self._data)
        for bad in [*unclean.tolist(), len(ends)]:
            if bad < record:  # went by together with a record before it
                continue
            if bad > record:
                end = int(ends[bad - 1])
                begins = np.concatenate(([line], self._line + lines[record : bad - 1]))
                self._chunk.add(view[start:end], begins)
                first, last = np.searchsorted(found.quoted_empties, (start, end))
                self._chunk.has_quoted_empty |= bool(first < last)
                start, line = end, self._line + int(lines[bad - 1])
            if bad == len(ends):
                break
            outcome = self._judged(start)
            if outcome is None:  # more bytes have come; what was taken stays taken
                self._drop(start, line)
                return
            self._keep(outcome, start, line)
            line += self._data.count(b"\n", start, outcome.end)
            start = outcome.end
            at = int(np.searchsorted(ends, start))
            if at == len(ends) or ends[at] != start or outcome.is_cut:
                self._drop(start, line)
                if outcome.is_cut:
                    self._skip_line()
                self._fill_if_empty()
                return
            record = at + 1
        if not len(ends) and (self._is_last or len(self._data) > self._max):
            outcome = self._judged(0)
            if outcome is not None:
                self._keep(outcome, 0, line)
                self._drop(outcome.end, line + self._data.count(b"\n", 0, outcome.end))
                if outcome.is_cut:
                    self._skip_line()
                self._fill_if_empty()
            return
        self._drop(start, line)
        self._fill()

    def _judged(self, start: int) -> Outcome | None:
        """What becomes of the record at `start`; None if more bytes had to come first: then scan again."""
        try:
            return record_at(self._data, start, self._dialect, self._max, is_last=self._is_last)
        except MoreBytesNeededError:
            self._fill()
            return None

    def _keep(self, outcome: Outcome, start: int, line: int) -> None:
        """Put a judged record among the clean ones, or in the log."""
        place = f"{self._name}:{line}"
        self.has_ended |= outcome.is_end
        if outcome.rule:
            shown = excerpt(self._data[start : min(outcome.end, start + 1_000)])
            self._log.add(Reject(RejectKind.ROW, place, outcome.reason, outcome.rule, shown))
        elif outcome.row is not None:
            if outcome.repaired:
                reason = f"{outcome.repaired} bytes are no UTF-8 and were read as Windows-1252; the row is kept"
                shown = excerpt(self._data[start : min(outcome.end, start + 1_000)])
                self._log.add(Reject(RejectKind.VALUE, place, reason, "cp1252_bytes", shown))
            self._chunk.add(joined(outcome.row, self._dialect), np.array([line]))

    def _drop(self, start: int, line: int) -> None:
        self._data, self._line = self._data[start:], line

    def _skip_line(self) -> None:
        """Read on to the end of a line that is too long, keeping nothing of it."""
        while not self._is_last:
            self._data = b""
            self._fill()
            end = self._data.find(b"\n") + 1
            if end:
                self._drop(end, self._line + 1)
                return
        self._data = b""

    def _fill_if_empty(self) -> None:
        if not self._data:
            self._fill()

    def _fill(self) -> None:
        """Read a window more; a last line without an end is given one."""
        if self._is_last:
            return
        pieces, missing = [self._data], self._window_bytes
        try:
            # By one read of the stream after the other: what one that fails has gathered would be lost.
            while missing > 0 and (piece := self._stream.read1(missing)):  # ty: ignore[missing-attribute]
                pieces.append(piece)
                missing -= len(piece)
            self._is_last = missing > 0
        except DAMAGED as error:
            self._is_last = True
            reason = f"the compressed file breaks off ({error}); fetch or export it again"
            self._log.add(Reject(RejectKind.SOURCE, self._name, reason, "truncated_source"))
        self._data = b"".join(pieces)
        if self._is_last and self._data and not self._data.endswith(b"\n"):
            self._data += b"\n"

    def _frame(self, columns: list[str], wanted: list[str]) -> pl.DataFrame:
        chunk, self._chunk = self._chunk, _Chunk()
        raw, lines = b"".join(chunk.pieces), np.concatenate(chunk.lines)
        frame = pl.read_csv(
            raw,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String),
            separator=self._dialect.delimiter,
            quote_char='"' if self._dialect.has_quotes else None,
            infer_schema=False,
        )
        if frame.height != len(lines):
            raise RuntimeError(f"{self._name}: Polars reads {frame.height} rows where the scan has {len(lines)}")
        if chunk.has_quoted_empty:
            frame = frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
        source_file = pl.Series("source_file", [self._name]).new_from_index(0, frame.height)
        columns_wanted = [frame.get_column(name) for name in wanted]
        return pl.DataFrame([*columns_wanted, source_file, pl.Series("line", lines, dtype=pl.UInt32)])
