"""Code locations: a real webserver, real code servers, and answers that are errors."""

import contextlib
import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from millrace_exporter.collectors.workspace import WorkspaceCollector
from millrace_exporter.definitions import Policy, Workspace
from millrace_exporter.exporter import Exporter
from millrace_exporter.families import COLLECTORS
from millrace_exporter.polling import Poller
from millrace_exporter.rendering import Exposition
from millrace_exporter.settings import Settings
from millrace_exporter.sources.code_server import CodeServers
from millrace_exporter.sources.graphql import Webserver

MUSEUM = """
import datetime as dt
import dagster as dg

@dg.asset(
    owners=["team:art", "a@example.org"], kinds={"parquet", "polars"}, group_name="publish",
    freshness_policy=dg.FreshnessPolicy.time_window(dt.timedelta(hours=26), dt.timedelta(hours=12)),
)
def published(): ...

@dg.asset(
    partitions_def=dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin"),
    freshness_policy=dg.FreshnessPolicy.cron("0 10 * * *", dt.timedelta(hours=1), "Europe/Berlin"),
)
def daily(): ...

@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["north", "south"]),
    freshness_policy=dg.FreshnessPolicy.time_window(dt.timedelta(hours=26)),
    deps=["elsewhere"],
)
def regions(): ...

job = dg.define_asset_job("nightly_job", selection=[published])

@dg.sensor(job=job, minimum_interval_seconds=45, default_status=dg.DefaultSensorStatus.RUNNING)
def watcher(): ...

defs = dg.Definitions(
    assets=[published, daily, regions], jobs=[job], sensors=[watcher],
    schedules=[
        dg.ScheduleDefinition(name="nightly", job=job, cron_schedule="15 2 * * *", execution_timezone="Europe/Berlin"),
        dg.ScheduleDefinition(name="twice", job=job, cron_schedule=["0 1 * * *", "0 13 * * *"]),
    ],
)
"""
ANSWERS_WITHIN_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def process(folder: Path, *arguments: str, **environment: str) -> Generator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", *arguments], env={**os.environ, **environment}, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


