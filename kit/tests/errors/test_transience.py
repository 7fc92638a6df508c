"""Which failures may go away by themselves."""

import errno
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Generator

import dagster as dg
import psycopg2
import psycopg2.errors
import pytest
import requests
import sqlalchemy as sa
import sqlalchemy.exc
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchTableError,
    ServiceUnavailableError,
    ValidationException,
)

from millrace.errors import (
    ConfigurationError,
    PermanentError,
    SourceMissingError,
    SourceUnavailableError,
    SourceUnreadableError,
    StageMissingError,
    TableRefusedError,
    TransientError,
    is_transient,
)


def s3_error(code: str) -> Exception:
    """What the client of the object store raises; it is no dependency of the kit."""
    kind = type("S3Error", (Exception,), {"__module__": "minio.error", "code": code})
    return kind(code)


def wrapped(outer: Exception, *inner: Exception) -> Exception:
    """`outer`, raised from the next, and so on."""
    current = outer
    for cause in inner:
        current.__cause__ = cause
        current = cause
    return outer


@pytest.fixture
def connection(instance: dg.DagsterInstance) -> Generator[sa.Connection]:
    """A connection to a real Postgres."""
    engine = sa.create_engine(instance.run_storage.postgres_url)  # ty: ignore[missing-attribute]
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    "error",
    [
        TransientError("a", "b"),
        SourceUnavailableError("a", "b"),
        ConnectionResetError(),
        ConnectionRefusedError(),
        TimeoutError(),
        OSError(errno.EIO, "read"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.ESTALE, "gone from the share"),
        psycopg2.OperationalError("server closed the connection"),
        psycopg2.InterfaceError("connection already closed"),
        s3_error("SlowDown"),
        s3_error("InternalError"),
        CommitFailedException("Table has been updated by another process"),
        CommitStateUnknownException("502"),
        ValidationException("Added data files were found"),
        ServiceUnavailableError("503"),
        requests.exceptions.ConnectionError("refused"),
        requests.exceptions.ReadTimeout("after 60 s"),
        sqlite3.OperationalError("database is locked"),
        OSError("When reading information for key 'a': AWS Error NETWORK_CONNECTION during HeadObject operation"),
    ],
    ids=lambda error: f"{type(error).__name__}-{error}",
)
def test_what_may_pass_by_itself_is_transient(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("a", "b"),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        ConfigurationError("a", ["b"]),
        SourceMissingError("a", "b"),
        SourceUnreadableError("a", "b"),
        StageMissingError("a", "b"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "denied"),
        OSError(errno.ENOSPC, "disk full"),
        psycopg2.ProgrammingError("no such table"),
        psycopg2.OperationalError('connection failed: FATAL:  password authentication failed for user "mill"'),
        s3_error("NoSuchKey"),
        sqlite3.OperationalError("no such table: rows"),
        TableRefusedError("a", "b"),
        NoSuchTableError("mill.rows"),
        OSError("When reading information for key 'a': AWS Error ACCESS_DENIED during HeadObject operation"),
    ],
    ids=lambda error: f"{type(error).__name__}-{error}",
)
def test_what_stays_as_it_is_is_permanent(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError("x"), ZeroDivisionError()], ids=repr)
def test_an_unknown_error_is_permanent(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wrapped(RuntimeError(), ConnectionResetError()), True),
        (wrapped(RuntimeError(), ValueError(), TimeoutError()), True),
        (wrapped(RuntimeError(), ValueError()), False),
        (wrapped(SourceUnreadableError("a", "b"), ConnectionResetError()), False),
        (wrapped(SourceUnavailableError("a", "b"), ValueError()), True),
        (wrapped(RuntimeError(), SourceMissingError("a", "b"), TimeoutError()), False),
    ],
    ids=["cause", "cause_of_cause", "no_such_cause", "permanent_outside", "transient_outside", "permanent_between"],
)
def test_the_outermost_error_that_is_known_decides(error: Exception, *, expected: bool) -> None:
    assert is_transient(error) is expected


def lose_connection() -> None:
    raise ConnectionResetError


def handle_badly() -> None:
    try:
        lose_connection()
    except ConnectionResetError:
        raise RuntimeError("could not read")  # noqa: B904  # the implicit context is the point


def hide_what_was_handled() -> None:
    try:
        lose_connection()
    except ConnectionResetError:
        raise RuntimeError("a bug") from None


def test_an_error_met_while_another_was_handled_counts_as_its_cause() -> None:
    with pytest.raises(RuntimeError) as caught:
        handle_badly()

    assert is_transient(caught.value)


def test_an_error_raised_from_none_stands_alone() -> None:
    with pytest.raises(RuntimeError) as caught:
        hide_what_was_handled()

    assert not is_transient(caught.value)


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first

    assert not is_transient(first)


@pytest.mark.parametrize(
    ("sqlstate", "kind", "expected"),
    [
        ("08006", "ConnectionFailure", True),
        ("40P01", "DeadlockDetected", True),
        ("40001", "SerializationFailure", True),
        ("53300", "TooManyConnections", True),
        ("57P01", "AdminShutdown", True),
        ("57014", "QueryCanceled", False),
        ("28P01", "InvalidPassword", False),
        ("42P01", "UndefinedTable", False),
    ],
)
def test_an_error_of_postgres_is_judged_by_its_sqlstate(
    connection: sa.Connection, sqlstate: str, kind: str, *, expected: bool
) -> None:
    """Half of these are an OperationalError to psycopg2, the wrong password too."""
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")

    assert type(caught.value.orig).__name__ == kind
    assert is_transient(caught.value) is expected


def test_a_table_that_is_missing_is_permanent_also_while_a_lost_connection_is_handled() -> None:
    missing = psycopg2.errors.lookup("42P01")()
    missing.__context__ = ConnectionResetError()

    assert not is_transient(missing)


@pytest.mark.parametrize("wrong", [{"user": "nobody"}, {"dbname": "nowhere"}], ids=str)
def test_a_login_that_the_server_refuses_is_permanent(connection: sa.Connection, wrong: dict[str, str]) -> None:
    address = connection.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(address, **wrong)

    assert not is_transient(caught.value)


def test_a_database_that_does_not_answer_is_transient_through_sqlalchemy() -> None:
    engine = sa.create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 2})

    with pytest.raises(sqlalchemy.exc.OperationalError) as caught:
        engine.connect()

    assert is_transient(caught.value)


def test_a_server_that_does_not_answer_is_transient_through_urllib() -> None:
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen("http://127.0.0.1:1/", timeout=2)

    assert is_transient(caught.value)
