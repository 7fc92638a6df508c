"""JSON files: a file per record, or an array of records in a file.

A folder of them is one source; a file that cannot be read costs that file. The "line" of a record is its
position in the file, from 1.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson

from millrace.errors import SourceUnreadableError
from millrace.quality import RejectLog, excerpt
from millrace_museum.sources.ndjson import json_problem, parsed
from millrace_museum.sources.opening import DAMAGED, Record, damaged_reject, open_source, row_reject


def read_json(path: Path, name: str, log: RejectLog, max_record_bytes: int) -> Iterator[tuple[int, Record]]:
    """Yield the object, or each object of the array; log what is neither.

    A file is read whole, so `max_record_bytes` bounds the file; larger collections come as NDJSON.
    """
    try:
        with open_source(path) as stream:
            raw = stream.read(max_record_bytes + 1)
            if len(raw) > max_record_bytes:
                reason = f"the file has more than {max_record_bytes:,} bytes; give large collections as NDJSON"
                log.add(row_reject(name, 1, reason, "record_too_long", excerpt(raw)))
                return
    except SourceUnreadableError as error:
        log.add(row_reject(name, 1, error.received, "unreadable_file", ""))
        return
    except DAMAGED as error:
        log.add(damaged_reject(name, 0, error))
        return
    try:
        document = parsed(raw)
    except orjson.JSONDecodeError as error:
        reason, rule = json_problem(raw, error)
        log.add(row_reject(name, 1, reason, rule, excerpt(raw)))
        return
    for number, record in enumerate(document if isinstance(document, list) else [document], start=1):
        if type(record) is dict:
            yield number, record
        else:
            reason = f"expected a JSON object, got {type(record).__name__}"
            log.add(row_reject(name, number, reason, "not_an_object", excerpt(str(record))))
