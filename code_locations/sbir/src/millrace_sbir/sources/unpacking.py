"""The bytes of a source's files: plain, gzip or zip by their first bytes, in any encoding, handed on as UTF-8.

What belongs here: unpacking and encodings. What does not: how the file came here (`opening.py`) and what is in it.

An archive says nothing reliable about its size before it is unpacked, so the limit is watched while it is. What an
archive that breaks off has before its end is handed out.
"""

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

from millrace.errors import SourceUnreadableError

MAX_UNPACKED_BYTES = 64 << 30  # about twelve times the award file of ten times the published size
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_DATA_ENDINGS = (".csv", ".dat", ".tsv", ".txt", ".json", ".ndjson", ".jsonl")
_SAMPLE_BYTES = 4 << 20  # looked at to tell the encoding
_BUFFER_BYTES = 1 << 20
_UTF8, _CP1252 = "utf-8", "cp1252"
_MARKS = {codecs.BOM_UTF8: _UTF8, codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

# What gzip and zip raise for a stream that ends too soon, fails its checksum, or is not deflate.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile)


@contextmanager
def unpacked(
    path: Path, name: str, max_unpacked_bytes: int = MAX_UNPACKED_BYTES
) -> Generator[Iterator[tuple[str, BinaryIO]]]:
    """Give each file of a source with its name, as a stream of UTF-8 without byte-order mark.

    A plain file and a gzip are one file; a zip has one for each member that looks like data, of all its members
    if none does. Each stream is read before the next is asked for.

    Raises:
        SourceUnreadableError: the file is empty, no archive after all, or encrypted; while it is read: it unpacks to
            more than the limit.
    """
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if not magic:
            raise SourceUnreadableError(name, "the file is empty", next_step="check the export that wrote it")
        if magic.startswith(_ZIP):
            yield _members(raw, name, max_unpacked_bytes)
        elif magic.startswith(_GZIP):
            yield iter(
                [(name, _as_utf8(gzip.GzipFile(fileobj=raw, mode="rb").read1, name, _Limit(name, max_unpacked_bytes)))]
            )
        else:
            yield iter([(name, _plain(raw))])


def _members(raw: BinaryIO, name: str, most: int) -> Iterator[tuple[str, BinaryIO]]:
    try:
        archive = zipfile.ZipFile(raw)
    except zipfile.BadZipFile as error:
        raise SourceUnreadableError(
            name, f"is no readable zip: {error}", next_step="fetch or export it again"
        ) from error
    files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    members = [one for one in files if one.filename.lower().endswith(_DATA_ENDINGS)] or files
    if not members:
        raise SourceUnreadableError(name, "the zip holds no file", next_step="check the export that wrote it")
    limit = _Limit(name, most)
    for member in members:
        if member.flag_bits & 1:
            raise SourceUnreadableError(name, f"its member {member.filename} is encrypted", next_step="unpack it first")
        shown = f"{name}/{member.filename}" if len(members) > 1 else name
        try:
            opened = archive.open(member)
        except NotImplementedError as error:  # Deflate64, as Windows packs what has more than 2 GB
            raise SourceUnreadableError(
                name, f"its member {member.filename} cannot be unpacked: {error}", next_step="pack it with Deflate"
            ) from error
        with opened:
            yield shown, _as_utf8(opened.read, shown, limit)


class _Limit:
    """Counts what an archive unpacks to."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most, self._left = name, most, most

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise SourceUnreadableError(
                self._name,
                f"unpacks to more than {self._most:,} bytes",
                next_step="check where it comes from, or raise sources.max_unpacked_bytes",
            )


class _Stream(RawIOBase):
    """Bytes that are pulled from a function, through another that recodes them."""

    def __init__(
        self, pull: Callable[[int], bytes], recode: Callable[[bytes, bool], bytes] | None, limit: _Limit | None
    ) -> None:
        self._pull, self._recode, self._limit = pull, recode, limit
        self._ready = memoryview(b"")
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._is_over:
            piece = self._pull(_BUFFER_BYTES)
            self._is_over = not piece
            if self._limit is not None:
                self._limit.take(len(piece))
            self._ready = memoryview(piece if self._recode is None else self._recode(piece, self._is_over))
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _as_utf8(pull: Callable[[int], bytes], name: str, limit: _Limit | None) -> BinaryIO:
    """The stream, its encoding told from its beginning, its byte-order mark left out."""
    start, failure = b"", None
    try:
        while len(start) < _SAMPLE_BYTES and (piece := pull(_BUFFER_BYTES)):
            start += piece
    except DAMAGED as error:
        if not start:
            raise SourceUnreadableError(
                name, f"is no readable archive: {error}", next_step="fetch or export it again"
            ) from error
        failure = error
    mark, recode = _reading(start)
    pieces = [start[len(mark) :]]

    def rest(size: int) -> bytes:
        if pieces:
            return pieces.pop() or rest(size)
        if failure is not None:
            raise failure
        return pull(size)

    return BufferedReader(_Stream(rest, recode, limit), _BUFFER_BYTES)


def _plain(raw: BinaryIO) -> BinaryIO:
    """The same for a file that is not packed: UTF-8 is read as it lies there."""
    mark, recode = _reading(raw.read(_SAMPLE_BYTES))
    raw.seek(len(mark))
    return raw if recode is None else BufferedReader(_Stream(raw.read, recode, None), _BUFFER_BYTES)


def _reading(start: bytes) -> tuple[bytes, Callable[[bytes, bool], bytes] | None]:
    """The byte-order mark of a file that begins so, and what makes UTF-8 with line feeds of it; None if it is that."""
    mark, encoding = encoding_of(start)
    if encoding != _UTF8:
        return mark, _recoding(encoding)
    return mark, _old_line_ends if b"\r" in start and b"\n" not in start else None


def encoding_of(start: bytes) -> tuple[bytes, str]:
    """The byte-order mark of a file that begins so, and its encoding: UTF-8, UTF-16 or Windows-1252.

    Without a mark: UTF-16 has a NUL beside nearly every ASCII character; a file with more bytes that are no UTF-8
    than sequences which are is Windows-1252, of which Latin-1 is a part. Else it is UTF-8, perhaps with strays.
    """
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return mark, encoding
    head = start[: 1 << 12]
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(head) > 3 and head[offset::2].count(0) > 0.7 * len(head[offset::2]):
            return b"", encoding
    if start.isascii():
        return b"", _UTF8
    text = start.decode(_UTF8, "surrogateescape")
    strays = len(start) - len(text.encode(_UTF8, "ignore"))
    sequences = len(text) - strays - len(text.encode("ascii", "ignore"))
    return b"", _CP1252 if strays > max(sequences, 4) else _UTF8


def _recoding(encoding: str) -> Callable[[bytes, bool], bytes]:
    """What makes UTF-8 of pieces in another encoding; what has no character there stays as it is, and is no UTF-8."""
    errors = "surrogateescape" if encoding == _CP1252 else "surrogatepass"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    return lambda piece, is_last: decoder.decode(piece, is_last).encode(_UTF8, errors)


def _old_line_ends(piece: bytes, _is_last: bool) -> bytes:
    return piece.replace(b"\r", b"\n")
