"""The exporter: what a poll costs at a long history against a short one, and what 2,000 assets cost.

Two databases with Dagster's tables, one with 24,000 events of 1,000 runs, one with 1.2 million of 50,000. The same few
runs are added to both, both are polled in turn, and the median of many rounds counts. Then the exporter itself, as a
process before a webserver that knows 2,000 assets in five locations, is asked for its metrics again and again.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
from dagster_postgres import DagsterPostgresStorage

from figures import Figure
from millrace.embedded.postgres import postgres_server
from millrace.testing.history import History
from millrace_exporter.exporter import Exporter
from millrace_exporter.settings import Settings

FEW_RUNS, MANY_RUNS = 1_000, 50_000
ASSETS_PER_RUN = 3
EVENTS_PER_RUN = 24
ROUNDS = 31
NEW_RUNS = 5
ASSETS, LOCATIONS = 2_000, 5
SCRAPES = 60
POLLED = ("runs", "assets", "checks", "freshness", "instigators", "daemons", "backfills", "pools")


def figures() -> Iterator[Figure]:
    """Queries, rows and seconds of a poll; seconds of a scrape; memory."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name, postgres_server(Path(name) / "pg") as url:
        folder = Path(name)
        few = _database(url, "few", FEW_RUNS)
        many = _database(url, "many", MANY_RUNS)
        data = f"{MANY_RUNS * EVENTS_PER_RUN:,} events against {FEW_RUNS * EVENTS_PER_RUN:,}"
        yield from _polls(folder, few, many, data)
        yield from _process(folder, _database(url, "assets", ASSETS, assets=ASSETS))


