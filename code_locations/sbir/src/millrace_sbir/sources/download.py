"""Bringing a file that lies elsewhere here, once: resumed where it broke off, and known by its content.

What belongs here: what lies in the cache, and when to ask again. What does not: one request (`remote.py`).

    <cache>/<place>.json          version and content of the file at that address, when it was whole last
    <cache>/content/<sha256>      contents; the files of one name that two addresses have lie here once
    <cache>/<place>.part          a file on its way, and <place>.part.json, of which version it is

`<place>` is the hash of the whole address. A lock per place lets two runs at the same time download once. A part is
resumed only if the server says by its entity tag, or its date, that it is still the same file: a file that was changed
begins anew, and bytes of two versions never meet.
"""

import errno
import fcntl
import hashlib
import logging
import os
import random
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from millrace.errors import DiskFullError, SourceUnavailableError, SourceUnreadableError
from millrace.files import flush, replace_file
from millrace_sbir.sources.remote import Answer, BusyError, Remote, Version

_WORTH_BYTES = 1 << 20  # an attempt that brings so much does not count against the others
_READ_BYTES = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How often and how long a source that does not answer is asked again.

    Attributes:
        attempts: In a row without progress.
        first_seconds: Wait before the second attempt, doubled for each further one, between half of it and all.
        longest_seconds: Longest wait; a server that asks for more is not waited for.
        sleep: Waits; tests do not.
    """

    attempts: int = 6
    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, error: Exception) -> None:
        """Wait after the attempt of that number, from 1.

        Raises:
            Exception: the error itself, if it was the last one or the server asks for too long a wait.
        """
        asked = error.wait_seconds if isinstance(error, BusyError) else None
        if attempt >= self.attempts or (asked is not None and asked > self.longest_seconds):
            raise error
        pause = min(self.first_seconds * 2 ** (attempt - 1), self.longest_seconds)
        pause *= 0.5 + random.random() / 2  # noqa: S311  # so that runs that failed together do not ask together
        self.sleep(max(pause, asked or 0.0))


@dataclass(frozen=True)
class Downloaded:
    """A file that came here.

    Attributes:
        path: Where it lies.
        sha256: Of its content.
    """

    path: Path
    sha256: str


def download(remote: Remote, cache: Path, *, sha256: str = "", patience: Patience | None = None) -> Downloaded:
    """Bring a file here, or find it here unchanged.

    Args:
        remote: The file.
        cache: Folder of what has come so far.
        sha256: What its content must have, if that is known.
        patience: With a server that does not answer.

    Raises:
        SourceUnavailableError: the server does not answer, again and again.
        SourceMissingError, ConfigurationError: it answers that there is no such file, that the key is wrong.
        SourceUnreadableError: the content has another checksum.
        DiskFullError: there is no room for it.
    """
    place = cache / hashlib.sha256(remote.place.encode()).hexdigest()[:32]
    (cache / "content").mkdir(parents=True, exist_ok=True)
    with _alone(place), _room_in(cache), closing(remote):
        known = _known(place, cache)
        if known is not None and sha256 and known[1].sha256 == sha256:
            return known[1]
        part = _Part(place)
        _bring(remote, part, None if known is None else known[0], patience or Patience())
        if part.is_unchanged and known is not None:
            return _checked(known[1], remote, sha256)
        digest = sha256_of(part.path)
        if sha256 and digest != sha256:
            part.forget()
        _checked(Downloaded(part.path, digest), remote, sha256)
        content = cache / "content" / digest
        flush(part.path)
        with _alone(cache / "content"):  # or another run could take it for one that no address has
            part.path.replace(content)
            replace_file(place.with_suffix(".json"), orjson.dumps({"sha256": digest, "version": asdict(part.version)}))
            _remove_unused(cache)
        part.forget()
        return Downloaded(content, digest)


def sha256_of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Part:
    """A file on its way.

    Attributes:
        path: What has come of it.
        version: Of which version that is.
        is_unchanged: The server says that what is known already is still the file.
    """

    def __init__(self, place: Path) -> None:
        self.path, self._about = place.with_suffix(".part"), place.with_suffix(".part.json")
        self.version, self.is_unchanged = Version(), False
        try:
            self.version = Version(**orjson.loads(self._about.read_bytes()))
        except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
            self.forget()

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.exists() else 0

    def take(self, answer: Answer, address: str) -> None:
        """Append what an answer brings.

        Raises:
            SourceUnavailableError: it breaks off, or is the rest of another file: that must come from its beginning.
        """
        if answer.start and (answer.start > self.size or not self.version.may_be(answer.version)):
            self.forget()
            raise SourceUnavailableError(address, "the file was changed while it was downloaded")
        if not answer.start:
            self.version = answer.version
            self.path.unlink(missing_ok=True)
            replace_file(self._about, orjson.dumps(asdict(answer.version)))
        with self.path.open("ab") as file:
            file.truncate(answer.start)
            for piece in answer.pieces:
                file.write(piece)
        if answer.total is not None and self.size < answer.total:
            raise SourceUnavailableError(address, f"{self.size:,} of {answer.total:,} bytes came")
        if answer.total is not None and self.size > answer.total:
            self.forget()
            raise SourceUnavailableError(address, f"more than the {answer.total:,} bytes came that it has")

    def forget(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)
        self.version = Version()


def _bring(remote: Remote, part: _Part, known: Version | None, patience: Patience) -> None:
    """Ask until the file is whole."""
    attempt = 0
    while True:
        before = part.size
        try:
            # From its last byte on: of a part that is whole already there would be nothing else to ask for.
            start = max(before - 1, 0) if part.version.validator else 0
            with remote.ask(start, part.version, known) as answer:
                if answer is None:
                    part.is_unchanged = True
                    return
                part.take(answer, remote.address)
                return
        except SourceUnavailableError as error:
            attempt = 1 if part.size - before >= _WORTH_BYTES else attempt + 1
            _log.warning("%s; attempt %d, %s bytes are here", error, attempt, f"{part.size:,}")
            patience.wait(attempt, error)


def _known(place: Path, cache: Path) -> tuple[Version, Downloaded] | None:
    """What lies here of that address since it was whole last."""
    try:
        about = orjson.loads(place.with_suffix(".json").read_bytes())
        content = cache / "content" / about["sha256"]
        return (Version(**about["version"]), Downloaded(content, about["sha256"])) if content.exists() else None
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _checked(file: Downloaded, remote: Remote, sha256: str) -> Downloaded:
    if sha256 and file.sha256 != sha256:
        raise SourceUnreadableError(
            remote.address,
            f"has the checksum {file.sha256}",
            expected=sha256,
            next_step="ask who publishes it, or correct the checksum behind its address",
        )
    return file


def _remove_unused(cache: Path) -> None:
    """Remove contents that no address has any more."""
    used = {orjson.loads(about.read_bytes())["sha256"] for about in cache.glob("*.json") if ".part." not in about.name}
    for content in (cache / "content").iterdir():
        if content.name not in used:
            content.unlink(missing_ok=True)


@contextmanager
def _alone(place: Path) -> Generator[None]:
    """Hold the lock of a place; a second run waits until the first has the file."""
    descriptor = os.open(place.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _room_in(cache: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(
            str(cache), "no room for the download", next_step="make room there, and run again"
        ) from error
