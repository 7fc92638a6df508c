"""What the exporter asks besides Dagster's database, made up, at the size that is being measured.

One HTTP server answers as Dagster's webserver, docker_gate and an object store would, one gRPC server as code servers;
an Iceberg catalog lies in a schema of the database, its tables' files in a folder. What belongs here: answers in the
shape that the real ones have. What does not: what is measured. There is nothing that speaks Bolt, so Neo4j is left out.
"""

import json
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pyarrow as pa
import sqlalchemy
from pyiceberg.catalog.sql import SqlCatalog

LOCATIONS = 5
JOBS, SCHEDULES, SENSORS = 10, 20, 5  # of each location
CONTAINERS = 40
TABLES, COMMITS = 20, 5
PARTITIONED_EVERY = 10


@dataclass(frozen=True)
class Surroundings:
    """A platform around the exporter.

    Attributes:
        assets: How many there are, as the history names them, dealt out to the locations.
        partitions: Keys of the assets that have partitions, which every tenth has; the newest is the last.
        code_server: Host and port of the code servers.
        objects: Content of the object store by path.
    """

    assets: int
    partitions: list[str]
    code_server: str
    objects: dict[str, bytes] = field(default_factory=dict)

    def workspace(self) -> dict[str, Any]:
        """Every location, loaded."""
        host, _, port = self.code_server.rpartition(":")
        entries = [
            {
                "name": f"location_{number}",
                "loadStatus": "LOADED",
                "versionKey": "1",
                "updatedTimestamp": 1.0,
                "displayMetadata": [{"key": "host", "value": host}, {"key": "port", "value": port}],
                "locationOrLoadError": {"__typename": "RepositoryLocation", "repositories": [{"name": "r"}]},
            }
            for number in range(LOCATIONS)
        ]
        daemons = [{"daemonType": one, "required": True} for one in ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR")]
        return {
            "workspaceOrError": {"__typename": "Workspace", "locationEntries": entries},
            "instance": {"daemonHealth": {"allDaemonStatuses": daemons}},
        }

    def repository(self, location: str) -> dict[str, Any]:
        """What a location defines."""
        place = int(location.removeprefix("location_"))
        node = {
            "jobs": [{"name": f"job_{number}"} for number in range(JOBS)],
            "schedules": [_schedule(place, number) for number in range(SCHEDULES)],
            "sensors": [_sensor(place, number) for number in range(SENSORS)],
            "assetNodes": [self._asset(number) for number in range(place, self.assets, LOCATIONS)],
        }
        return {"repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": [node]}}

    def keys(self, asked: list[dict[str, Any]]) -> dict[str, Any]:
        """Partitions of some assets."""
        return {"assetNodes": [{"assetKey": one, "partitionKeys": self.partitions} for one in asked]}

    def _asset(self, number: int) -> dict[str, Any]:
        partitioned = number % PARTITIONED_EVERY == 0
        definition = {"type": "TIME_WINDOW", "fmt": "%Y-%m-%d", "description": "Daily, starting 2026-01-01 UTC."}
        policy = {"__typename": "TimeWindowFreshnessPolicy", "failWindowSeconds": 93600, "warnWindowSeconds": 43200}
        return {
            "assetKey": {"path": [f"cleaned_thing_{number}"]},
            "groupName": "clean",
            "kinds": ["parquet", "polars"],
            "isAutoCreatedStub": False,
            "owners": [{"__typename": "TeamAssetOwner", "team": "collections"}],
            "internalFreshnessPolicy": policy,
            "partitionDefinition": definition if partitioned else None,
            "newest": {"results": self.partitions[:-4:-1]} if partitioned else None,
        }


def _schedule(place: int, number: int) -> dict[str, Any]:
    return {
        "name": f"schedule_{number}",
        "cronSchedule": "*/5 * * * *",
        "executionTimezone": "UTC",
        "defaultStatus": "RUNNING",
        "scheduleState": {"selectorId": f"schedule-{place}-{number}"},
    }


