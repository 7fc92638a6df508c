"""Neo4j, the object store, Iceberg tables and containers: the real ones, and what is shown when they are gone."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import neo4j
import psycopg2
import pytest

from millrace.testing.fixtures import not_here
from millrace_exporter.checkpoint import Checkpoints
from millrace_exporter.collectors.containers import ContainersCollector
from millrace_exporter.collectors.iceberg import IcebergCollector
from millrace_exporter.collectors.neo4j import Neo4jCollector
from millrace_exporter.collectors.object_store import ObjectStoreCollector
from millrace_exporter.definitions import Definitions, Location, Workspace
from millrace_exporter.polling import Poller
from millrace_exporter.rendering import Exposition
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database
from millrace_exporter.sources.docker import Container, Docker

PASSWORD = "a password of some length"


def docker(*arguments: str) -> str:
    ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Generator[Neo4jCollector]:
    """A Neo4j of the platform's image, with a few nodes and an index."""
    image = "millrace/neo4j:dev"
    if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
        not_here(f"no Docker Engine here has the image {image}")
    name = f"exporter-test-{uuid4().hex[:8]}"
    secret = tmp_path_factory.mktemp("secrets") / "neo4j_password"
    secret.write_text(PASSWORD)
    docker(
        "run", "--detach", "--name", name, "--publish", "127.0.0.1::7687", "--env", f"NEO4J_AUTH=neo4j/{PASSWORD}",
        "--env", "NEO4J_server_memory_heap_initial__size=256m", "--env", "NEO4J_server_memory_heap_max__size=256m",
        "--env", "NEO4J_server_memory_pagecache_size=32m", image,
    )  # fmt: skip
    try:
        address = f"bolt://{docker('port', name, '7687/tcp').splitlines()[0]}"
        with neo4j.GraphDatabase.driver(address, auth=("neo4j", PASSWORD)) as driver:
            deadline = time.monotonic() + 120
            while True:
                with contextlib.suppress(Exception):
                    driver.verify_connectivity()
                    break
                assert time.monotonic() < deadline, docker("logs", name)
                time.sleep(0.5)
            driver.execute_query("CREATE (:Award {id: 1})-[:WON_BY]->(:Company {id: 2}), (:Award {id: 3})")
            driver.execute_query("CREATE INDEX award_id FOR (n:Award) ON (n.id)")
            driver.execute_query("CALL db.awaitIndexes(60)")
        collector = Neo4jCollector(address, "neo4j", secret, store=tmp_path_factory.getbasetemp())
        yield collector
        collector.close()
    finally:
        docker("rm", "--force", "--volumes", name)


@pytest.mark.compose
def test_neo4j_tells_its_heap_its_transactions_its_counts_and_its_indexes(graph: Neo4jCollector) -> None:
    samples = graph.poll()

    assert samples.problems == []
    values = {name: dict(series) for name, series in samples.values.items()}
    assert values["neo4j_up"] == {(): 1}
    assert 0 < values["neo4j_heap_used_bytes"][()] <= values["neo4j_heap_max_bytes"][()] == 256 << 20
    assert set(values["neo4j_gc_collections_total"]) == set(values["neo4j_gc_seconds_total"])
    assert values["neo4j_nodes"] == {("Award",): 2, ("Company",): 1}
    assert values["neo4j_relationships"] == {("WON_BY",): 1}
    assert values["neo4j_index_state"]["award_id", "online"] == 1
    assert values["neo4j_index_state"]["award_id", "failed"] == 0
    assert values["neo4j_transactions_active"] == {(): 0}  # its own are left out
    assert values["neo4j_store_bytes"][()] > 0


@pytest.mark.compose
def test_an_open_transaction_of_neo4j_is_seen_with_its_age(graph: Neo4jCollector) -> None:
    with (
        neo4j.GraphDatabase.driver(graph._address, auth=("neo4j", PASSWORD)) as driver,
        driver.session() as session,
        session.begin_transaction() as transaction,
    ):
        begun = time.time()
        transaction.run("RETURN 1").consume()
        samples = graph.poll()

    assert samples.values["neo4j_transactions_active"] == {(): 1}
    oldest = samples.values["neo4j_transactions_oldest_start_timestamp_seconds"][()]
    assert oldest == pytest.approx(begun, abs=30)


