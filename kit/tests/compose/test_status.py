"""`millrace status` on a `docker` and a gateway of the test's own: what it tells of health, and when it cannot."""

import http.server
import json
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from millrace.cli.main import cli

PASSWORD = "the operator's"
RUNNING = ("gateway", "prometheus", "reports")
SERVICES = [
    {"Service": name, "State": "running", "ExitCode": 0, "Health": "healthy", "Labels": ""} for name in RUNNING
] + [{"Service": "setup", "State": "exited", "ExitCode": 0, "Health": "", "Labels": ""}]


class Gateway:
    """Answers as Prometheus behind the gateway would.

    Attributes:
        results: Series by a word of the query.
        alerts: As its API lists them.
        status: HTTP status of its answers.
    """

    def __init__(self) -> None:
        self.results: dict[str, list[dict[str, str]]] = {"up{": [{"job": "exporter"}]}
        self.alerts: list[dict[str, Any]] = [alert("Watchdog", "info", "Always")]
        self.asked_by: set[str] = set()
        self.status = 200

    def data(self, path: str) -> Any:
        if path.startswith("/prometheus/api/v1/alerts"):
            return {"alerts": self.alerts}
        query = parse_qs(urlsplit(path).query)["query"][0]
        found = next((rows for word, rows in self.results.items() if word in query.partition(" ==")[0]), [])
        return {"result": [{"metric": row, "value": [0, "0"]} for row in found]}


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Gateway]:
    ours = Gateway()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ours.asked_by.add(self.headers.get("Authorization", ""))
            content = json.dumps({"status": "success", "data": ours.data(self.path)}).encode()
            self.send_response(ours.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its base says so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    environment = {"MILLRACE_ADDRESS": f"http://127.0.0.1:{server.server_port}"}
    services = {name: {"restart": "unless-stopped", "environment": environment} for name in RUNNING}
    configuration = json.dumps({"services": services | {"setup": {"restart": "no"}}})
    shown = json.dumps({"users": {"operator": PASSWORD, "viewer": "x"}})
    docker.write_text(f"""#!/bin/sh
case "$2" in
ps) cat <<'END'
{json.dumps(SERVICES)}
END
;;
config) cat <<'END'
{configuration}
END
;;
run) cat <<'END'
{shown}
END
;;
esac
""")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    monkeypatch.setenv("ROOT", str(tmp_path))
    yield ours
    server.shutdown()
    server.server_close()


def alert(name: str, severity: str, summary: str, state: str = "firing") -> dict[str, Any]:
    since = datetime.fromtimestamp(time.time() - 300, UTC).isoformat()
    labels = {"alertname": name, "severity": severity}
    return {"state": state, "activeAt": since, "labels": labels, "annotations": {"summary": summary}}


def test_where_nothing_is_wrong_it_says_so_and_names_the_pages(gateway: Gateway) -> None:
    gateway.alerts.append(alert("Soon", "warning", "Not yet", "pending"))

    said = CliRunner().invoke(cli, ["status"])

    assert said.exit_code == 0
    assert "nothing fires, no job fails, every asset with a policy is fresh" in said.output
    assert "done: setup" in said.output
    assert "/reports" in said.output
    assert len(gateway.asked_by) == 1
    assert PASSWORD not in said.output


def test_what_fires_fails_and_is_stale_is_told_the_worst_first(gateway: Gateway) -> None:
    gateway.alerts += [alert("Late", "warning", "An asset is late"), alert("DiskFull", "critical", "The disk is full")]
    gateway.results |= {
        "job_last_run_success": [{"code_location": "museum", "job_name": "nightly_job"}],
        "freshness_state": [{"asset_key": "published_objects"}],
        "check_status": [{"check_name": "cleaned_contract_check"}],
    }

    said = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "200"})
    lines = [line for line in said.output.splitlines() if line.startswith(("critical", "warning", "fail", "stale"))]

    assert lines == [
        "critical         The disk is full (since 5 min; docs/runbooks/DiskFull.md)",
        "warning          An asset is late (since 5 min; docs/runbooks/Late.md)",
        "failing jobs     museum: nightly_job",
        "stale assets     published_objects",
        "failed checks    cleaned_contract_check",
    ]
    assert said.exit_code == 0


def test_the_same_as_json(gateway: Gateway) -> None:
    gateway.alerts.append(alert("DiskFull", "critical", "The disk is full"))

    said = json.loads(CliRunner().invoke(cli, ["status", "--json"]).output)

    assert said["fine"] is True
    assert said["health"]["unknown"] == []
    assert [one["name"] for one in said["health"]["alerts"]] == ["DiskFull"]
    assert said["health"]["failing_jobs"] == []


def test_a_prometheus_that_does_not_answer_is_a_line_and_the_rest_is_shown(gateway: Gateway) -> None:
    gateway.status = 502

    said = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "200"})

    assert said.exit_code == 0
    assert "health unknown   prometheus at http://127.0.0.1:" in said.output
    assert "502" in said.output
    assert "gateway" in said.output


def test_silence_is_not_health(gateway: Gateway) -> None:
    gateway.results.clear()
    gateway.alerts.clear()

    said = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "200"})

    assert "health unknown   the exporter does not report" in said.output
    assert "health unknown   alerts are not evaluated: Watchdog" in said.output
    assert "nothing fires" not in said.output