def _sensor(place: int, number: int) -> dict[str, Any]:
    """The first one is that whose ticks the history has."""
    return {
        "name": f"sensor_{number}",
        "minIntervalSeconds": 30,
        "defaultStatus": "RUNNING",
        "sensorState": {"selectorId": "selector" if place == number == 0 else f"sensor-{place}-{number}"},
    }


@contextmanager
def surroundings(assets: int, partitions: list[str]) -> Generator[str]:
    """All of it but the tables, which `tables` makes: the URL of the HTTP server."""
    pool = ThreadPoolExecutor(2)
    code_servers = grpc.server(pool, [_Pings()])
    port = code_servers.add_insecure_port("127.0.0.1:0")
    code_servers.start()
    handler = type("Handler", (_Handler,), {"around": Surroundings(assets, partitions, f"127.0.0.1:{port}")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        code_servers.stop(None).wait()
        pool.shutdown()


def tables(url: str, folder: Path) -> None:
    """Iceberg tables in a schema of a database.

    Args:
        url: The database, as SQLAlchemy takes it.
        folder: Where the tables' files go.
    """
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema("lake"))
    engine.dispose()
    of_schema = f"{url.partition('&options')[0]}&options=-csearch_path%3Dlake"
    catalog = SqlCatalog("lake", uri=of_schema, warehouse=f"file://{folder}")
    catalog.create_namespace("sales")
    rows = pa.table({"id": pa.array(range(1000), pa.int64())})
    for number in range(TABLES):
        table = catalog.create_table(f"sales.orders_{number}", rows.schema)
        for _ in range(COMMITS):
            table.append(rows)


class _Pings(grpc.GenericRpcHandler):
    """Answers every call with nothing, which a ping takes for an answer."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:  # noqa: ARG002
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


class _Handler(BaseHTTPRequestHandler):
    around: Surroundings

    def do_POST(self) -> None:
        asked = json.loads(self._body())
        query, variables = asked["query"], asked["variables"]
        if "workspaceOrError" in query:
            data = self.around.workspace()
        elif "partitionKeys" in query:
            data = self.around.keys(variables["keys"])
        else:
            data = self.around.repository(variables["location"])
        self._answer(json.dumps({"data": data}).encode())

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/containers/json":
            self._answer(json.dumps([{"Id": f"{n:064}", "Names": [f"/c-{n}"]} for n in range(CONTAINERS)]).encode())
        elif url.path.startswith("/containers/"):
            _, _, identifier, what = url.path.split("/")
            self._answer(json.dumps(_inspected(identifier) if what == "json" else _STATS).encode())
        elif url.query.startswith("location"):
            self._answer(b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
        else:
            self._answer(self.around.objects[url.path])

    def do_PUT(self) -> None:
        self.around.objects[urlsplit(self.path).path] = self._body()
        self._answer(b"")

    def do_DELETE(self) -> None:
        del self.around.objects[urlsplit(self.path).path]
        self._answer(b"", 204)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that it is called by
        pass


def _inspected(identifier: str) -> dict[str, Any]:
    number = int(identifier)
    return {
        "Id": identifier,
        "Name": f"/platform-service-{number}-1",
        "Config": {"Labels": {"com.docker.compose.service": f"service-{number}"}},
        "State": {"Running": True, "OOMKilled": False, "StartedAt": "2026-11-20T00:00:00Z", "FinishedAt": ""},
        "HostConfig": {"Memory": 256 << 20},
        "RestartCount": 0,
    }


_STATS = {
    "cpu_stats": {"cpu_usage": {"total_usage": 10**10}, "throttling_data": {"periods": 1, "throttled_periods": 0}},
    "memory_stats": {"usage": 100 << 20, "stats": {"inactive_file": 10 << 20}},
    "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 1}},
}
