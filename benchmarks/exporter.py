"""The exporter: what a poll costs at a long history against a short one, and what many assets cost.

Two databases with Dagster's tables, one with 24,000 events of 1,000 runs, one with 1.2 million of 50,000. The same few
runs are added to both, both are polled in turn, and the median of many rounds counts. Every statement that a poll of
the long one issues, a cold start's among them, is planned by Postgres. Then the exporter itself, as a process on the
long history and before everything that `surroundings` makes up, is asked for its metrics again and again: with 2,000
assets in five locations, and with 2,000 in each of the five.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
from dagster_postgres import DagsterPostgresStorage

from figures import Figure
from millrace.embedded.postgres import postgres_server
from millrace.testing.history import History
from millrace.testing.plans import SEQUENTIAL, scans
from millrace_exporter.exporter import Exporter
from millrace_exporter.families import FAMILIES
from millrace_exporter.settings import Settings
from millrace_exporter.sources.database import Parameters
from surroundings import CONTAINERS, LOCATIONS, PARTITIONED_EVERY, SCHEDULES, SENSORS, TABLES, surroundings, tables

ROOT = Path(__file__).parents[1]
FEW_RUNS, MANY_RUNS = 1_000, 50_000
ASSETS_PER_RUN = 3
EVENTS_PER_RUN = 24
POLLED_ASSETS = 200
ROUNDS = 31
NEW_RUNS = 5
ASSETS = (2_000, 2_000 * LOCATIONS)
SCRAPES = 60
POLLED = ("runs", "assets", "checks", "freshness", "instigators", "daemons", "backfills", "pools", "partitions")
DROPPED = "millrace_exporter_series_dropped_total"
LARGE_TABLES = ("runs", "event_logs", "run_tags", "job_ticks")
# So many that an asset has the same ones however long the history is: assets take turns in a multiple of it.
DAYS = 20


def figures() -> Iterator[Figure]:
    """Queries, rows and seconds of a poll; its plans; seconds of a scrape; memory."""
    today = datetime.now(UTC)
    days = [f"{today - timedelta(days=one):%Y-%m-%d}" for one in reversed(range(DAYS))]
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name, postgres_server(Path(name) / "pg") as url:
        folder = Path(name)
        few = _database(url, "few", FEW_RUNS, days)
        many = _database(url, "many", MANY_RUNS, days)
        with surroundings(POLLED_ASSETS, days) as around:
            yield from _polls(folder, few, many, around, days)
            yield _plans(folder, many, around)
        tables(_named(url, "many"), folder / "lake")
        program = _installed(folder / "environment")
        for assets in ASSETS:
            _history(many, assets * 2 // ASSETS_PER_RUN + 1, assets, 600, days)  # each asset twice
            with surroundings(assets, days) as around:
                yield from _process(folder / f"{assets}", program, many, around, assets)


def _database(url: str, name: str, runs: int, days: list[str]) -> str:
    """Address of a new database with a history of that many runs, over a month."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    server = psycopg2.connect(host=host, user="postgres", dbname="postgres")
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE {name}")
    server.close()
    DagsterPostgresStorage(_named(url, name), should_autocreate_tables=True)
    address = f"host={host} dbname={name} user=postgres"
    _history(address, runs, POLLED_ASSETS, 30 * 86400, days)
    return address


