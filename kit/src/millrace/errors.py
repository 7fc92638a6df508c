"""The platform's exceptions; this tree is all of it.

    MillraceError
    ├── TransientError            the same work may succeed in a minute: it is retried
    │   ├── SourceUnavailableError
    │   ├── GraphChangedError     another load of the same part, or somebody else, wrote to the graph meanwhile
    │   └── CommitConflictError   a table that other writers have changed meanwhile
    ├── ChunkFailedError          says which chunk of a step failed; its cause says whether it may succeed later
    └── PermanentError            the same work fails the same way: it is never retried
        ├── ConfigurationError    a setting, a mapping, a domain's YAML
        ├── SourceMissingError    a file or folder that is not there
        ├── SourceUnreadableError a source that is there and cannot be taken as what it says it is
        ├── StageMissingError     a stage file or table that no run has written yet
        ├── TableRefusedError     rows that do not fit a table: columns, keys, partitions
        ├── StoreRefusedError     an object store that refuses the key, or has no such bucket
        ├── KeyRepeatedError      records that should differ in their key and do not
        ├── GraphRefusedError     rows that a graph cannot take, or a database that refuses what it is asked
        ├── DiskFullError         no room for what has to be written
        ├── GateClosedError       a blocking check of an earlier run failed, or has not judged what lies there
        ├── HomeInUseError        the folder of an embedded instance, held by a process that stays
        └── PlatformRefusedError  Docker Compose, or Dagster behind the gateway, would not

What belongs here: one class per cause, and the one place that says which foreign exceptions are transient.
What does not: Dagster. Sources and transforms raise these and import no orchestrator; `millrace.runs.failures`
turns them into Dagster failures at the edge.
"""

import errno
import re
import socket
from collections.abc import Iterable