@pytest.mark.compose
def test_only_allowed_labels_are_counted_and_one_without_nodes_is_zero(graph: Neo4jCollector) -> None:
    chosen = Neo4jCollector(graph._address, "neo4j", graph._password_file, labels=("Award", "No`such"), types=("X",))
    try:
        samples = chosen.poll()
    finally:
        chosen.close()

    assert samples.values["neo4j_nodes"] == {("Award",): 2, ("No`such",): 0}
    assert samples.values["neo4j_relationships"] == {("X",): 0}


@pytest.mark.compose
def test_a_refused_password_is_down_and_a_problem(graph: Neo4jCollector, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("another")
    refused = Neo4jCollector(graph._address, "neo4j", tmp_path / "password")

    samples = refused.poll()

    assert samples.values == {"neo4j_up": {(): 0}}
    assert "AuthError" in samples.problems[0]


def test_a_neo4j_that_is_gone_is_down_and_nothing_else() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    samples = Neo4jCollector(f"bolt://127.0.0.1:{port}").poll()

    assert samples.values == {"neo4j_up": {(): 0}}
    assert len(samples.problems) == 1


def test_the_probe_puts_gets_deletes_and_leaves_nothing(object_store: Any) -> None:
    probe = ObjectStoreCollector(object_store.endpoint, object_store.bucket, object_store.secrets)

    samples = probe.poll()

    assert samples.problems == []
    assert samples.values["object_store_probe_success"] == {("put",): 1, ("get",): 1, ("delete",): 1}
    assert set(samples.values["object_store_probe_seconds"]) == {("put",), ("get",), ("delete",)}
    listed = list(probe._open().list_objects(bucket_name=object_store.bucket, prefix="probe/", recursive=True))
    assert listed == []


@pytest.mark.parametrize("broken", ["address", "bucket", "key"])
def test_a_store_that_cannot_be_used_fails_the_probe(object_store: Any, tmp_path: Path, broken: str) -> None:
    (tmp_path / "object_store_access_key").write_text(object_store.access_key)
    (tmp_path / "object_store_secret_key").write_text("of another time" if broken == "key" else object_store.secret_key)
    address = "http://127.0.0.1:1" if broken == "address" else object_store.endpoint
    bucket = "another" if broken == "bucket" else object_store.bucket

    samples = ObjectStoreCollector(address, bucket, tmp_path).poll()

    assert samples.values == {"object_store_probe_success": {("put",): 0, ("get",): 0, ("delete",): 0}}
    assert samples.problems[0].startswith("put: ")


@pytest.fixture
def lake(database: Any, object_store: Any) -> Any:
    """A catalog as a domain makes it: in a schema of its own, with its files in the object store."""
    from pyiceberg.catalog.sql import SqlCatalog

    database.run("CREATE SCHEMA commerce")
    options = "&options=-csearch_path%3Dcommerce"
    return SqlCatalog(
        "lake",
        uri=database.url.partition("&options")[0] + options,
        warehouse=f"s3://{object_store.bucket}/lake/{uuid4().hex}",
        **{
            "s3.endpoint": object_store.endpoint,
            "s3.access-key-id": object_store.access_key,
            "s3.secret-access-key": object_store.secret_key,
            "s3.region": "us-east-1",
        },
    )


def test_an_iceberg_table_tells_its_rows_files_and_snapshots(lake: Any, database: Any, object_store: Any) -> None:
    import pyarrow as pa

    lake.create_namespace("sales")
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64())})
    table = lake.create_table("sales.orders", rows.schema)
    lake.create_table("sales.empty", rows.schema)
    table.append(rows)
    table.append(rows)
    probe = ObjectStoreCollector(object_store.endpoint, object_store.bucket, object_store.secrets)
    collector = IcebergCollector(Database(database.address), probe._open)
    try:
        first = collector.poll()
        again = collector.poll()
        read = dict(collector._known)
        table.append(rows)
        later = collector.poll()
        lake.drop_table("sales.empty")
        fewer = collector.poll()
    finally:
        collector._database.close()

    assert first.problems == []
    key = ("sales", "orders")
    for family, expected in (
        ("iceberg_table_rows", 6),
        ("iceberg_table_files", 2),
        ("iceberg_table_snapshots", 2),
        ("iceberg_table_small_files", 2),
        ("iceberg_table_delete_files", 0),
    ):
        assert first.values[family][key] == expected, family
    assert first.values["iceberg_table_bytes"][key] > 0
    assert first.values["iceberg_table_last_commit_timestamp_seconds"][key] == pytest.approx(time.time(), abs=120)
    assert first.values["iceberg_table_rows"]["sales", "empty"] == 0
    assert ("sales", "empty") not in first.values["iceberg_table_last_commit_timestamp_seconds"]
    assert (again.values, read[key].values["iceberg_table_rows"]) == (first.values, 6)
    assert later.values["iceberg_table_rows"][key] == 9
    assert ("sales", "empty") not in fewer.values["iceberg_table_rows"]