def _named(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


def _history(address: str, runs: int, assets: int, seconds: float, days: list[str]) -> None:
    History(address).write(
        runs=runs,
        assets=assets,
        end=time.time() - 60,
        seconds=seconds,
        assets_per_run=ASSETS_PER_RUN,
        ticks=runs,
        partitions=days,
    )


def _polls(folder: Path, few: str, many: str, around: str, days: list[str]) -> Iterator[Figure]:
    both = enumerate((few, many))
    exporters = {address: _caught_up(folder / str(place), address, around) for place, address in both}
    history = {address: History(address) for address in exporters}
    seconds: dict[str, list[float]] = {few: [], many: []}
    spent: dict[str, tuple[int, int]] = {address: _spent(exporter) for address, exporter in exporters.items()}
    for number in range(ROUNDS):
        for address in (few, many) if number % 2 else (many, few):
            _add(history[address], days)
            started = time.perf_counter()
            exporters[address].poll(*POLLED)
            seconds[address].append(time.perf_counter() - started)
    for address, exporter in exporters.items():
        (queries, rows), after = spent[address], _spent(exporter)
        spent[address] = (after[0] - queries, after[1] - rows)
        exporter.close()
    data = f"{MANY_RUNS * EVENTS_PER_RUN:,} events against {FEW_RUNS * EVENTS_PER_RUN:,}"
    target = "≤ 1.1 × a fiftieth of the history"
    for place, name in enumerate(("queries", "rows")):
        value, baseline = spent[many][place], spent[few][place]
        yield Figure(f"exporter_poll_{name}", value, name, baseline, target, 1.1, f"{data}, sum of {ROUNDS} polls")
    value, baseline = statistics.median(seconds[many]), statistics.median(seconds[few])
    yield Figure("exporter_poll_seconds", value, "s", baseline, target, 1.1, f"{data}, median of {ROUNDS}")


def _caught_up(folder: Path, address: str, around: str) -> Exporter:
    """An exporter that has taken in all there is, and whose overlap has passed."""
    clock = [0.0]

    def grown() -> float:
        clock[0] += 30.0
        return clock[0]

    exporter = Exporter(Settings(database=address, webserver=around, checkpoints=folder), clock=grown)
    exporter.restore()
    for _ in range(8):
        told = exporter.poll()
        if not all(told.values()):
            raise SystemExit(f"bench: a poll failed: {told}")
    return exporter


def _add(history: History, days: list[str]) -> None:
    history.write(
        runs=NEW_RUNS,
        assets=POLLED_ASSETS,
        end=time.time(),
        seconds=1,
        assets_per_run=ASSETS_PER_RUN,
        ticks=5,
        partitions=days,
        analyze=False,
    )


def _spent(exporter: Exporter) -> tuple[int, int]:
    databases = exporter._databases
    queries = sum(count for one in databases for count in one.queries.values())
    return queries, sum(count for one in databases for count in one.rows.values())


def _plans(folder: Path, address: str, around: str) -> Figure:
    """Sequential scans of large tables among all scans of large tables, of what a cold start and a later poll ask."""
    asked: list[tuple[str, Parameters]] = []
    exporter = Exporter(
        Settings(database=address, webserver=around, checkpoints=folder / "plans"),
        watch=lambda statement, parameters: asked.append((statement, parameters)),
    )
    exporter.restore()
    for _ in range(3):
        exporter.poll("workspace")
        exporter.poll()
        _add(History(address), [])
    exporter.close()
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
    found = [one for one in scans(address, asked) if one.relation in LARGE_TABLES]
    sequential = [one for one in found if one.node == SEQUENTIAL]
    for one in sequential:
        print(f"bench: {SEQUENTIAL} of {one.relation}: {' '.join(one.statement.split())}", file=sys.stderr)
    kinds = ", ".join(f"{count} {node}" for node, count in sorted(Counter(one.node for one in found).items()))
    data = (
        f"{len({statement for statement, _ in asked})} statements, issued {len(asked)} times in 3 polls from a cold "
        f"start on {MANY_RUNS:,} runs and {MANY_RUNS * EVENTS_PER_RUN:,} events, after ANALYZE; "
        f"scans of {', '.join(LARGE_TABLES)}: {kinds}"
    )
    target = "no sequential scan of a large table"
    return Figure("exporter_sequential_scans", len(sequential), "scans", len(found), target, 0.0, data)


def _installed(folder: Path) -> Path:
    """The exporter in an environment as its image has it: Neo4j's driver loads PyArrow wherever it finds that."""
    command = [os.environ["UV"], "sync", "--project", str(ROOT), "--python", sys.executable, "--frozen", "--no-dev"]
    command += ["--no-editable", "--package", "millrace-exporter", "--quiet"]
    command += ["--reinstall-package", "millrace-exporter"]  # or uv takes a wheel that it built of other sources
    subprocess.run(command, check=True, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)})
    return folder / "bin" / "millrace-exporter"


