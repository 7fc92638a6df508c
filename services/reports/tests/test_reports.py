"""The service over HTTP, with a Dagster on a real Postgres and a Prometheus that is one or is away."""

import asyncio
import http.server
import json
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest

from millrace.errors import ConfigurationError
from millrace.health.history import History, read_history
from millrace.health.monitoring import Prometheus
from millrace.testing import embedded_instance
from millrace_reports.app import Pages, make_app
from millrace_reports.main import page_of_a_process
from millrace_reports.page import make_page
from millrace_reports.settings import Settings

AWAY = Prometheus("http://127.0.0.1:9")
WINDOWS = [
    {"metric": {"asset_key": "published", "level": "warn"}, "value": [0, "3600"]},
    {"metric": {"asset_key": "published", "level": "fail"}, "value": [0, "7200"]},
]
ALERTS = [
    {
        "state": state,
        "activeAt": "2026-05-01T10:00:00.5Z",
        "labels": {"alertname": name, "severity": severity},
        "annotations": {"summary": f"{name} it is", "runbook_url": f"/runbooks/{name}"},
    }
    for name, severity, state in (
        ("Watchdog", "info", "firing"),
        ("DiskFull", "critical", "firing"),
        ("DiskFilling", "warning", "pending"),
    )
]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Generator[dg.DagsterInstance]:
    @dg.asset
    def published() -> None: ...

    with embedded_instance(tmp_path_factory.mktemp("home")) as instance:
        job = dg.Definitions(assets=[published], jobs=[dg.define_asset_job("nightly_job")]).resolve_job_def(
            "nightly_job"
        )
        job.execute_in_process(instance=instance)
        yield instance


@pytest.fixture
def prometheus() -> Generator[Prometheus]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data: Any = {"alerts": ALERTS} if self.path.startswith("/prometheus/api/v1/alerts") else {"result": WINDOWS}
            content = json.dumps({"status": "success", "data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its base says so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Prometheus(f"http://127.0.0.1:{server.server_port}/prometheus")
    server.shutdown()
    server.server_close()


def get(pages: Pages, path: str = "/reports") -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(pages))
        async with httpx.AsyncClient(transport=transport, base_url="http://reports") as client:
            return await client.get(path)

    return asyncio.run(answer())


def shown(read: Callable[[float], History], prometheus: Prometheus) -> httpx.Response:
    return get(Pages(lambda: make_page(read, prometheus, time.time()), 30))


def test_the_page_shows_the_database_and_the_alerts(instance: dg.DagsterInstance, prometheus: Prometheus) -> None:
    answer = shown(lambda now: read_history(instance, now), prometheus)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<h1>1 thing needs somebody</h1>" in answer.text
    assert '<a href="/runbooks/DiskFull">DiskFull it is</a>' in answer.text
    assert "DiskFilling" not in answer.text
    assert "published" in answer.text
    assert "fresh, just now" in answer.text
    assert "could not be asked" not in answer.text


def test_a_prometheus_that_sees_no_exporter_is_not_taken_for_health(
    instance: dg.DagsterInstance, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.ALERTS", [])
    monkeypatch.setattr(f"{__name__}.WINDOWS", [])

    text = shown(lambda now: read_history(instance, now), prometheus).text

    assert "The exporter does not report" in text
    assert "Alerts are not evaluated" in text
    assert "All is well" not in text


def test_without_prometheus_the_page_shows_the_rest_and_says_so(instance: dg.DagsterInstance) -> None:
    text = shown(lambda now: read_history(instance, now), AWAY).text

    assert "not everything could be asked" in text
    assert "Prometheus does not answer" in text
    assert "nightly_job" in text


def test_without_the_database_the_page_shows_the_alerts_and_says_so(prometheus: Prometheus) -> None:
    def away(_: float) -> History:
        raise RuntimeError("connection to server failed\nDETAIL: nobody there")

    text = shown(away, prometheus).text

    assert "Dagster&#39;s database does not answer" in text
    assert "connection to server failed" in text
    assert "DiskFull it is" in text
    assert "never made" not in text


def test_many_who_look_at_once_cost_one_page() -> None:
    made: list[float] = []

    def slow() -> str:
        made.append(time.monotonic())
        time.sleep(0.2)
        return f"page {len(made)}"

    pages = Pages(slow, 30)
    threads = [threading.Thread(target=pages.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert {pages.current() for _ in range(3)} == {"page 1"}
    Pages(slow, 0).current()
    assert len(made) == 2


def test_the_process_that_makes_the_page_writes_it(
    tmp_path: Path, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("REPORTS_PROMETHEUS", prometheus.address)

    text = get(Pages(page_of_a_process, 30)).text

    assert text.startswith("<!doctype html>")
    assert "DiskFull it is" in text


def test_a_page_that_cannot_be_made_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    answer = get(Pages(page_of_a_process, 30))

    assert answer.status_code == 503
    assert "DAGSTER_HOME is not set" in answer.text
    assert answer.text.count("\n") == 1


def test_its_own_health_needs_nobody() -> None:
    def never() -> str:
        raise AssertionError

    assert get(Pages(never, 30), "/healthz").text == "ok\n"
    assert get(Pages(never, 30), "/other").status_code == 404


def test_settings_name_everything_that_is_wrong(tmp_path: Path) -> None:
    right = Settings.from_environment({"DAGSTER_HOME": str(tmp_path), "REPORTS_LISTEN": "reports-ui:8080"})
    assert (right.host, right.port, right.keep_seconds) == ("reports-ui", 8080, 30)

    wrong = {"REPORTS_LISTEN": "8080", "REPORTS_KEEP_SECONDS": "soon", "REPORTS_PROMETHEUS": "prometheus:9090"}
    with pytest.raises(ConfigurationError, match="4 problems") as raised:
        Settings.from_environment(wrong)
    for name in (*wrong, "DAGSTER_HOME"):
        assert name in str(raised.value)
