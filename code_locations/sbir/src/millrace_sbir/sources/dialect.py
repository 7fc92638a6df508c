"""What separates cells and records in a delimited file, and how one record is judged exactly.

What belongs here: the meaning of a record. What does not: speed (`scan.py` finds the records of which this module would
say nothing but yes) and where bytes come from (`unpacking.py`).

A record ends at a line feed outside quotes. A quote opens a cell only at its beginning, and what follows the quote that
closes it is a delimiter or the end of the record. A quote that is never closed takes every line up to the next quote
into its cell: of a record that cannot be read only the lines are lost up to the first among them that begins a record
which can be. So damage costs itself, and never what comes after it.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

# Continuation lines of a damaged record that are tried as the beginning of the next; the longest of 226 real abstracts
# has fewer than 40 lines, and a quote that nobody closes is found out at the next quote, a row or two later.
_LINES_TRIED = 64
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Dialect:
    """How a file is delimited.

    Attributes:
        delimiter: One ASCII character.
        has_quotes: Whether cells may stand in double quotes, and hold delimiters and line breaks there.
        width: Cells in a record; 0 while it is not known.
        end_mark: How the one cell of the record begins that says that the file is whole; "" if there is none such.
    """

    delimiter: str
    has_quotes: bool = True
    width: int = 0
    end_mark: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the record that begins at a position.

    Attributes:
        end: Position at which the next one begins.
        row: Its cells; None for one that was turned away, and for a blank line.
        rule: Why it was turned away, "" if it was not.
        reason: The same for people.
        repaired: Bytes that are no UTF-8 and were read as Windows-1252, in the row.
        is_cut: The record's line does not end before `end`: what follows up to its line feed belongs to it.
        is_end: It is the record that says that the file is whole.
    """

    end: int
    row: list[str] | None
    rule: str = ""
    reason: str = ""
    repaired: int = 0
    is_cut: bool = False
    is_end: bool = False


class MoreBytesNeededError(Exception):
    """The bytes at hand end before the record does."""


class _RecordTooLongError(Exception):
    """A record exceeds the longest that is taken."""


def record_at(data: bytes, start: int, dialect: Dialect, max_record_bytes: int, *, is_last: bool) -> Outcome:
    """Judge the record that begins at `start`.

    Args:
        data: Bytes, UTF-8 for the most part.
        start: Position of its first byte; there is one.
        dialect: Of the file.
        max_record_bytes: Longest record taken.
        is_last: Whether nothing comes after `data`.

    Raises:
        MoreBytesNeededError: `data` ends before it can be judged.
    """
    lines = _Lines(data, start, max_record_bytes, is_last)
    rule, reason, row = "", "", None
    try:
        row = _cells(lines, dialect)
    except _RecordTooLongError:
        rule, reason = "record_too_long", f"the record has more than {max_record_bytes:,} bytes"
        if not lines.starts:
            end = data.find(b"\n", start) + 1
            return Outcome(end or len(data), None, rule, reason, is_cut=not end)
    except csv.Error as error:
        rule, reason = "not_csv", f"not CSV: {error}"
    if row is not None:
        if not row or (len(row) == 1 and not row[0].strip()):
            return Outcome(lines.position, None)
        if dialect.end_mark and row[0].startswith(dialect.end_mark):
            return Outcome(lines.position, None, is_end=True)
        if dialect.width and len(row) != dialect.width:
            rule, reason = "wrong_width", f"{len(row)} cells where the header has {dialect.width}"
    if rule:
        return Outcome(_resume(lines, dialect, rule), None, rule, reason)
    return _decoded(lines.position, row or [])


def joined(row: list[str], dialect: Dialect) -> bytes:
    """A row as the line that any reader takes for it."""
    if not dialect.has_quotes:
        return (dialect.delimiter.join(row) + "\n").encode()
    text = StringIO(newline="")
    csv.writer(text, delimiter=dialect.delimiter, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


class _Lines:
    """The lines from a position on, no further than the longest record reaches."""

    def __init__(self, data: bytes, start: int, most: int, is_last: bool) -> None:
        self.data, self.most, self.is_last = data, most, is_last
        self.start = self.position = start
        self.starts: list[int] = []

    def __iter__(self) -> Iterator[str]:
        while True:
            end = self.data.find(b"\n", self.position) + 1
            if not end:
                if len(self.data) - self.start > self.most:
                    raise _RecordTooLongError
                if not self.is_last:
                    raise MoreBytesNeededError
                end = len(self.data)
                if self.position == end:
                    return
            if end - self.start > self.most:
                raise _RecordTooLongError
            line = self.data[self.position : end].decode("utf-8", "surrogateescape")
            self.starts.append(self.position)
            self.position = end
            yield line


def _cells(lines: _Lines, dialect: Dialect) -> list[str]:
    """The cells of the first record of some lines.

    Raises:
        csv.Error: it is none.
    """
    if not dialect.has_quotes:
        line = next(iter(lines), "").removesuffix("\n").removesuffix("\r")
        if "\r" in line:
            raise csv.Error("a carriage return within a line")
        return line.split(dialect.delimiter)
    csv.field_size_limit(max(lines.most, csv.field_size_limit()))
    return next(csv.reader(lines, delimiter=dialect.delimiter, strict=True), [])


def _resume(lines: _Lines, dialect: Dialect, rule: str) -> int:
    """Where the next record begins after one that cannot be read."""
    inner, after = lines.starts[1 : _LINES_TRIED + 1], lines.position
    has_tried_all = len(lines.starts) - 1 <= _LINES_TRIED
    for start in [*inner, after] if has_tried_all else inner:
        if start == len(lines.data) and lines.is_last:
            return start
        tried = _Lines(lines.data, start, lines.most, lines.is_last)
        try:
            row = _cells(tried, dialect)
        except (csv.Error, _RecordTooLongError):
            continue
        if len(row) == dialect.width:
            return start
    return after if rule == "wrong_width" or not inner else inner[0]


def _decoded(end: int, row: list[str]) -> Outcome:
    """The row, its bytes that are no UTF-8 read as Windows-1252, which has no character for five of them."""
    repaired = 0

    def character(found: re.Match[str]) -> str:
        nonlocal repaired
        repaired += 1
        return bytes([ord(found[0]) - 0xDC00]).decode("cp1252")

    for position, cell in enumerate(row):
        if cell.isascii():
            if "\0" in cell:
                return Outcome(end, None, "nul_byte", f"a NUL byte in cell {position + 1}")
            continue
        try:
            row[position] = _NOT_UTF8.sub(character, cell)
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            return Outcome(
                end, None, "not_utf8", f"byte 0x{byte:02x} in cell {position + 1} is no UTF-8, no Windows-1252"
            )
        if "\0" in cell:
            return Outcome(end, None, "nul_byte", f"a NUL byte in cell {position + 1}")
    return Outcome(end, row, repaired=repaired)
