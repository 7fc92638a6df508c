"""Dagster's database, read only: one short snapshot per poll, every query and row counted.

What belongs here: the connection and its guards. What does not: statements, which stand beside their collector.

The role may only read, and every transaction says so too. A statement may take five seconds: a poll that takes longer
is an error that is seen, and not a load on the database that everything else stands on.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 psycopg2 names its class in lower case
from psycopg2.sql import Composed

Rows = list[tuple[Any, ...]]
Parameters = Mapping[str, Any]
_OPTIONS = "-c statement_timeout=5000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"


class View:
    """The database as it was at one moment.

    Attributes:
        queries: Statements so far.
        rows: Rows so far.
    """

    def __init__(self, connection: Connection, watch: Callable[[str, Parameters], None] | None) -> None:
        self._connection = connection
        self._watch = watch
        self.queries = 0
        self.rows = 0

    def read(self, statement: str | Composed, parameters: Parameters | None = None) -> Rows:
        """Rows of a statement."""
        given = parameters or {}
        if isinstance(statement, Composed):
            statement = statement.as_string(self._connection)
        if self._watch is not None:
            self._watch(statement, given)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, given)
            rows = cursor.fetchall()
        self.queries += 1
        self.rows += len(rows)
        return rows


class Database:
    """A connection that is opened when it is needed, and again after it broke.

    Args:
        address: libpq's, without a password: that comes from PGPASSFILE.
        watch: Told every statement before it is issued.

    Attributes:
        queries: Statements of each reader so far.
        rows: Rows of each reader so far.
    """

    def __init__(self, address: str, watch: Callable[[str, Parameters], None] | None = None) -> None:
        self._address = address
        self._watch = watch
        self._connection: Connection | None = None
        self.queries: dict[str, int] = {}
        self.rows: dict[str, int] = {}

    @contextmanager
    def snapshot(self, reader: str) -> Generator[View]:
        """Read a moment's state; what is read in one block fits together.

        Args:
            reader: Who reads; its queries and rows are counted.

        Raises:
            psycopg2.Error: The database does not answer, or refuses a statement.
        """
        connection = self._open()
        view = View(connection, self._watch)
        try:
            yield view
            connection.commit()
        except psycopg2.Error:
            self.close()
            raise
        except BaseException:
            connection.rollback()
            raise
        finally:
            self.queries[reader] = self.queries.get(reader, 0) + view.queries
            self.rows[reader] = self.rows.get(reader, 0) + view.rows

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg2.connect(
                self._address, connect_timeout=5, application_name="millrace-exporter", options=_OPTIONS
            )
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
