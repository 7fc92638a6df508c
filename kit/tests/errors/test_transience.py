"""Which failures may go away by themselves."""

import errno
import socket
import urllib.error
import urllib.request

import psycopg2
import pytest
import sqlalchemy as sa
import sqlalchemy.exc

from millrace.errors import (
    ConfigurationError,
    PermanentError,
    SourceMissingError,
    SourceUnavailableError,
    SourceUnreadableError,
    StageMissingError,
    TransientError,
    is_transient,
)


class SlowDown(Exception):  # noqa: N818  # S3's name for throttling
    """What a client of an object store raises."""


def wrapped(outer: Exception, *inner: Exception) -> Exception:
    """`outer`, raised from the next, and so on."""
    current = outer
    for cause in inner:
        current.__cause__ = cause
        current = cause
    return outer


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
        SlowDown(),
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


def test_a_database_that_does_not_answer_is_transient_through_sqlalchemy() -> None:
    engine = sa.create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 2})

    with pytest.raises(sqlalchemy.exc.OperationalError) as caught:
        engine.connect()

    assert is_transient(caught.value)


def test_a_server_that_does_not_answer_is_transient_through_urllib() -> None:
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen("http://127.0.0.1:1/", timeout=2)

    assert is_transient(caught.value)
