"""A double of Grafana's HTTP API: a real HTTP server whose queries go through to a real Prometheus.

What belongs here: the parts of the API that `millrace grafana` uses, with Grafana's status codes and shapes
(https://grafana.com/docs/grafana/latest/developers/http_api/). What does not: assertions.

grafana-client speaks through niquests, which no mock of `requests` sees; so this listens on a port.
"""

import base64
import copy
import http.server
import json
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from millrace.errors import PlatformRefusedError
from millrace_grafana.queries import Asked, Prometheus

USER, PASSWORD = "operator", "of this test"
_PATH = "/grafana/api"


@dataclass
class Grafana:
    """What the double has and answers; tests change it.

    Attributes:
        prometheus: Where its queries go.
        dashboards: By uid, as provisioned.
        data_sources: As it lists them.
        version: What it says of itself.
        ill: Message of the health check by data source, of those that are not well.
        annotations: Marks that were set.
        away: Status that it answers everything with, as the gateway does while Grafana is down.
        asked: Paths of the requests.
    """

    prometheus: str
    dashboards: dict[str, dict]
    data_sources: list[dict[str, Any]] = field(default_factory=list)
    version: str = "12.2.1"
    ill: dict[str, str] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    away: int = 0
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """Status and content."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(_PATH)
        self.asked.append(f"{method} {path}")
        match method, path.strip("/").split("/"):
            case "GET", ["frontend", "settings"]:
                return 200, {"buildInfo": {"version": self.version, "commit": "0", "edition": "Open Source"}}
            case "GET", ["datasources"]:
                return 200, self.data_sources
            case "GET", ["datasources", "uid", uid, "health"]:
                if uid in self.ill:
                    return 400, {"status": "ERROR", "message": self.ill[uid]}
                return 200, {"status": "OK", "message": "Successfully queried the Prometheus API."}
            case "GET", ["dashboards", "uid", uid]:
                if uid not in self.dashboards:
                    return 404, {"message": "Dashboard not found"}
                # As Grafana stores it: with a number and a version of its own.
                shown = {**self.dashboards[uid], "id": 7, "version": 3}
                return 200, {"dashboard": shown, "meta": {"provisioned": True}}
            case "POST", ["ds", "query"]:
                return self._query(body["queries"][0])
            case "GET", ["annotations"]:
                tags = parse_qs(parts.query).get("tags", [])
                return 200, [one for one in self.annotations if set(tags) <= set(one["tags"])]
            case "POST", ["annotations"]:
                self.annotations.append({**body, "id": len(self.annotations) + 1})
                return 200, {"id": len(self.annotations), "message": "Annotation added"}
        return 404, {"message": "Not found"}

    def _query(self, query: dict[str, Any]) -> tuple[int, Any]:
        expr = query["expr"]
        try:
            found = Prometheus(self.prometheus).series(Asked("", "", expr, expr, instant=query["instant"]))
        except PlatformRefusedError as error:
            return 400, {"results": {query["refId"]: {"error": str(error), "status": 400}}}
        frames = [{"schema": {}, "data": {"values": [[1], [1]]}}] * found
        return 200, {"results": {query["refId"]: {"status": 200, "frames": frames}}}


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: list[str]
    err: list[str]


class Command:
    """`scripts/millrace grafana`, as people call it, on a Grafana."""

    def __init__(self, root: Path, grafana: Grafana, password_file: Path) -> None:
        self._script = root / "scripts" / "millrace"
        self._grafana = grafana
        self._password_file = password_file

    def __call__(self, *arguments: str, address: str = "") -> Said:
        to = ["--address", address or self._grafana.address, "--password-file", str(self._password_file)]
        ended = subprocess.run(
            [self._script, "grafana", *arguments, *to], capture_output=True, text=True, check=False, timeout=300
        )
        return Said(ended.returncode, ended.stdout.splitlines(), ended.stderr.splitlines())


@pytest.fixture
def grafana(prometheus: str, shown: dict[str, dict], root: Path) -> Generator[Grafana]:
    """A Grafana that has what the checkout says."""
    folder = root / "infra" / "grafana" / "provisioning" / "datasources"
    provisioned = [one for path in folder.glob("*.yaml") for one in yaml.safe_load(path.read_text())["datasources"]]
    with serving(Grafana(prometheus, copy.deepcopy(shown), provisioned)) as served:
        yield served


@pytest.fixture
def command(root: Path, grafana: Grafana, tmp_path: Path) -> Command:
    """The command, with a password that is right."""
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD + "\n")
    return Command(root, grafana, password_file)


@contextmanager
def serving(grafana: Grafana) -> Generator[Grafana]:
    """Serve it on a port of 127.0.0.1; `grafana.address` says where."""
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if grafana.away:
                status, content = grafana.away, b"Grafana does not answer."
                kind = "text/plain"
            elif self.headers.get("Authorization") != expected:
                status, content, kind = 401, b'{"message": "Invalid username or password"}', "application/json"
            else:
                status, answered = grafana.answer(method, self.path, body)
                content, kind = json.dumps(answered).encode(), "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its base says so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    grafana.address = f"http://127.0.0.1:{server.server_port}/grafana"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