def test_a_table_whose_metadata_is_gone_is_a_problem_and_the_others_are_told(
    lake: Any, database: Any, object_store: Any
) -> None:
    import pyarrow as pa

    lake.create_namespace("sales")
    for name in ("orders", "lost"):
        lake.create_table(f"sales.{name}", pa.schema([pa.field("id", pa.int64())]))
    database.run(
        "UPDATE commerce.iceberg_tables SET metadata_location = metadata_location || 'x' WHERE table_name = 'lost'"
    )
    probe = ObjectStoreCollector(object_store.endpoint, object_store.bucket, object_store.secrets)
    collector = IcebergCollector(Database(database.address), probe._open)
    try:
        samples = collector.poll()
    finally:
        collector._database.close()

    assert list(samples.values["iceberg_table_rows"]) == [("sales", "orders")]
    assert samples.problems[0].startswith("sales.lost: ")


def test_a_database_without_a_catalog_has_no_tables(database: Any) -> None:
    collector = IcebergCollector(Database(database.address))
    try:
        assert collector.poll().values == {}
    finally:
        collector._database.close()


def container(identifier: str, **changes: Any) -> Container:
    """A container of a service, as docker_gate shows it."""
    of_service = Container(
        identifier=identifier,
        name="millrace-museum-1",
        labels={"com.docker.compose.service": "museum"},
        running=True,
        healthy=True,
        started=1000.0,
        finished=None,
        memory_limit=100.0,
        restarts=0,
        oom_killed=False,
        figures={"memory_working_set_bytes": 50.0, "cpu_usage_seconds_total": 10.0},
    )
    return replace(of_service, **changes)


def a_run(identifier: str, **changes: Any) -> Container:
    labels = {"com.docker.compose.service": "museum-run", "millrace.job": "nightly_job", "millrace.run_id": identifier}
    return container(identifier, name=f"millrace-run-{identifier}", labels=labels, healthy=None, **changes)


class Scripted(Docker):
    """Containers that a test names."""

    def __init__(self) -> None:
        self.found: list[Container] = []

    def containers(self) -> tuple[list[Container], list[str]]:
        return self.found, []


RUN = ("run", "museum-run", "nightly_job")


def shown(scripted: Scripted, collector: ContainersCollector, *found: Container) -> Samples:
    scripted.found = list(found)
    return collector.poll()


def test_runs_of_a_job_are_one_series_without_their_ids_whose_counters_never_fall() -> None:
    scripted = Scripted()
    collector = ContainersCollector(scripted, Workspace())
    seconds = []
    for found in (
        [a_run("a")],
        [a_run("a"), a_run("b")],
        [a_run("b", figures={"memory_working_set_bytes": 90.0, "cpu_usage_seconds_total": 30.0})],
        [],
    ):
        samples = shown(scripted, collector, *found)
        seconds.append(samples.values["container_cpu_usage_seconds_total"][RUN])
        assert set(samples.values.get("container_running", {})) <= {RUN}

    assert seconds == [10, 20, 40, 40]


def test_of_several_the_fullest_is_shown_with_its_own_limit() -> None:
    scripted = Scripted()
    full = a_run("b", memory_limit=200.0, figures={"memory_working_set_bytes": 190.0})
    samples = shown(scripted, ContainersCollector(scripted, Workspace()), a_run("a"), full, a_run("c"))

    assert samples.values["container_memory_working_set_bytes"][RUN] == 190
    assert samples.values["container_spec_memory_limit_bytes"][RUN] == 200


def test_a_service_that_is_gone_loses_its_series_and_a_new_container_goes_on_counting() -> None:
    scripted = Scripted()
    collector = ContainersCollector(scripted, Workspace())
    key = ("millrace-museum-1", "museum", "")
    assert shown(scripted, collector, container("1")).values["container_cpu_usage_seconds_total"][key] == 10
    assert shown(scripted, collector, container("2")).values["container_cpu_usage_seconds_total"][key] == 20
    assert shown(scripted, collector).values == {}


