"""Finding the records of a delimited file at memory speed, and which of them need a closer look.

What belongs here: positions, by numpy. What does not: what a record means (`dialect.py`), to which everything goes that
is in any way unusual here. A record is called clean only if `record_at` would give exactly its cells.

A line feed ends a record if an even number of quotes stands before it. After a quote that is never closed that is wrong
for everything that follows; but then the next quote stands where none may, so that its record is not clean.
"""

import codecs
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from millrace_sbir.sources.dialect import Dialect

_LINE_FEED, _RETURN, _QUOTE, _NUL = 10, 13, 34, 0
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scan:
    """The records of some bytes, of which the last may be incomplete and is then none of these.

    Attributes:
        ends: Position after each record.
        lines: Line feeds before each of these positions.
        unclean: Which records need a closer look, in order.
        quoted_empties: Where cells seem to be that are empty, and in quotes: Polars does not call them null.
    """

    ends: Positions
    lines: Positions
    unclean: Positions
    quoted_empties: Positions


def scan(data: bytes, dialect: Dialect, max_record_bytes: int) -> Scan:
    """Find the records of bytes that begin with one."""
    view = np.frombuffer(data, dtype=np.uint8)
    marks = (view == _LINE_FEED) | (view == ord(dialect.delimiter)) | (view == _RETURN)
    if dialect.has_quotes:
        marks |= view == _QUOTE
    at = np.flatnonzero(marks)  # once: looking for the marks is most of the work
    kinds = view[at]
    is_feed, is_quote, is_return = kinds == _LINE_FEED, kinds == _QUOTE, kinds == _RETURN
    quotes = at[is_quote]
    # Quotes so far, modulo 256, which keeps what matters: whether their number is even.
    is_outside = (np.cumsum(is_quote, dtype=np.uint8) & 1) == 0
    ends_record = is_feed & is_outside
    ends, lines = at[ends_record] + 1, np.cumsum(is_feed)[ends_record]
    starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    cells = np.diff(np.flatnonzero(is_feed[is_outside & ~(is_quote | is_return)]), prepend=-1)
    unclean = (cells != dialect.width) | (ends - starts > max_record_bytes)
    returns = at[is_return & is_outside]
    alone = returns[view[np.minimum(returns + 1, len(view) - 1)] != _LINE_FEED]  # they end no line
    odd = [_odd_quotes(view, quotes, ord(dialect.delimiter)), alone]
    if b"\0" in data:
        odd.append(np.flatnonzero(view == _NUL))
    for positions in odd:
        records = np.searchsorted(ends, positions, side="right")
        unclean[records[records < len(ends)]] = True
    if len(ends) and not data.isascii():
        unclean[_not_utf8(data, ends)] = True
    return Scan(ends, lines, np.flatnonzero(unclean), _quoted_empties(quotes))


def _odd_quotes(view: npt.NDArray[np.uint8], quotes: Positions, delimiter: int) -> Positions:
    """Quotes that neither open nor close a cell nor stand for one within it."""
    if not len(quotes):
        return quotes
    is_doubled = np.diff(quotes) == 1
    opening, closing = quotes[0::2], quotes[1::2]
    before = view[np.maximum(opening - 1, 0)]
    is_first = (opening == 0) | (before == delimiter) | (before == _LINE_FEED)
    is_first[1:] |= is_doubled[1::2][: len(opening) - 1]
    after = view[np.minimum(closing + 1, len(view) - 1)]
    second = view[np.minimum(closing + 2, len(view) - 1)]
    is_last = (after == delimiter) | (after == _LINE_FEED) | ((after == _RETURN) & (second == _LINE_FEED))
    is_last[: len(is_doubled[1::2])] |= is_doubled[1::2]
    return np.concatenate((opening[~is_first], closing[~is_last]))


def _quoted_empties(quotes: Positions) -> Positions:
    """Quotes that are closed at once, neither of the two half of one that stands for itself."""
    is_doubled = np.diff(quotes) == 1
    at_once, doubled = is_doubled[0::2].copy(), is_doubled[1::2]
    at_once[: len(doubled)] &= ~doubled
    at_once[1:] &= ~doubled[: max(len(at_once) - 1, 0)]
    return quotes[0::2][: len(at_once)][at_once]


def _not_utf8(data: bytes, ends: Positions) -> list[int]:
    """Records that are no UTF-8."""
    found, at, view = [], 0, memoryview(data)[: ends[-1]]
    while at < len(view):
        try:
            codecs.utf_8_decode(view[at:], "strict", True)
        except UnicodeDecodeError as error:
            found.append(int(np.searchsorted(ends, at + error.start, side="right")))
            at = int(ends[found[-1]])
        else:
            break
    return found