def _database(url: str, name: str, runs: int, assets: int = 200) -> str:
    """Address of a new database with a history of that many runs, over a month."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    server = psycopg2.connect(host=host, user="postgres", dbname="postgres")
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE {name}")
    server.close()
    DagsterPostgresStorage(url.replace("/postgres?", f"/{name}?"), should_autocreate_tables=True)
    address = f"host={host} dbname={name} user=postgres"
    History(address).write(
        runs=runs,
        assets=assets,
        end=time.time() - 60,
        seconds=30 * 86400,
        assets_per_run=ASSETS_PER_RUN,
        ticks=runs,
    )
    return address


def _polls(folder: Path, few: str, many: str, data: str) -> Iterator[Figure]:
    exporters = {address: _caught_up(folder / str(place), address) for place, address in enumerate((few, many))}
    history = {address: History(address) for address in exporters}
    seconds: dict[str, list[float]] = {few: [], many: []}
    spent: dict[str, tuple[int, int]] = {}
    for number in range(ROUNDS):
        for address in (few, many) if number % 2 else (many, few):
            _add(history[address])
            before = _spent(exporters[address])
            started = time.perf_counter()
            exporters[address].poll(*POLLED)
            seconds[address].append(time.perf_counter() - started)
            after = _spent(exporters[address])
            spent[address] = (after[0] - before[0], after[1] - before[1])
    for exporter in exporters.values():
        exporter.close()
    target = "≤ 1.1 × a fiftieth of the history"
    for place, name in enumerate(("queries", "rows")):
        value, baseline = spent[many][place], spent[few][place]
        yield Figure(f"exporter_poll_{name}", value, name, baseline, target, 1.1, data)
    value, baseline = statistics.median(seconds[many]), statistics.median(seconds[few])
    yield Figure("exporter_poll_seconds", value, "s", baseline, target, 1.1, f"{data}, median of {ROUNDS}")


def _caught_up(folder: Path, address: str) -> Exporter:
    """An exporter that has taken in all there is, and whose overlap has passed."""
    clock = [0.0]

    def grown() -> float:
        clock[0] += 30.0
        return clock[0]

    exporter = Exporter(Settings(database=address, checkpoints=folder), clock=grown)
    exporter.restore()
    for _ in range(8):
        told = exporter.poll()
        if not all(told.values()):
            raise SystemExit(f"bench: a poll failed: {told}")
    return exporter


def _add(history: History) -> None:
    history.write(
        runs=NEW_RUNS,
        assets=200,
        end=time.time(),
        seconds=1,
        assets_per_run=ASSETS_PER_RUN,
        ticks=5,
        analyze=False,
    )


def _spent(exporter: Exporter) -> tuple[int, int]:
    databases = exporter._databases
    queries = sum(count for one in databases for count in one.queries.values())
    return queries, sum(count for one in databases for count in one.rows.values())


def _process(folder: Path, address: str) -> Iterator[Figure]:
    with _webserver() as webserver, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        settings = {
            "EXPORTER_LISTEN": f"127.0.0.1:{port}",
            "EXPORTER_DATABASE": address,
            "EXPORTER_WEBSERVER": webserver,
            "EXPORTER_CHECKPOINTS": str(folder / "process"),
            "EXPORTER_LOOK_BACK_HOURS": "1000",
            "MALLOC_ARENA_MAX": "2",  # as in the image
        }
        command = [str(Path(sys.executable).parent / "millrace-exporter")]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}/metrics"
            content = _until(address, f'dagster_asset_freshness_state{{asset_key="cleaned_thing_{ASSETS - 1}"}}')
            time.sleep(20)  # some polls with everything in place
            times = []
            for _ in range(SCRAPES):
                started = time.perf_counter()
                content = _get(address)
                times.append(time.perf_counter() - started)
                time.sleep(0.1)
            memory = _peak_bytes(process.pid) / 2**20
        finally:
            process.terminate()
            process.wait(30)
    series = sum(not line.startswith("#") for line in content.splitlines())
    data = f"{ASSETS:,} assets in {LOCATIONS} locations, {series:,} series, {len(content) / 1e6:.1f} MB"
    seconds = statistics.median(times)
    yield Figure("exporter_scrape_seconds", seconds, "s", 0.02, "≤ 20 ms", 1.0, f"{data}, median of {SCRAPES}")
    yield Figure("exporter_peak_memory", memory, "MiB", 256.0, "≤ 256 MiB", 1.0, data)


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  # an address of this module
        return answer.read().decode()


def _until(address: str, wanted: str) -> str:
    deadline = time.monotonic() + 300
    while True:
        try:
            content = _get(address)
            if wanted in content:
                return content
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: the exporter does not show {wanted}")
        time.sleep(0.5)


def _peak_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    fields: dict[str, Any] = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) * 1024


@contextmanager
def _webserver() -> Generator[str]:
    """Answers as Dagster's webserver would that has the assets of the history in its locations."""
    locations = [f"location_{number}" for number in range(LOCATIONS)]
    entries = [
        {
            "name": name,
            "loadStatus": "LOADED",
            "versionKey": "1",
            "updatedTimestamp": 1.0,
            "displayMetadata": [],
            "locationOrLoadError": {"__typename": "RepositoryLocation", "repositories": [{"name": "r"}]},
        }
        for name in locations
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "workspaceOrError" in asked["query"]:
                data: dict[str, Any] = {
                    "workspaceOrError": {"__typename": "Workspace", "locationEntries": entries},
                    "instance": {"daemonHealth": {"allDaemonStatuses": []}},
                }
            else:
                node = _repository(locations.index(asked["variables"]["location"]))
                data = {"repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": [node]}}
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that it is called by
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _repository(location: int) -> dict[str, Any]:
    policy = {"__typename": "TimeWindowFreshnessPolicy", "failWindowSeconds": 93600, "warnWindowSeconds": 43200}
    assets = [
        {
            "assetKey": {"path": [f"cleaned_thing_{number}"]},
            "groupName": "clean",
            "kinds": ["parquet", "polars"],
            "isAutoCreatedStub": False,
            "owners": [{"__typename": "TeamAssetOwner", "team": "collections"}],
            "internalFreshnessPolicy": policy,
            "partitionDefinition": None,
            "newest": None,
        }
        for number in range(location, ASSETS, LOCATIONS)
    ]
    jobs = [{"name": f"job_{number}"} for number in range(10)]
    return {"jobs": jobs, "schedules": [], "sensors": [], "assetNodes": assets}