def _process(folder: Path, program: Path, address: str, around: str, assets: int) -> Iterator[Figure]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = "{}:{}".format(*free.getsockname())
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    for name in ("access", "secret"):
        (secrets / f"object_store_{name}_key").write_text("of no real store")
    settings = {
        "EXPORTER_LISTEN": listen,
        "EXPORTER_DATABASE": address,
        "EXPORTER_WEBSERVER": around,
        "EXPORTER_DOCKER": around,
        "EXPORTER_ICEBERG": address,
        "EXPORTER_OBJECT_STORE": around,
        "EXPORTER_SECRETS": str(secrets),
        "EXPORTER_CHECKPOINTS": str(folder),
        "EXPORTER_LOOK_BACK_HOURS": "1000",
        "EXPORTER_INTERVALS": "partitions=1",  # it counts twenty assets at a time
        "MALLOC_ARENA_MAX": "2",  # both as in the image
        "MALLOC_MMAP_THRESHOLD_": "131072",
    }
    process = subprocess.Popen([str(program)], env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
    url = f"http://{listen}/metrics"
    try:
        _until_whole(url, process, assets)
        time.sleep(20)  # some polls with everything in place
        times = []
        for _ in range(SCRAPES):
            started = time.perf_counter()
            content = _get(url)
            times.append(time.perf_counter() - started)
            time.sleep(0.1)
        memory = _peak_bytes(process.pid) / 2**20
    finally:
        process.terminate()
        process.wait(30)
    yield from _of_process(content, assets, statistics.median(times), memory)


def _of_process(content: str, assets: int, seconds: float, memory: float) -> Iterator[Figure]:
    series = [line for line in content.splitlines() if not line.startswith("#")]
    errors = [one for one in series if one.startswith("millrace_exporter_collector_errors_total")]
    failed = [one for one in errors if not one.endswith(" 0.0")]
    if failed:
        raise SystemExit(f"bench: collectors failed: {failed}")
    dropped = {one.rpartition('family="')[2].partition('"')[0] for one in series if one.startswith(DROPPED)}
    data = (
        f"{assets:,} assets in {LOCATIONS} locations, every tenth with {DAYS} partitions, on {MANY_RUNS:,} runs and "
        f"more; {LOCATIONS * SCHEDULES} schedules, {LOCATIONS * SENSORS} sensors, {CONTAINERS} containers, {TABLES} "
        f"Iceberg tables, no Neo4j; {len(series):,} series, {len(content) / 1e6:.1f} MB; "
        f"families above their cap: {', '.join(sorted(dropped)) or 'none'}"
    )
    name = f"exporter_{{}}_{assets}_assets".format
    target, most = ("≤ 20 ms", 1.0) if assets <= 2_000 else ("reported", None)
    yield Figure(name("scrape"), seconds, "s", 0.02, target, most, f"{data}; median of {SCRAPES}")
    room, words = (256.0, "≤ 256 MiB") if assets <= 2_000 else (384.0, "≤ 384 MiB, what its container may take")
    yield Figure(name("peak_memory"), memory, "MiB", room, words, 1.0, data)


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # an address of this module
        return answer.read().decode()


def _until_whole(address: str, process: subprocess.Popen[bytes], assets: int) -> None:
    """Wait until every collector shows all that there is, or all that its caps let through."""
    wanted = {
        "dagster_asset_info": assets,
        "dagster_asset_last_materialization_timestamp_seconds": assets,
        "dagster_asset_freshness_state": assets,
        "dagster_asset_check_status": assets,
        "dagster_asset_partitions": len(range(0, assets, PARTITIONED_EVERY)) * 4,
        "dagster_instigator_running": LOCATIONS * (SCHEDULES + SENSORS),
        "dagster_code_server_up": LOCATIONS,
        "container_running": CONTAINERS,
        "iceberg_table_rows": TABLES,
        "object_store_probe_seconds": 3,
    }
    deadline = time.monotonic() + 600
    while True:
        try:
            names = Counter(line.partition("{")[0] for line in _get(address).splitlines())
        except OSError:
            names = Counter()
        missing = {name: count for name, count in wanted.items() if names[name] < min(count, FAMILIES[name].cap)}
        if not missing:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: the exporter does not show {missing}, but {[names[one] for one in missing]}")
        time.sleep(0.5)


def _peak_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    fields: dict[str, Any] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) * 1024
