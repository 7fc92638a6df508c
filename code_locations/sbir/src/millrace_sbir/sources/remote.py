"""Sources that lie elsewhere, as bytes from a position on: an HTTP server and an object store.

What belongs here: one request and what its answer means. What does not: when to ask again (`download.py`).
"""

import logging
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit

from millrace.errors import (
    ConfigurationError,
    MillraceError,
    SourceMissingError,
    SourceUnavailableError,
    SourceUnreadableError,
)

if TYPE_CHECKING:
    import httpx

_PIECE_BYTES = 1 << 20
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOTAL = re.compile(r"bytes (\d+)-\d+/(\d+|\*)$")


@dataclass(frozen=True)
class Version:
    """What tells one content of a file from another, as its server says it; empty where it says nothing.

    Attributes:
        etag: Entity tag; a weak one does not promise equal bytes.
        modified: When it was modified last.
    """

    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """What a request for the rest of a file names, lest the rest of another is sent; "" if nothing will do."""
        if self.etag:
            return "" if self.etag.startswith("W/") else self.etag
        return self.modified

    def may_be(self, other: "Version") -> bool:
        """Whether nothing says that they differ; a server may leave out what the request named already."""
        pairs = ((self.etag, other.etag), (self.modified, other.modified))
        return all(one == another for one, another in pairs if one and another)


@dataclass(frozen=True)
class Answer:
    """The bytes of a file from a position on.

    Attributes:
        start: That position: 0 if the server sends all of it, whatever was asked for.
        total: Size of the whole file; None if it is not known.
        version: Of the file that is sent.
        pieces: The bytes.
    """

    start: int
    total: int | None
    version: Version
    pieces: Iterator[bytes]


class Remote(Protocol):
    """A file that lies elsewhere.

    Attributes:
        address: Where, for people.
        place: Where, whole; for no eye.
        name: Of the file.
    """

    address: str
    place: str
    name: str

    def ask(self, start: int, version: Version, known: Version | None = None) -> AbstractContextManager[Answer | None]:
        """Ask for the bytes from `start` on, of that version of the file or else of all of it from the beginning.

        None if it is still the version `known`. Raises SourceUnavailableError where asking again may help, else a
        permanent error; what the connection raises while the pieces are read is translated too.
        """
        ...

    def close(self) -> None:
        """Close the connections; another `ask` opens them again."""
        ...


def shown_url(url: str) -> str:
    """A URL without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def quiet_clients() -> None:
    """Keep httpx and httpcore from logging every URL: a signed one is a secret."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to wait, in seconds or as a date; None if it does not."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((then - datetime.now(UTC)).total_seconds(), 0.0) if then.tzinfo is not None else None


class BusyError(SourceUnavailableError):
    """A server asks to be left alone for `wait_seconds`; None if it does not say for how long."""

    wait_seconds: float | None = None


def status_error(address: str, status: int, headers: Mapping[str, str]) -> MillraceError:
    """The error for an HTTP status that is no success."""
    if status in _TRANSIENT_STATUS:
        error = BusyError(address, f"the server answers {status}")
        error.wait_seconds = retry_after_seconds(headers)
        return error
    if status in (404, 410):
        return SourceMissingError(
            address, f"the server answers {status}", next_step="check the address in the settings"
        )
    if status in (401, 403):
        problem = f"the server answers {status}: it wants a key, or another one"
        return ConfigurationError(address, [problem], next_step="check the secret file of this source")
    return SourceUnreadableError(address, f"the server answers {status}", next_step="check the address in the settings")


class HttpFile:
    """A file behind an http:// or https:// URL."""

    def __init__(self, url: str) -> None:
        self._url = self.place = url
        self._client: httpx.Client | None = None
        self.address = shown_url(url)
        self.name = Path(urlsplit(url).path).name or urlsplit(url).netloc

    @contextmanager
    def ask(self, start: int, version: Version, known: Version | None = None) -> Generator[Answer | None]:
        """See `Remote`."""
        import httpx

        quiet_clients()
        headers = {"Accept-Encoding": "identity"}  # a position in packed bytes would be another
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": version.validator}
        elif known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        elif known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        if self._client is None:  # once: reading the certificates takes longer than a small file
            timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
            self._client = httpx.Client(follow_redirects=True, timeout=timeout)
        with _http_failures(self.address), self._client.stream("GET", self._url, headers=headers) as response:
            # As it comes: what is gathered into larger pieces first is lost when the connection breaks.
            yield self._answer(response, start)

    def close(self) -> None:
        """See `Remote`."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answer(self, response: "httpx.Response", start: int) -> Answer | None:
        import httpx

        status, headers = response.status_code, response.headers
        if status == httpx.codes.NOT_MODIFIED:
            return None
        version = Version(headers.get("etag", ""), headers.get("last-modified", ""))
        if status == httpx.codes.PARTIAL_CONTENT and (found := _TOTAL.match(headers.get("content-range", ""))):
            total = None if found[2] == "*" else int(found[2])
            return Answer(int(found[1]), total, version, response.iter_raw())
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return Answer(start, None, Version("changed"), iter(()))
        if status != httpx.codes.OK:
            raise status_error(self.address, status, headers)
        length = headers.get("content-length", "")
        return Answer(0, int(length) if length.isdigit() else None, version, response.iter_raw())


@contextmanager
def _http_failures(address: str) -> Generator[None]:
    """Translate what httpx raises: no answer, a cut connection, a wait that was too long are transient."""
    import httpx

    try:
        yield
    except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
        raise SourceUnavailableError(address, f"the server does not answer: {type(error).__name__}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceUnreadableError(
            address, f"cannot be asked: {type(error).__name__}", next_step="check the address"
        ) from None


class StoredFile:
    """A file in an object store, by its key.

    Args:
        key: `s3://bucket/key`.
        endpoint: Address of the store.
        secrets: Folder with the files of the domain's key.
    """

    def __init__(self, key: str, endpoint: str, secrets: Path) -> None:
        from millrace.stores import BucketStore
        from millrace.stores.answers import Asked

        if not endpoint:
            raise ConfigurationError(key, ["no object store is set"], next_step="set MILLRACE_OBJECT_STORE")
        bucket, _, path = key.removeprefix("s3://").partition("/")
        prefix, _, self.name = path.rpartition("/")
        self.address = self.place = key
        self._store, self._key, self._bucket = BucketStore(endpoint, bucket, prefix, secrets), path, bucket
        self._asked = Asked(endpoint, bucket, secrets)

    def close(self) -> None:
        """See `Remote`; the store's client keeps none that has to be closed."""

    @contextmanager
    def ask(self, start: int, version: Version, known: Version | None = None) -> Generator[Answer | None]:
        """See `Remote`."""
        client = self._store.client
        try:
            with self._asked.about(self.address):
                about = client.stat_object(self._bucket, self._key)
                now = Version(etag=f'"{about.etag}"')
                if known == now:
                    yield None
                    return
                start = start if version == now else 0
                response = client.get_object(self._bucket, self._key, offset=start)
                try:
                    sent = Version(etag=response.headers.get("ETag", ""))
                    yield Answer(start, about.size, sent, response.stream(_PIECE_BYTES))
                finally:
                    response.close()
                    response.release_conn()
        except FileNotFoundError:
            raise SourceMissingError(
                self.address, "no such key in the object store", next_step="check the setting"
            ) from None
