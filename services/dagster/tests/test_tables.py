"""Dagster's tables, made on a real Postgres by a process of its own, which waits until it may."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 psycopg2 names its class in lower case

from millrace.embedded.postgres import postgres_server
from millrace_dagster.tables import make_tables

OF_EACH_STORAGE = {"runs", "event_logs", "job_ticks", "alembic_version"}


@pytest.fixture
def superuser(tmp_path: Path) -> Generator[Connection]:
    with postgres_server(tmp_path / "cluster") as address:
        connection = psycopg2.connect(
            host=parse_qs(urlsplit(address).query)["host"][0], user="postgres", dbname="postgres"
        )
        connection.autocommit = True
        yield connection
        connection.close()


@pytest.fixture
def home(superuser: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose instance is kept as the role dagster, which does not exist yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    address = f"postgresql+psycopg2://dagster@/dagster?host={superuser.info.host}"
    (folder / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{address}'}}}}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def let_in(superuser: Connection) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("CREATE ROLE dagster")
        cursor.execute("CREATE DATABASE dagster OWNER dagster")
        cursor.execute("ALTER ROLE dagster LOGIN")


def tables(superuser: Connection) -> set[str]:
    connection = psycopg2.connect(host=superuser.info.host, user="postgres", dbname="dagster")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = 'dagster'")
        found = {name for (name,) in cursor.fetchall()}
    connection.close()
    return found


@pytest.mark.usefixtures("home")
def test_it_waits_until_set_up_lets_it_in_and_makes_the_tables_of_every_storage(superuser: Connection) -> None:
    command = [sys.executable, "-m", "millrace_dagster.tables"]
    process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(5)
    assert process.poll() is None, process.communicate()[0]

    let_in(superuser)
    said, _ = process.communicate(timeout=120)

    assert process.returncode == 0, said
    assert tables(superuser) >= OF_EACH_STORAGE


@pytest.mark.usefixtures("home")
def test_a_second_time_changes_nothing(superuser: Connection) -> None:
    let_in(superuser)
    make_tables()
    before = tables(superuser)

    make_tables()

    assert tables(superuser) == before


@pytest.mark.usefixtures("home")
def test_a_role_that_is_never_let_in_is_one_line() -> None:
    with pytest.raises(SystemExit, match=r'did not let Dagster in within 0 s .*role "dagster" does not exist.*`setup`'):
        make_tables(within_seconds=0)
