"""NDJSON, plain or gzip: one JSON object per line.

Lines are read one by one, because one bad line must cost one line: Polars' own reader gives up on the file.
A line longer than the limit is skipped in pieces, so that it never lies in memory.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from millrace.quality import RejectLog, excerpt
from millrace_museum.sources.opening import DAMAGED, Record, damaged_reject, open_source, row_reject

_LONG_INTEGER = re.compile(rb"[\[:,]\s*-?\d{19,}\s*[,\]}]")


def read_ndjson(path: Path, name: str, log: RejectLog, max_record_bytes: int) -> Iterator[tuple[int, Record]]:
    """Yield each line's object; log lines that are too long, no UTF-8, no JSON or no object.

    Raises:
        SourceUnreadableError: the file is empty or in another encoding.
    """
    with open_source(path) as stream:
        number = 0
        try:
            while line := stream.readline(max_record_bytes + 1):
                number += 1
                if len(line) > max_record_bytes and not line.endswith(b"\n"):
                    length = len(line) + _skip_line(stream, max_record_bytes)
                    reason = f"the line has {length:,} bytes, at most {max_record_bytes:,} are taken"
                    log.add(row_reject(name, number, reason, "record_too_long", excerpt(line)))
                    continue
                if line.isspace():
                    continue
                try:
                    record = parsed(line)
                except orjson.JSONDecodeError as error:
                    reason, rule = json_problem(line, error)
                    log.add(row_reject(name, number, reason, rule, excerpt(line)))
                    continue
                if type(record) is not dict:
                    reason = f"expected a JSON object, got {type(record).__name__}"
                    log.add(row_reject(name, number, reason, "not_an_object", excerpt(line)))
                    continue
                yield number, record
        except DAMAGED as error:
            log.add(damaged_reject(name, number, error))


def parsed(raw: bytes) -> Any:
    """JSON, with integers of any length: beyond 64 bits orjson makes floats of them, and an identifier would change.

    Raises:
        orjson.JSONDecodeError: it is no JSON.
    """
    document = orjson.loads(raw)
    return json.loads(raw) if _LONG_INTEGER.search(raw) else document


def json_problem(raw: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    """Say why bytes are no JSON: the reason and the rule. A wrong encoding comes before bad syntax."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        return f"not UTF-8: byte 0x{raw[bad.start]:02x} at byte {bad.start + 1} of the record", "not_utf8"
    return f"not JSON: {error.msg} at character {error.colno}", "not_json"


def _skip_line(stream: BinaryIO, piece_bytes: int) -> int:
    """Read on to the end of the line in pieces; return how many bytes that were."""
    skipped = 0
    while piece := stream.readline(piece_bytes):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
