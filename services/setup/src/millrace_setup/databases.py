"""Postgres as the platform expects it: databases, roles, their rights and their passwords.

What belongs here: who may connect to what and own what. What does not: tables, which each owner makes.

A domain's role owns one schema of its own name in `sources` and in `catalog`, finds it first, and reaches nothing else.
Its runs write their events with the role `dagster`. The exporter reads Dagster's tables and the catalogs, and writes
nothing anywhere. Every statement can be repeated, because this runs at each start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 psycopg2 names its class in lower case
from psycopg2.extensions import encrypt_password

from millrace_setup.errors import PartedVolumesError, SetupError
from millrace_setup.patience import when_it_answers
from millrace_setup.settings import EXPORTER, Settings

SUPERUSER = "postgres"
SHARED = ("sources", "catalog")
_CONNECT = "GRANT CONNECT ON DATABASE {} TO {}"
_LOCK = 6471  # any number: two of these at once would both make what is missing


class _StartingError(Exception):
    """The server is not ready yet."""


@dataclass(frozen=True)
class Address:
    """Where the server is."""

    host: str
    port: int


def set_up_databases(settings: Settings) -> None:
    """Bring the server to what the settings say.

    Raises:
        PartedVolumesError: It refuses the superuser's password.
        SetupError: It does not answer, or refuses a statement.
    """
    host, _, port = settings.postgres.rpartition(":")
    address = Address(host, int(port))
    for role in _who_sign_in(settings):
        if role not in settings.roles:
            raise SetupError(f"role {role} has no password in the master volume; run the secrets service again")
    server = when_it_answers(
        "postgres",
        lambda: _connect(address, settings.superuser_password, SUPERUSER),
        (_StartingError,),
        settings.deadline_seconds,
    )
    try:
        _run(server, sql.SQL("SELECT pg_advisory_lock({})").format(sql.Literal(_LOCK)))
        _roles(server, settings)
        _databases(server, settings.domains)
        for name in ("dagster", *SHARED):
            database = _connect(address, settings.superuser_password, name)
            try:
                if name == "dagster":
                    _run(database, *_looks_at("public", "dagster"))
                else:
                    _schemas(database, name, settings.domains)
            finally:
                database.close()
        _sign_ins(server, settings)  # last: who waits to be let in finds all of it
    except psycopg2.Error as error:
        raise SetupError(f"postgres: {' '.join(str(error).split())}") from error
    finally:
        server.close()


def _connect(address: Address, password: str, database: str) -> Connection:
    try:
        connection = psycopg2.connect(
            host=address.host,
            port=address.port,
            user=SUPERUSER,
            password=password,
            dbname=database,
            connect_timeout=5,
            application_name="millrace-setup",
        )
    except psycopg2.OperationalError as error:
        # psycopg2 gives a refused connection no code, only the server's text.
        if "password authentication failed" in str(error):
            raise PartedVolumesError("postgres", "the superuser's password in the master volume") from error
        raise _StartingError(str(error)) from error
    connection.autocommit = True  # CREATE DATABASE takes no transaction
    return connection


def _run(connection: Connection, *statements: sql.Composable) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _exists(server: Connection, catalog: str, column: str, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = {}")
    return bool(_run(server, query.format(sql.Identifier(catalog), sql.Identifier(column), sql.Literal(name))))


def _who_sign_in(settings: Settings) -> tuple[str, ...]:
    return "dagster", "metrics", EXPORTER, *settings.domains


def _roles(server: Connection, settings: Settings) -> None:
    for name in _who_sign_in(settings):
        _role(server, name)
    for name in SHARED:
        _role(server, name)  # owns the database of its name; nobody signs in as it
    _run(server, sql.SQL("GRANT pg_monitor TO metrics"))
    # What it asks is cheap by the indexes that it uses; should one be missing, it must not hold up the server.
    for setting in ("default_transaction_read_only = on", "statement_timeout = '10s'"):
        _run(server, sql.SQL("ALTER ROLE {} SET " + setting).format(sql.Identifier(EXPORTER)))


def _role(server: Connection, name: str) -> None:
    role = sql.Identifier(name)
    if not _exists(server, "pg_roles", "rolname", name):
        _run(server, sql.SQL("CREATE ROLE {}").format(role))
    rights = sql.SQL("ALTER ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
    _run(server, rights.format(role))


def _sign_ins(server: Connection, settings: Settings) -> None:
    for name in _who_sign_in(settings):
        # Hashed here: a plain password in a statement ends up in logs and in statistics.
        hashed = encrypt_password(settings.roles[name], name, server, "scram-sha-256")
        _run(server, sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(hashed)))


def _databases(server: Connection, domains: Iterable[str]) -> None:
    reachable = {
        "dagster": ["dagster", EXPORTER],
        "sources": list(domains),
        "catalog": [*domains, EXPORTER],
        "postgres": ["metrics"],
    }
    for name in ("dagster", *SHARED):
        if not _exists(server, "pg_database", "datname", name):
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            _run(server, create.format(sql.Identifier(name), sql.Identifier(name)))
    for name in (*reachable, "template1"):
        # Every role may connect to every database until this is taken back.
        _run(server, sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    for name, roles in reachable.items():
        for role in roles:
            grant = sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}" if role != EXPORTER else _CONNECT)
            _run(server, grant.format(sql.Identifier(name), sql.Identifier(role)))


def _schemas(database: Connection, name: str, domains: Iterable[str]) -> None:
    _run(database, sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    for domain in domains:
        role = sql.Identifier(domain)
        _run(
            database,
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(role, role),
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(role, sql.Identifier(name), role),
        )
        if name == "catalog":
            _run(database, *_looks_at(domain, domain))


def _looks_at(schema: str, owner: str) -> list[sql.Composable]:
    """The exporter may read a schema's tables, also those that its owner has yet to make."""
    names = {"schema": sql.Identifier(schema), "owner": sql.Identifier(owner), "exporter": sql.Identifier(EXPORTER)}
    statements = (
        "GRANT USAGE ON SCHEMA {schema} TO {exporter}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {exporter}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {exporter}",
    )
    return [sql.SQL(statement).format(**names) for statement in statements]
