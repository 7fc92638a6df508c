"""One Neo4j server: its driver, transactions, and what its failures mean.

What belongs here: connections and words for people. What does not: which failures are transient (`millrace.errors`).
The driver is imported when the first connection is made: it costs 40 MB.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from millrace.errors import (
    ConfigurationError,
    GraphChangedError,
    GraphRefusedError,
    SourceUnavailableError,
    is_transient,
)

if TYPE_CHECKING:
    from neo4j import Driver, Record

PASSWORD_FILE = "neo4j_password"  # noqa: S105  # the name of a file
USER = "neo4j"  # a community server has this one
_BOLT_PORT = 7687
_CONNECT_SECONDS = 10.0
_FETCH_ROWS = 10_000
_RETRY_SECONDS = 30.0  # a server starts in ten; what lasts longer is the job's to retry

Result = TypeVar("Result")
# The driver's own type wants every statement to stand in the source; ours are made from a model.
Transaction = Any
Work = Callable[[Transaction], Result]


@dataclass(frozen=True)
class Server:
    """A server.

    Attributes:
        address: `bolt://neo4j:7687`.
        secrets: Folder with the file of its password.
        retry_seconds: How long the driver runs a transaction again after what may pass.
    """

    address: str
    secrets: Path
    retry_seconds: float = _RETRY_SECONDS

    @property
    def name(self) -> str:
        """Its host, with the port if that is another than Neo4j's own."""
        return server_name(self.address)

    @cached_property
    def driver(self) -> "Driver":
        """The driver, made when it is first needed; nothing is asked yet.

        Raises:
            ConfigurationError: the address is none, or the password cannot be read.
        """
        from neo4j import GraphDatabase
        from neo4j.exceptions import ConfigurationError as DriverConfigurationError

        path = self.secrets / PASSWORD_FILE
        try:
            password = path.read_text().strip()
        except OSError as error:
            problem = f"{path} cannot be read: {error.strerror}"
            raise ConfigurationError(self.address, [problem], next_step="check MILLRACE_SECRETS") from error
        try:
            return GraphDatabase.driver(
                self.address,
                auth=(USER, password),
                connection_timeout=_CONNECT_SECONDS,
                max_transaction_retry_time=self.retry_seconds,
                notifications_min_severity="OFF",  # of an empty graph it notes that every label is unknown
            )
        except (DriverConfigurationError, ValueError) as error:
            raise ConfigurationError(self.address, [str(error)], next_step="check MILLRACE_GRAPH") from error

    def write(self, work: Work[Result]) -> Result:
        """Run a transaction that writes; the driver runs it again after what may pass.

        Raises:
            SourceUnavailableError: the server does not answer, or is busy for longer than half a minute.
            GraphChangedError: what it would create is there already.
            GraphRefusedError: the server says no.
        """
        with self._asking(), self._session() as session:
            return session.execute_write(work)

    def read(
        self, cypher: str, parameters: Mapping[str, Any] | None = None, *, timeout_seconds: float | None = None
    ) -> list["Record"]:
        """Run a query in a transaction that cannot write; the server sees to that."""
        return self.read_some(cypher, parameters, timeout_seconds=timeout_seconds)[1]

    def read_some(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        most: int | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[Sequence[str], list["Record"]]:
        """The same, with the names of the columns, and no more than so many rows."""
        from neo4j import READ_ACCESS, unit_of_work

        @unit_of_work(timeout=timeout_seconds)
        def work(transaction: Transaction) -> tuple[Sequence[str], list["Record"]]:
            result = transaction.run(cypher, dict(parameters or {}))
            return result.keys(), list(result) if most is None else result.fetch(most)

        with self._asking(), self._session(default_access_mode=READ_ACCESS) as session:
            return session.execute_read(work)

    def stream(self, cypher: str, chunk: int, take: Callable[[list["Record"]], None]) -> None:
        """Hand a query's rows on, so many at a time, in one transaction that cannot write."""
        from neo4j import READ_ACCESS

        with self._asking(), self._session(default_access_mode=READ_ACCESS, fetch_size=chunk) as session:
            result = session.run(cypher)
            while rows := result.fetch(chunk):
                take(rows)

    def run_once(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement in a transaction; see `write`."""

        def work(transaction: Transaction) -> None:
            transaction.run(cypher, dict(parameters or {})).consume()

        self.write(work)

    def run(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement outside of any transaction of ours: one that makes its own."""
        with self._asking(), self._session() as session:
            session.run(cypher, dict(parameters or {})).consume()

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "driver" in self.__dict__:
            self.driver.close()

    def _session(self, **options: Any) -> Any:
        opened: Any = self.driver.session
        return opened(**{"fetch_size": _FETCH_ROWS, **options})

    @contextmanager
    def _asking(self) -> Generator[None]:
        from neo4j.exceptions import AuthError, ConstraintError, DriverError, Neo4jError

        try:
            yield
        except ConstraintError as error:
            raise GraphChangedError(self.address, f"somebody else wrote the same: {error.message}") from error
        except AuthError as error:
            raise GraphRefusedError(
                self.address,
                f"refuses the user {USER}: {error.message}",
                next_step=f"check {PASSWORD_FILE} in {self.secrets}",
            ) from error
        except (Neo4jError, DriverError) as error:
            said = error.message if isinstance(error, Neo4jError) else str(error)
            if is_transient(error):
                raise SourceUnavailableError(self.address, f"cannot be used now: {said}") from error
            raise GraphRefusedError(self.address, f"refuses: {said}") from error


def server_name(address: str) -> str:
    """Name of a server by its address: `neo4j` of bolt://neo4j:7687, `127.0.0.1:32768` of one on another port.

    Raises:
        ConfigurationError: it is no address of a server.
    """
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not parts.scheme.startswith(("bolt", "neo4j")):
        problem = f"{address!r} is no address of a server"
        raise ConfigurationError("MILLRACE_GRAPH", [problem], next_step="say bolt://host:7687")
    return host if port in (None, _BOLT_PORT) else f"{host}:{port}"
