"""CSV with a header line, with or without a byte-order mark, plain or gzip; cells may hold line breaks.

Bytes that are no UTF-8 pass the decoder as surrogates, so that they cost their row and not the file. A quote that
is never closed takes every line up to the next quote into its cell: only the line that opened it is rejected, and
reading begins again with the line after it.
"""

import csv
from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Self

from millrace.errors import SourceUnreadableError
from millrace.quality import RejectLog, excerpt
from millrace_museum.sources.opening import DAMAGED, Record, damaged_reject, open_source, row_reject

_LINE_ENDS = ("\n", "\r")


def read_csv(path: Path, name: str, log: RejectLog, max_record_bytes: int) -> Iterator[tuple[int, Record]]:
    """Yield each row by its header's names, empty cells as None; log rows of another width, length or encoding.

    Raises:
        SourceUnreadableError: the file is empty, in another encoding, has no readable header, or names a column
            twice.
    """
    csv.field_size_limit(max_record_bytes)
    with open_source(path) as stream:
        text = TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
        lines = _Lines(text, max_record_bytes)
        rows = csv.reader(lines, strict=True)
        try:
            header = _header(path, rows)
            while True:
                number = lines.begin_row()
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except _LineTooLongError as error:
                    log.add(row_reject(name, number, str(error), "record_too_long", _shown(lines.first)))
                    lines.back_to_second()
                    continue
                except csv.Error as error:
                    log.add(row_reject(name, number, f"not CSV: {error}", "not_csv", _shown(lines.first)))
                    lines.back_to_second()
                    continue
                if not row:
                    continue
                if len(row) != len(header):
                    reason = f"{len(row)} cells where the header has {len(header)}"
                    log.add(row_reject(name, number, reason, "wrong_width", _shown(",".join(row))))
                elif bad := next((cell for cell in row if not _is_clean(cell)), None):
                    log.add(row_reject(name, number, "a cell is not UTF-8", "not_utf8", _shown(bad)))
                else:
                    yield number, {name: cell or None for name, cell in zip(header, row, strict=True)}
        except DAMAGED as error:
            log.add(damaged_reject(name, lines.number, error))
        finally:
            text.detach()


class _LineTooLongError(csv.Error):
    """A line is longer than the longest record taken; its rest was skipped."""


class _LongLine(str):
    """The start of a line that is too long, and the length of all of it."""

    length: int


class _Lines:
    """The lines of a file, of which those of the current row can be read again.

    Attributes:
        number: Number of the line read last.
        first: First line of the current row.
    """

    def __init__(self, text: TextIOWrapper, most: int) -> None:
        self._text, self._most = text, most
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._size = 0
        self.number = 0

    @property
    def first(self) -> str:
        return self._row[0] if self._row else ""

    def begin_row(self) -> int:
        """Forget the lines of the last row; return the number of the line that comes next."""
        self._row.clear()
        self._size = 0
        return self.number + 1

    def back_to_second(self) -> None:
        """Go back to the second line of the current row."""
        self._again.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._row.append(line)
        self._size += len(line)
        if len(self._row) > 1 and (self._size > self._most or type(line) is _LongLine):
            raise csv.Error(f"a quote opens a cell that is not closed within {self._most:,} characters")
        if type(line) is _LongLine:
            raise _LineTooLongError(f"the line has {line.length:,} characters, at most {self._most:,} are taken")
        return line

    def _read(self) -> str:
        """Read a line; of one that is too long, its start, the rest skipped in pieces."""
        line = piece = self._text.readline(self._most + 1)
        if len(line) <= self._most or line.endswith(_LINE_ENDS):
            return line
        start = _LongLine(line)
        start.length = len(line)
        while piece and not piece.endswith(_LINE_ENDS):
            piece = self._text.readline(self._most)
            start.length += len(piece)
        return start


def _header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise SourceUnreadableError(
            str(path), f"the header line is not CSV: {error}", next_step="check the export that wrote it"
        ) from error
    if not all(map(_is_clean, header)):
        raise SourceUnreadableError(
            str(path),
            "the header line is not UTF-8",
            next_step=f"convert it: iconv -f LATIN1 -t UTF-8 {path.name}",
        )
    if len(set(header)) != len(header):
        raise SourceUnreadableError(str(path), f"a column is named twice in {header}")
    return header


def _is_clean(cell: str) -> bool:
    """Whether a cell came as UTF-8; isascii is checked first because most cells are ASCII."""
    return cell.isascii() or not any("\udc80" <= character <= "\udcff" for character in cell)


def _shown(text: str) -> str:
    """The start of a text that may hold bytes which are no UTF-8."""
    return excerpt(text[:1_000].encode("utf-8", "surrogateescape"))
