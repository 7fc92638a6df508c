"""Rejects: everything that a stage turned away or could not use, with its place and the reason.

Nothing is lost silently: a bad line, a value that cannot be cast, a field that nobody mapped, a source that
ends too soon each become one line of `rejects/<domain>/<asset>.ndjson`. The generated checks judge that file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import orjson

from millrace.stores import Store

EXCERPT_CHARACTERS = 200
REASON_CHARACTERS = 500  # a reason may quote what came, and that may be a whole book in one cell


class RejectKind(StrEnum):
    """What was turned away."""

    ROW = "row"
    VALUE = "value"
    FIELD = "field"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Reject:
    """One thing that was turned away.

    Attributes:
        kind: row (a record is left out), value (a record is kept without that value), field (a field that
            no mapping names), source (the source itself is incomplete).
        place: Where: `artworks.ndjson:40001`, or the key of the record.
        reason: Why, for people.
        rule: Name of the rule, for counting.
        excerpt: Start of what came: of the value, if a column is named, else of the record.
        column: Column that broke the rule, the first of several; empty where it is no value that did.
    """

    kind: RejectKind
    place: str
    reason: str
    rule: str
    excerpt: str = ""
    column: str = ""


class RejectSink(Protocol):
    """What takes rejects: a log, or a chunk of a step that keeps its own until it is finished."""

    def add(self, reject: Reject) -> None:
        """Take one."""


class RejectLog:
    """Writes rejects as they come and replaces the file when it is closed; also a context manager.

    Closed after an error, it keeps what it saw under the file's name as well: after a failure the rejects are what
    people look for.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.address = store.address_of(name)
        self._store = store
        self._name = name
        self.counts: Counter[RejectKind] = Counter()
        self.rules: Counter[str] = Counter()
        self._made = Path()
        self._file: BinaryIO | None = None

    def open(self) -> Self:
        """Begin anew; the old file stays until this one is closed."""
        self._made = self._store.in_the_making(self._name)
        self._file = self._made.open("wb")
        return self

    def add(self, reject: Reject) -> None:
        """Append one reject, its reason cut at `REASON_CHARACTERS` and its excerpt at `EXCERPT_CHARACTERS`."""
        if self._file is None:
            raise ValueError(f"the reject log {self.address} is not open")
        line = reject_line(reject)
        self.counts[reject.kind] += 1
        self.rules[reject.rule] += 1
        self._file.write(line)

    def close(self) -> None:
        """Put the file in its place; nothing happens if the log is not open."""
        if self._file is not None:
            self._file.close()
            self._file = None
            try:
                self._store.keep(self._name, self._made)
            finally:
                self._made.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def excerpt(raw: bytes | str | Mapping[str, Any]) -> str:
    """The start of a record, on one line, whatever its encoding."""
    if isinstance(raw, Mapping):
        try:
            raw = orjson.dumps(raw, default=str, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:  # what JSON cannot say: half a surrogate, an integer beyond 64 bits
            raw = str(dict(raw))
    if isinstance(raw, bytes):
        raw = raw[: EXCERPT_CHARACTERS * 4].decode("utf-8", errors="backslashreplace")
    return _escaped(" ".join(raw.split())[:EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS]


def reject_line(reject: Reject) -> bytes:
    """A reject as a line of its file, reason and excerpt cut."""
    fields = asdict(reject)
    fields["reason"] = _cut(reject.reason, REASON_CHARACTERS)
    fields["excerpt"] = _cut(reject.excerpt, EXCERPT_CHARACTERS)
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate, as in a file name that is not UTF-8
        fields = {name: _escaped(value) for name, value in fields.items()}
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _escaped(text: str) -> str:
    return text.encode("utf-8", errors="backslashreplace").decode()


def read_rejects(store: Store, name: str) -> Iterator[Reject]:
    """Read a file of rejects; nothing if an asset has turned nothing away or has never run."""
    try:
        content = store.read(name)
    except FileNotFoundError:
        return
    for line in content.splitlines():
        fields = orjson.loads(line)
        yield Reject(**{**fields, "kind": RejectKind(fields["kind"])})
