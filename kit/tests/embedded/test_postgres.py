"""A cluster survives whatever ended its last user, and its server ends with its last user."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from millrace.embedded.postgres import postgres_server

# Makes a table on a cluster and stays until it is killed.
USER = """
import sys, time
from pathlib import Path
import sqlalchemy as sa
from millrace.embedded.postgres import postgres_server

with postgres_server(Path(sys.argv[1])) as url:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE kept AS SELECT 7 AS number"))
        connection.execute(sa.text("CHECKPOINT"))  # commits are asynchronous: a killed server loses the last moment
    print("made", flush=True)
    time.sleep(600)
"""


def sql(url: str, statement: str) -> Sequence[Any]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        return result.scalars().all() if result.returns_rows else []


def server_process(cluster: Path) -> psutil.Process | None:
    """The running server of a cluster."""
    file = cluster / "postmaster.pid"
    if not file.exists():
        return None
    number = int(file.read_text().splitlines()[0])
    return psutil.Process(number) if psutil.pid_exists(number) else None


def kill_a_user_of(cluster: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", USER, str(cluster)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "made\n"
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("server_too", [False, True], ids=["user", "user_and_server"])
def test_after_a_kill_the_data_is_there_and_the_server_still_ends_with_its_last_user(
    tmp_path: Path, *, server_too: bool
) -> None:
    cluster = tmp_path / "postgres"
    kill_a_user_of(cluster)
    server = server_process(cluster)
    assert server is not None, "a killed user leaves the server running; else this proves nothing"
    if server_too:
        server.kill()
        server.wait(20)

    with postgres_server(cluster) as url:
        assert sql(url, "SELECT number FROM kept") == [7]

    assert server_process(cluster) is None


def test_a_cluster_that_was_killed_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres"
    (cluster / "base").mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("18\n")  # the wheel takes this file for a whole cluster

    with postgres_server(cluster) as url:
        assert sql(url, "SELECT 1") == [1]

    assert (tmp_path / "postgres.ready").exists()


def test_a_cluster_keeps_its_data_from_one_use_to_the_next(tmp_path: Path) -> None:
    cluster = tmp_path / "new" / "postgres"
    with postgres_server(cluster) as url:
        sql(url, "CREATE TABLE kept AS SELECT 7 AS number")

    with postgres_server(cluster) as url:
        assert sql(url, "SELECT number FROM kept") == [7]
        assert sql(url, "SHOW synchronous_commit") == ["off"]


def test_a_server_is_stopped_when_its_user_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broke off"), postgres_server(tmp_path / "postgres"):
        raise ValueError("broke off")

    assert server_process(tmp_path / "postgres") is None