class Platform:
    """A webserver on two code locations: `museum` answers, `broken` has nobody at its address."""

    museum_server: subprocess.Popen[bytes]

    def __init__(self, folder: Path, database: Any) -> None:
        self.folder = folder
        self.port, self.museum, self.broken = free_port(), free_port(), free_port()
        (folder / "museum.py").write_text(MUSEUM)
        (folder / "dagster.yaml").write_text(json.dumps({"storage": {"postgres": {"postgres_url": database.url}}}))
        servers = [
            {"grpc_server": {"host": "127.0.0.1", "port": port, "location_name": name}}
            for name, port in (("museum", self.museum), ("broken", self.broken))
        ]
        (folder / "workspace.yaml").write_text(json.dumps({"load_from": servers}))
        self.stack = contextlib.ExitStack()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {"DAGSTER_HOME": str(self.folder), "DAGSTER_ENABLE_SERVER_METRICS": "true"}
        return self.stack.enter_context(process(self.folder, *arguments, **environment))

    def code_server(self) -> subprocess.Popen[bytes]:
        return self.start("dagster", "api", "grpc", "-f", "museum.py", "-h", "127.0.0.1", "-p", str(self.museum))

    def webserver(self) -> subprocess.Popen[bytes]:
        return self.start("dagster_webserver", "-h", "127.0.0.1", "-p", str(self.port), "-w", "workspace.yaml")

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
        while not holds():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def platform(make_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Generator[Platform]:
    made = Platform(tmp_path_factory.mktemp("platform"), make_database())
    with made.stack:
        made.museum_server = made.code_server()
        made.until(lambda: _listens(made.museum))
        made.webserver()
        made.until(lambda: _listens(made.port))
        yield made


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def known(watch: Any, database: Any, platform: Platform) -> Any:
    """An exporter that has asked the webserver once."""
    exporter = watch(database, webserver=platform.url)
    exporter.poll("workspace")
    return exporter


def test_a_broken_location_is_told_of_and_the_other_is_taken_in(known: Any) -> None:
    assert known.value("dagster_code_location_loaded", code_location="museum") == 1
    assert known.value("dagster_code_location_loaded", code_location="broken") == 0
    info = [dict(labels) for labels in known.all("dagster_asset_info")]
    assert {one["asset_key"] for one in info} == {"published", "daily", "regions"}  # and no stub of `elsewhere`
    (published,) = (one for one in info if one["asset_key"] == "published")
    assert published == {
        "asset_key": "published",
        "group": "publish",
        "code_location": "museum",
        "owner": "a@example.org,art",
        "kind": "parquet,polars",
    }


def test_definitions_are_what_the_code_says(known: Any) -> None:
    now = known.exporter.workspace.now
    museum = now.locations["museum"]
    assert "nightly_job" in museum.jobs
    assert now.assets["published"].policy == Policy(26 * 3600.0, 12 * 3600.0)
    assert now.assets["daily"].policy == Policy(3600.0, None, "0 10 * * *", "Europe/Berlin")
    daily = now.assets["daily"].partitions
    assert (daily.kind, daily.format, daily.timezone, len(daily.newest)) == (
        "TIME_WINDOW",
        "%Y-%m-%d",
        "Europe/Berlin",
        3,
    )
    assert now.assets["regions"].partitions.keys == ("north", "south")
    instigators = {one.name: one for one in museum.instigators}
    assert (instigators["watcher"].interval_seconds, instigators["watcher"].default_running) == (45, True)
    assert (instigators["nightly"].crons, instigators["nightly"].timezone) == (("15 2 * * *",), "Europe/Berlin")
    assert instigators["twice"].crons == ("0 1 * * *", "0 13 * * *")
    assert now.required["SENSOR"] is True
    assert now.required["SCHEDULER"] is True


def test_every_family_that_needs_definitions_is_there_from_the_start(known: Any) -> None:
    known.poll()

    seeded = {"code_location": "museum", "job_name": "nightly_job"}
    assert known.value("dagster_runs_completed_total", **seeded, status="failure") == 0
    assert known.value("dagster_runs_in_flight", **seeded, status="queued") == 0
    assert known.value("dagster_asset_materializations_total", asset_key="published") == 0
    assert known.value("dagster_asset_freshness_state", asset_key="published") == 3
    assert known.value("dagster_daemon_required", daemon_type="SENSOR") == 1
    assert known.value("dagster_instigator_running", code_location="museum", name="watcher", type="sensor") == 1


def test_a_partitioned_asset_is_counted_where_it_was_touched(known: Any, database: Any, tmp_path: Path) -> None:
    import dagster as dg

    with database.instance(tmp_path / "dagster") as instance:
        for day in ("2026-02-01", "2026-02-02", "2026-02-02"):
            instance.report_runless_asset_event(dg.AssetMaterialization("daily", partition=day))
    known.poll("partitions")
    every = known.all("dagster_asset_partitions")
    found = {dict(key)["state"]: value for key, value in every.items() if ("asset_key", "daily") in key}

    assert found["materialized"] == 2
    assert found["missing"] > 200
    assert (found["failed"], found["materializing"]) == (0, 0)
    regions = known.value("dagster_asset_partitions", asset_key="regions", state="missing")
    assert regions == 2


def test_a_ping_tells_how_fast_and_how_busy_a_code_server_is(known: Any) -> None:
    known.poll("code_servers")
    known.poll("code_servers")

    assert known.value("dagster_code_server_up", code_location="museum") == 1
    assert known.value("dagster_code_server_up", code_location="broken") == 0
    assert 0 < (known.value("dagster_code_server_ping_seconds", code_location="museum") or 0) < 5
    assert known.value("dagster_code_server_requests", code_location="museum", state="running") is not None
    assert known.value("dagster_code_server_requests", code_location="museum", state="queued") == 0
    assert known.value("dagster_code_server_ping_seconds", code_location="broken") is None


@contextlib.contextmanager
def hung(server: subprocess.Popen[bytes]) -> Generator[None]:
    """A process that takes connections, by its kernel, and answers nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def shown(exporter: Exporter, family: str) -> str | None:
    """The museum's value of a family of code servers, as it is served; None if there is none."""
    found = re.search(f'^{family}{{code_location="museum"}} (.*)$', exporter.exposition.text.decode(), re.MULTILINE)
    return found and found[1]


def successes(exporter: Exporter) -> dict[str, float]:
    """When each collector last succeeded."""
    return {name: one.status.last_success or 0.0 for name, one in exporter.pollers.items()}


def test_a_code_server_that_hangs_is_down_until_it_answers_and_hides_nothing(
    platform: Platform, database: Any, tmp_path: Path
) -> None:
    """The real exporter with its threads, the real `dagster api grpc`, stopped in the midst of its work."""
    intervals = dict.fromkeys(COLLECTORS, 0.2)
    settings = Settings(database=database.address, webserver=platform.url, checkpoints=tmp_path, intervals=intervals)
    exporter = Exporter(settings)
    up = functools.partial(shown, exporter, "dagster_code_server_up")
    ping_seconds = functools.partial(shown, exporter, "dagster_code_server_ping_seconds")
    exporter.start()
    try:
        platform.until(lambda: up() == "1.0" and all(successes(exporter).values()))
        with hung(platform.museum_server):
            platform.until(lambda: up() == "0.0")
            assert ping_seconds() is None
            assert _listens(platform.museum)
            before = successes(exporter)
            platform.until(lambda: all(now > before[name] for name, now in successes(exporter).items()))
            assert (up(), exporter.polling) == ("0.0", True)
        platform.until(lambda: up() == "1.0")
        assert ping_seconds() is not None
    finally:
        exporter.stop()

    assert {name: one.status.errors for name, one in exporter.pollers.items() if one.status.errors} == {}


def test_a_server_that_hangs_costs_the_others_no_more_than_the_timeout(platform: Platform) -> None:
    server = grpc.server(ThreadPoolExecutor(1), [Pings()])
    answering = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    servers = CodeServers(timeout_seconds=1.0)
    addresses = {"museum": f"127.0.0.1:{platform.museum}", "commerce": answering}
    try:
        platform.until(lambda: None not in servers.ping(addresses).values())
        with hung(platform.museum_server):
            found = servers.ping(addresses)
        platform.until(lambda: None not in servers.ping(addresses).values())
    finally:
        servers.close()
        server.stop(None).wait()

    assert found["museum"] is None
    assert found["commerce"] is not None
    assert found["commerce"].seconds < 1


class Pings(grpc.GenericRpcHandler):
    """Answers every call with nothing."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:  # noqa: ARG002
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


def test_a_code_server_that_was_away_for_long_is_found_again_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    servers = CodeServers()
    away_until = time.monotonic() + 10  # by then gRPC's own pause between two tries is six seconds
    while time.monotonic() < away_until:
        assert servers.ping({"museum": address}) == {"museum": None}
        time.sleep(0.1)
    server = grpc.server(ThreadPoolExecutor(1), [Pings()])
    server.add_insecure_port(address)
    server.start()
    try:
        found_until = time.monotonic() + 2.5
        while servers.ping({"museum": address})["museum"] is None:
            assert time.monotonic() < found_until
            time.sleep(0.1)
    finally:
        servers.close()
        server.stop(None).wait()


def test_the_webserver_may_be_away(known: Any, database: Any, watch: Any) -> None:
    """Definitions come from the checkpoint: freshness is judged, and nothing is wiped."""
    known.poll()
    known.restart()
    collector = known.exporter.pollers["workspace"].collector
    collector._webserver._url = f"http://127.0.0.1:{free_port()}/graphql"

    assert known.exporter.poll("workspace") == {"workspace": False}
    known.poll("freshness", "runs", "exporter")
    assert known.value("dagster_asset_freshness_state", asset_key="published") == 3
    labels = {"code_location": "museum", "job_name": "nightly_job", "status": "failure"}
    assert known.value("dagster_runs_completed_total", **labels) == 0
    assert known.value("millrace_exporter_collector_errors_total", collector="workspace") == 1
    assert known.value("millrace_exporter_collector_last_success_timestamp_seconds", collector="workspace") is None


ERROR = {"__typename": "PythonError", "message": "it is broken"}


def scripted(change: Callable[[str, dict[str, Any]], Any]) -> tuple[WorkspaceCollector, Workspace, dict[str, Any]]:
    """A collector before a webserver that answers from a script, which `change` may change."""
    state: dict[str, Any] = {"version": "1", "change": change}
    node = {
        "jobs": [{"name": "nightly_job"}],
        "schedules": [],
        "sensors": [],
        "assetNodes": [
            {
                "assetKey": {"path": ["published"]},
                "groupName": "publish",
                "kinds": [],
                "isAutoCreatedStub": False,
                "owners": [],
                "internalFreshnessPolicy": None,
                "partitionDefinition": None,
                "newest": None,
            }
        ],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        if "workspaceOrError" in asked["query"]:
            entry = {
                "name": "museum",
                "loadStatus": "LOADED",
                "versionKey": state["version"],
                "updatedTimestamp": 1.0,
                "displayMetadata": [],
                "locationOrLoadError": {"__typename": "RepositoryLocation", "repositories": [{"name": "r"}]},
            }
            data: dict[str, Any] = {
                "workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]},
                "instance": {"daemonHealth": {"allDaemonStatuses": []}},
            }
            content = state["change"]("workspace", {"data": data})
        else:
            found = {"repositoriesOrError": {"__typename": "RepositoryConnection", "nodes": [node]}}
            content = state["change"]("repository", {"data": found})
        return content if isinstance(content, httpx.Response) else httpx.Response(200, json=content)

    workspace = Workspace()
    webserver = Webserver("http://webserver", transport=httpx.MockTransport(answer))
    return WorkspaceCollector(webserver, workspace), workspace, state


def _instead(kind: str, **data: Any) -> Callable[[str, dict[str, Any]], Any]:
    """Other data in one kind of answer."""
    return lambda asked, content: {"data": {**content["data"], **data}} if asked == kind else content


def _always(content: Any) -> Callable[[str, dict[str, Any]], Any]:
    return lambda _asked, _content: content


BROKEN: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "an error of the workspace": _instead("workspace", workspaceOrError=ERROR),
    "an error of the repositories": _instead("repository", repositoriesOrError=ERROR),
    "no repository": _instead("repository", repositoriesOrError={"__typename": "RepositoryConnection", "nodes": []}),
    "part of an answer": lambda _, content: {**content, "errors": [{"message": "one field failed"}]},
    "no data": _always({"data": None, "errors": [{"message": "all of it failed"}]}),
    "an answer without an error or data": _always({}),
    "part of an answer, with status 500": lambda _, content: httpx.Response(
        500, json={**content, "errors": [{"message": "one field failed"}]}
    ),
    "status 500": _always(httpx.Response(500, text="broken")),
    "JSON that is no answer": _always(httpx.Response(502, json={"detail": "away"})),
    "a page": _always(httpx.Response(200, text="<html>")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_in_an_answer_wipes_nothing_and_is_counted(name: str, tmp_path: Path) -> None:
    from millrace_exporter.checkpoint import Checkpoints

    collector, workspace, state = scripted(lambda _, content: content)
    exposition = Exposition()
    poller = Poller(collector, Checkpoints(tmp_path), exposition)
    poller.restore()
    assert poller.poll()
    before, served = workspace.now, exposition.text

    state["version"], state["change"] = "2", BROKEN[name]
    for _ in range(3):
        assert not poller.poll()

    assert workspace.now.assets == before.assets
    assert workspace.now.locations["museum"].jobs == ("nightly_job",)
    assert exposition.text == served
    assert poller.status.errors == 3
    state["change"] = lambda _, content: content
    assert poller.poll()


def test_a_location_one_of_whose_definitions_cannot_be_given_is_a_problem_of_its_own_and_not_broken() -> None:
    def half(asked: str, content: dict[str, Any]) -> Any:
        errors = [{"message": "Int cannot represent non-integer value: 61.92"}]
        return httpx.Response(500, json={**content, "errors": errors}) if asked == "repository" else content

    collector, _, _ = scripted(half)

    samples = collector.poll()

    assert samples.problems == ["museum: http://webserver/graphql: Int cannot represent non-integer value: 61.92"]
    assert samples.values["dagster_code_location_loaded"] == {("museum",): 1}