def test_an_end_for_memory_counts_once_also_over_a_restart_of_the_exporter(tmp_path: Path) -> None:
    scripted = Scripted()
    checkpoints, exposition = Checkpoints(tmp_path), Exposition()
    killed = a_run("a", running=False, oom_killed=True, finished=2000.0, figures={})
    for _ in range(3):
        poller = Poller(ContainersCollector(scripted, Workspace()), checkpoints, exposition)
        poller.restore()
        scripted.found = [killed]
        assert poller.poll()
        assert poller.poll()

    line = 'container_oom_events_total{name="run",run_job="nightly_job",service="museum-run"} 1.0'
    assert line in exposition.text.decode()


def test_a_job_that_never_ran_has_no_end_for_memory_so_that_its_first_one_is_an_increase() -> None:
    workspace, scripted = Workspace(), Scripted()
    workspace.replace(Definitions().updated([Location("museum", jobs=("nightly_job",))], {}))
    collector = ContainersCollector(scripted, workspace)
    killed = a_run("a", running=False, oom_killed=True, finished=2000.0, figures={})

    found = [shown(scripted, collector, *one).values["container_oom_events_total"] for one in ([], [killed], [])]

    assert found == [{RUN: 0}, {RUN: 1}, {RUN: 1}]


@pytest.fixture
def gate(tmp_path: Path) -> Generator[tuple[str, str]]:
    """The real docker_gate before the real engine, with a project of its own: URL and project."""
    import asyncio
    import threading

    from millrace_docker_gate.engine import Engine
    from millrace_docker_gate.main import servers
    from millrace_docker_gate.settings import Settings

    project = f"exporter-test-{uuid4().hex[:8]}"
    settings = Settings(project=project, listeners={"exporter": "127.0.0.1:0"})
    made: list[Any] = []

    async def serve() -> None:
        engine = Engine(settings)
        made.extend(servers(settings, engine))
        try:
            await made[0].serve()
        finally:
            await engine.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    deadline = time.monotonic() + 20
    while not (made and made[0].started):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{made[0].servers[0].sockets[0].getsockname()[1]}", project
    finally:
        made[0].should_exit = True
        thread.join(20)


@pytest.mark.compose
def test_a_real_container_is_measured_through_the_real_gate(gate: tuple[str, str]) -> None:
    url, project = gate
    name = f"{project}-museum-1"
    docker(
        "run", "--detach", "--name", name, "--memory", "64m", "--cpus", "0.5", "--network", "none",
        "--label", f"com.docker.compose.project={project}", "--label", "com.docker.compose.service=museum",
        "debian:trixie-slim", "sh", "-c", "while :; do :; done",
    )  # fmt: skip
    source = Docker(url)
    try:
        collector = ContainersCollector(source, Workspace())
        collector.poll()
        time.sleep(2)
        samples = collector.poll()
        docker("kill", name)
        ended = collector.poll()
    finally:
        source.close()
        docker("rm", "--force", name)

    key = (name, "museum", "")
    assert samples.problems == []
    assert samples.values["container_running"] == {key: 1}
    assert samples.values["container_spec_memory_limit_bytes"][key] == 64 << 20
    assert 0 < samples.values["container_memory_working_set_bytes"][key] < 64 << 20
    assert samples.values["container_cpu_usage_seconds_total"][key] > 0.2
    assert samples.values["container_cpu_cfs_throttled_periods_total"][key] > 0
    assert samples.values["container_oom_events_total"][key] == 0
    assert samples.values["container_start_time_seconds"][key] == pytest.approx(time.time(), abs=60)
    assert ended.values["container_running"] == {key: 0}
    assert "container_memory_working_set_bytes" not in ended.values


def test_a_gate_that_is_gone_is_an_error_and_no_empty_platform() -> None:
    source = Docker("http://127.0.0.1:1")
    try:
        with pytest.raises(httpx.HTTPError):
            ContainersCollector(source, Workspace()).poll()
    finally:
        source.close()


def test_a_role_that_writes_is_refused_by_the_session(database: Any) -> None:
    """The exporter's own guard: the database's is in services/setup."""
    reader = Database(database.address)
    with pytest.raises(psycopg2.Error, match="read-only transaction"), reader.snapshot("test") as view:
        view.read("INSERT INTO kvs (key, value) VALUES ('a', 'b') RETURNING id")
    reader.close()