_TRANSIENT_ERRNOS = frozenset(
    {errno.EAGAIN, errno.EBUSY, errno.ECONNRESET, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
)
# Drivers are known by the names of their classes, so that classifying a failure imports none of them.
_POSTGRES_ERROR = "psycopg2.Error"
_POSTGRES_CONNECTION_ERRORS = frozenset({"psycopg2.OperationalError", "psycopg2.InterfaceError"})
# Connection, transaction rollback (deadlock, serialisation), insufficient resources, operator intervention (shutdown);
# https://www.postgresql.org/docs/17/errcodes-appendix.html
_TRANSIENT_SQLSTATES = ("08", "40", "53", "57P")
# A login that the server refuses comes without SQLSTATE: libpq hands on the words alone.
_REFUSED_LOGIN = re.compile(
    r"FATAL:  (password authentication failed|(role|database) .* does not exist|no pg_hba\.conf entry)"
)
_S3_ERROR = "minio.error.S3Error"
TRANSIENT_S3_CODES = frozenset(
    {
        *("SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "ServiceUnavailable", "InternalError"),
        *("RequestTimeout", "XMinioServerNotInitialized"),
    }
)
# Its client's other errors carry what an HTTP server said that is no S3: a proxy in between, a HEAD without a body.
_S3_STATUS_ERRORS = {"minio.error.ServerError": "status_code", "minio.error.InvalidResponseError": "_code"}
_TOO_MANY_REQUESTS = 429
# A name that cannot be resolved is among the second: a stopped service has none in Docker's network.
_URLLIB3_TRANSIENT_ERRORS = frozenset(
    f"urllib3.exceptions.{name}" for name in ("ProtocolError", "NewConnectionError", "TimeoutError")
)
_URLLIB3_RESPONSE_ERROR = "urllib3.exceptions.ResponseError"
# An unknown state is one too: the commit carries an id by which the retry finds it, should it stand.
_TABLE_TRANSIENT_ERRORS = frozenset(
    {
        *(f"pyiceberg.exceptions.{name}" for name in ("CommitFailedException", "CommitStateUnknownException")),
        *(f"pyiceberg.exceptions.{name}" for name in ("ValidationException", "ServerError", "ServiceUnavailableError")),
        *(f"requests.exceptions.{name}" for name in ("ConnectionError", "Timeout")),
    }
)
_SQLITE_ERROR = "sqlite3.OperationalError"
# PyArrow's S3 client hands on its name of the cause; https://sdk.amazonaws.com/cpp/api/LATEST (CoreErrors)
_TRANSIENT_IN_ARROW = re.compile(
    r"AWS Error (NETWORK_CONNECTION|SLOW_DOWN|THROTTLING|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|REQUEST_TIMEOUT)\b"
)
# Polars hands on the words alone: as one of Python's own errors where one fits, else as an OSError without a number.
_POLARS_ERRORS = frozenset({"builtins.OSError", "polars.exceptions.ComputeError"})
_TRANSIENT_IN_POLARS = re.compile(r"object-store error: .*(status code: (5\d\d|429)\b|HTTP error: )", re.DOTALL)

_NEO4J = "neo4j.exceptions."
# Its server says of an error that it may pass (deadlock, memory of the moment, restart); its driver has no connection.
_NEO4J_TRANSIENT_ERRORS = frozenset(
    f"{_NEO4J}{name}"
    for name in ("TransientError", "ServiceUnavailable", "SessionExpired", "ConnectionAcquisitionTimeoutError")
)


class MillraceError(Exception):
    """Base of every error that the platform raises on purpose.

    Args:
        subject: What the error is about, most general first: `museum.harvested_objects`.
        received: What came.
        expected: What should have come.
        next_step: What the reader can do now.
    """

    def __init__(self, subject: str, received: str, *, expected: str = "", next_step: str = "") -> None:
        self.subject = subject
        self.received = received
        self.expected = expected
        self.next_step = next_step
        text = f"{subject}: {received}"
        if expected:
            text += f" (expected {expected})"
        if next_step:
            text += f"; {next_step}"
        super().__init__(" ".join(text.split()))


class TransientError(MillraceError):
    """The same work may succeed later."""


class SourceUnavailableError(TransientError):
    """A source that answers now and then: a network, a locked file, a busy server."""


class ChunkFailedError(MillraceError):
    """A chunk of a long step failed; raised from what made it fail."""


class GraphChangedError(TransientError):
    """A graph is not as this load left it: somebody else writes."""


class CommitConflictError(TransientError):
    """Other writers have changed the table since this one looked at it."""


class PermanentError(MillraceError):
    """The same work fails the same way until somebody changes something."""


class ConfigurationError(PermanentError):
    """A setting, a mapping or a domain's YAML is wrong; `problems` holds every one that was found."""

    def __init__(self, subject: str, problems: Iterable[str], *, next_step: str = "") -> None:
        self.problems = list(problems)
        several = f"{len(self.problems)} problems: " if len(self.problems) > 1 else ""
        received = several + " | ".join(self.problems)
        super().__init__(subject, received, next_step=next_step)


class SourceMissingError(PermanentError):
    """A file or folder that should hold the source is not there."""


class SourceUnreadableError(PermanentError):
    """A source is there and cannot be read as the format it is said to be in."""


class StageMissingError(PermanentError):
    """A stage that this step reads has not been written yet."""


class TableRefusedError(PermanentError):
    """A table cannot take these rows: their columns, their keys or their partitions do not fit."""


class StoreRefusedError(PermanentError):
    """An object store answers, and the answer is no."""


class KeyRepeatedError(PermanentError):
    """Records share a key that identifies one."""


class GraphRefusedError(PermanentError):
    """A graph cannot take these rows, or its database says no."""


class DiskFullError(PermanentError):
    """The disk, or the share of it that one may use, has no room left."""


class GateClosedError(PermanentError):
    """What would be published has not passed its gates."""


class HomeInUseError(PermanentError):
    """Another process holds the folder and will not let go by itself."""


class PlatformRefusedError(PermanentError):
    """The platform in containers was asked for something and would not, or is not there."""


def is_transient(error: BaseException) -> bool:
    """Say whether the same work may succeed later.

    Unknown exceptions are permanent: a bug repeats itself, and three retries of a bug hide it for minutes.
    The chain of causes counts, because drivers wrap (SQLAlchemy's error carries psycopg2's as `__cause__`).
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        verdict = _verdict(current)
        if verdict is not None:
            return verdict
        # `raise … from None` says that what was being handled is not the cause.
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return False


def _verdict(error: BaseException) -> bool | None:
    """Whether one exception by itself is transient; None if it is not known and its cause has to say."""
    if isinstance(error, PermanentError):
        return False
    if isinstance(error, TransientError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, socket.gaierror):  # its numbers are its own: EAI_AGAIN is no errno
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, OSError) and error.errno in _TRANSIENT_ERRNOS:
        return True
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if _POSTGRES_ERROR in names:
        sqlstate = getattr(error, "pgcode", None)
        if sqlstate is not None:
            return sqlstate.startswith(_TRANSIENT_SQLSTATES)
        return not names.isdisjoint(_POSTGRES_CONNECTION_ERRORS) and not _REFUSED_LOGIN.search(str(error))
    if any(name.startswith(_NEO4J) for name in names):
        return not names.isdisjoint(_NEO4J_TRANSIENT_ERRORS)
    if not names.isdisjoint(_TABLE_TRANSIENT_ERRORS):
        return True
    if _SQLITE_ERROR in names:
        return "locked" in str(error)
    if isinstance(error, OSError) and _TRANSIENT_IN_ARROW.search(str(error)):
        return True
    return _object_store_verdict(error, names)


def _object_store_verdict(error: BaseException, names: set[str]) -> bool | None:
    if _S3_ERROR in names:
        return getattr(error, "code", None) in TRANSIENT_S3_CODES
    for name in names & _S3_STATUS_ERRORS.keys():
        status = getattr(error, _S3_STATUS_ERRORS[name])
        return status >= 500 or status == _TOO_MANY_REQUESTS
    if not names.isdisjoint(_URLLIB3_TRANSIENT_ERRORS):
        return True
    if _URLLIB3_RESPONSE_ERROR in names:
        return "error responses" in str(error)  # the others are redirects without end
    if not names.isdisjoint(_POLARS_ERRORS) and _TRANSIENT_IN_POLARS.search(str(error)):
        return True
    return None
