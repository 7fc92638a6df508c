"""Opening a source file: plain or gzip by its first bytes, UTF-8 with or without a byte-order mark.

What belongs here: bytes and where they end. What does not: formats.
"""

import gzip
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

from millrace.errors import SourceUnreadableError
from millrace.quality import Reject, RejectKind, RejectLog

Record = Mapping[str, Any]
Adapter = Callable[[Path, str, RejectLog, int], Iterator[tuple[int, Record]]]
"""Takes a file, the log, and the longest record in bytes; yields line number (from 1) and record."""

UTF8_BOM = b"\xef\xbb\xbf"
_GZIP_MAGIC = b"\x1f\x8b"
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16 (little endian)", b"\xfe\xff": "UTF-16 (big endian)"}
_BUFFER_BYTES = 1 << 20

# What gzip raises for a stream that ends too soon, fails its checksum, or is not deflate.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


class _Unpacked(RawIOBase):
    """A gzip stream that hands out what it has before it fails.

    `GzipFile.read(size)` gathers `size` bytes and loses them all if the file breaks off among them.
    """

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._packed.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def open_source(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a source for reading bytes, a UTF-8 byte-order mark skipped.

    Raises:
        SourceUnreadableError: the file is empty, or begins as UTF-16.
    """
    with path.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        stream: BinaryIO = raw
        if magic == _GZIP_MAGIC:
            stream = BufferedReader(_Unpacked(gzip.GzipFile(fileobj=raw, mode="rb")), _BUFFER_BYTES)
        start = _first_bytes(stream, path)
        if not start:
            raise SourceUnreadableError(str(path), "the file is empty", next_step="check the export that wrote it")
        if start[:2] in _OTHER_ENCODINGS:
            raise SourceUnreadableError(
                str(path),
                f"is in {_OTHER_ENCODINGS[start[:2]]}",
                expected="UTF-8",
                next_step=f"convert it: iconv -f UTF-16 -t UTF-8 {path.name}",
            )
        if start.startswith(UTF8_BOM):
            stream.read(len(UTF8_BOM))
        yield stream


def _first_bytes(stream: Any, path: Path) -> bytes:
    try:
        return stream.peek(3)[:3]
    except DAMAGED as error:
        raise SourceUnreadableError(
            str(path), f"is no readable gzip file: {error}", next_step="fetch or export it again"
        ) from error


def damaged_reject(name: str, line: int, error: BaseException) -> Reject:
    """The reject for a compressed file that breaks off: what came before it was kept."""
    return Reject(
        RejectKind.SOURCE,
        f"{name}:{line + 1}",
        f"the compressed file breaks off after line {line:,} ({error}); fetch or export it again",
        "truncated_source",
    )


def row_reject(name: str, line: int, reason: str, rule: str, excerpt: str) -> Reject:
    """The reject for one record of the file of that name, which is its path below the source folder."""
    return Reject(RejectKind.ROW, f"{name}:{line}", reason, rule, excerpt)
