"""JSON sources, an object per line or an array of objects, as the same frames that a delimited file gives.

What belongs here: objects and where they begin. What does not: what their fields are called (`tables.py`).

An array is read piece by piece: the award file as JSON has 500 MB and more. Another array may follow, as in pages of
an export that were put together. After an element that is no JSON reading
goes on where the next one seems to begin.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import polars as pl

from millrace.errors import SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog, excerpt
from millrace_sbir.columns import PLACE
from millrace_sbir.sources.delimited import HEAD_BYTES, Limits, head_of
from millrace_sbir.sources.headers import Table, matched_fields
from millrace_sbir.sources.unpacking import DAMAGED

_PIECE_BYTES = 1 << 20
_BETWEEN = re.compile(r"[\s,]*")
_NEXT_ELEMENT = re.compile(r"[,\n]\s*(?=\{)")
_LONG_INTEGER = re.compile(rb"[\[:,]\s*-?\d{19,}\s*[,\]}]")  # of which orjson makes a float
Found = tuple[int, Any]  # the line at which it begins, and the value


def looks_like_json(stream: BinaryIO) -> bool:
    """Whether a stream begins as JSON does."""
    return head_of(stream).lstrip()[:1] in (b"{", b"[")


def read_json(stream: BinaryIO, name: str, table: Table, log: RejectLog, limits: Limits) -> Iterator[pl.DataFrame]:
    """Yield frames of a table's columns (String, null where a record lacks the field), `source_file`, `line`.

    Raises:
        SourceUnreadableError: no field of its records is known.
    """
    is_array = head_of(stream).lstrip()[:1] == b"["
    find = _elements if is_array else _lines
    batch, size = _Batch(name, table), 0
    fields: dict[str, str | None] = {}
    for line, value in find(stream, name, log, limits.max_record_bytes):
        if type(value) is not dict:
            _reject(log, name, line, f"expected a JSON object, got {type(value).__name__}", "not_an_object", str(value))
            continue
        if not value.keys() <= fields.keys():
            fields |= matched_fields([key for key in value if key not in fields], table, name, log)
        problem = batch.add(line, value, fields)
        if problem:
            _reject(log, name, line, *problem, str(value))
            continue
        size += sum(len(cell) for cell in value.values() if type(cell) is str)
        if size >= limits.chunk_bytes:
            yield batch.frame()
            size = 0
    if fields and not any(fields.values()):
        raise SourceUnreadableError(
            f"sbir.{table.asset}",
            f"no field of {name} is known ({', '.join(sorted(fields)[:5])}, …)",
            next_step="check the export that wrote it",
        )
    if batch.lines:
        yield batch.frame()


class _Batch:
    """Records on their way into a frame."""

    def __init__(self, name: str, table: Table) -> None:
        self._name, self._columns = name, {own: [] for own in table.names}
        self.lines: list[int] = []

    def add(self, line: int, record: dict[str, Any], fields: dict[str, str | None]) -> tuple[str, str] | None:
        """Add a record; the reason and the rule if that cannot be done."""
        cells = {own: _text(value) for field, value in record.items() if (own := fields[field]) is not None}
        for cell in cells.values():
            if cell is None or (cell.isascii() and "\0" not in cell):
                continue
            if "\0" in cell:
                return "a NUL character in a value", "nul_byte"
            try:
                cell.encode()
            except UnicodeEncodeError:
                return "a value is no UTF-8", "not_utf8"
        for own, column in self._columns.items():
            column.append(cells.get(own))
        self.lines.append(line)
        return None

    def frame(self) -> pl.DataFrame:
        """What was added, and begin anew."""
        frame = pl.DataFrame(self._columns, schema=dict.fromkeys(self._columns, pl.String)).with_columns(
            source_file=pl.lit(self._name), line=pl.Series(self.lines, dtype=pl.UInt32)
        )
        for column in self._columns.values():
            column.clear()
        self.lines.clear()
        return frame.select(*self._columns, *PLACE)


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if type(value) is str:
        return value
    if type(value) is bool:
        return "Y" if value else "N"
    return str(value) if type(value) in (int, float) else json.dumps(value)


def _lines(stream: BinaryIO, name: str, log: RejectLog, most: int) -> Iterator[Found]:
    """The value of each line."""
    number = 0
    try:
        while line := stream.readline(most + 1):
            number += 1
            if len(line) > most and not line.endswith(b"\n"):
                while (piece := stream.readline(HEAD_BYTES)) and not piece.endswith(b"\n"):
                    pass
                _reject(log, name, number, f"the record has more than {most:,} bytes", "record_too_long", line)
                continue
            if line.isspace():
                continue
            try:
                value = orjson.loads(line)
                value = json.loads(line) if _LONG_INTEGER.search(line) else value
            except orjson.JSONDecodeError as error:
                _reject(log, name, number, *_problem(line, error), line)
            except (ValueError, RecursionError) as error:
                _reject(log, name, number, f"not JSON: {_said(error, 0)}", "not_json", line)
            else:
                yield number, value
    except DAMAGED as error:
        _broken_off(log, name, error)


def _elements(stream: BinaryIO, name: str, log: RejectLog, most: int) -> Iterator[Found]:
    """The elements of an array."""
    decoder, text, line, is_last = json.JSONDecoder(), "", 1, False
    pieces = _pieces(stream, name, log)
    text = next(pieces, "")
    at = text.index("[") + 1
    line += text.count("\n", 0, at)
    while True:
        start = at
        found = _BETWEEN.match(text, at)
        at = found.end() if found else at
        line += text.count("\n", start, at)
        is_cut = False
        if at < len(text) and text[at] == "]":
            text, at = _after_array(text[at + 1 :], pieces)
            if at == len(text):
                return
            if text[at] != "[":
                reason = "something other than another array follows the end of the array; fetch or export it again"
                log.add(Reject(RejectKind.SOURCE, name, reason, "truncated_source"))
                return
            line += text.count("\n", 0, at)
            at += 1
            continue
        try:
            value, end = decoder.raw_decode(text, at)
            is_cut = end == len(text) and not is_last
        except (ValueError, RecursionError) as error:  # an integer of thousands of digits, a thousand levels
            value, end = error, at
            is_cut = not is_last and len(text) - at <= most
        if is_cut:
            piece = next(pieces, "")
            is_last, text, at = not piece, text[at:] + piece, 0
            continue
        if at >= len(text):
            log.add(Reject(RejectKind.SOURCE, name, "the array has no end: the file breaks off", "truncated_source"))
            return
        if isinstance(value, Exception):
            following = _NEXT_ELEMENT.search(text, at + 1)
            end = following.end() if following else len(text)
            reason = f"not JSON: {_said(value, at)}"
            _reject(log, name, line, reason, "not_json", text[at : at + 1_000].encode("utf-8", "surrogateescape"))
        else:
            yield line, value
        line += text.count("\n", at, end)
        text, at = (text[end:], 0) if end > _PIECE_BYTES // 2 else (text, end)


def _after_array(text: str, pieces: Iterator[str]) -> tuple[str, int]:
    """What follows an array, and where in it something stands, or its end: pages of an export are several arrays."""
    while not text.strip() and (text := next(pieces, "")):
        pass
    return text, len(text) - len(text.lstrip())


def _said(error: Exception, at: int) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - at + 1} of the record"
    return "too many levels" if isinstance(error, RecursionError) else str(error)


def _pieces(stream: BinaryIO, name: str, log: RejectLog) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    try:
        while piece := stream.read1(_PIECE_BYTES):  # ty: ignore[missing-attribute]  # what comes before a failure
            yield decoder.decode(piece)
    except DAMAGED as error:
        _broken_off(log, name, error)


def _problem(raw: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    try:
        raw.decode()
    except UnicodeDecodeError as bad:
        return f"byte 0x{raw[bad.start]:02x} at byte {bad.start + 1} of the record is no UTF-8", "not_utf8"
    return f"not JSON: {error.msg} at character {error.colno}", "not_json"


def _reject(log: RejectLog, name: str, line: int, reason: str, rule: str, shown: bytes | str) -> None:
    log.add(Reject(RejectKind.ROW, f"{name}:{line}", reason, rule, excerpt(shown)))


def _broken_off(log: RejectLog, name: str, error: BaseException) -> None:
    reason = f"the compressed file breaks off ({error}); fetch or export it again"
    log.add(Reject(RejectKind.SOURCE, name, reason, "truncated_source"))
