"""`millrace grafana verify`, as people call it, on a double of Grafana whose queries a real Prometheus answers."""

from pathlib import Path
from typing import Any


def test_a_grafana_that_shows_what_the_checkout_says_is_well(
    command: Any, grafana: Any, shown: dict[str, dict]
) -> None:
    said = command("verify")

    assert (said.code, said.err) == (0, [])
    assert said.out[:3] == [
        "version 12.2.1",
        "data source prometheus: Successfully queried the Prometheus API.",
        "data source alertmanager: Successfully queried the Prometheus API.",
    ]
    assert said.out[3:-1] == [f"dashboard {uid}" for uid in shown]
    assert said.out[-1].endswith("of them with nothing as expected")
    assert grafana.asked.count("POST /ds/query") == int(said.out[-1].split()[0]) > 150


def test_whatever_differs_is_one_line_each(command: Any, grafana: Any) -> None:
    grafana.version = "9.5.1"
    grafana.data_sources[0]["type"] = "loki"
    grafana.ill["alertmanager"] = "connection refused"
    del grafana.dashboards["jobs"]
    grafana.dashboards["stores"]["title"] = "My stores"
    grafana.dashboards["overview"]["panels"].append({"id": 99, "type": "text", "title": "Mine"})
    grafana.dashboards["monitoring"]["panels"][1]["targets"][0]["expr"] = "up"

    said = command("verify")

    assert said.code == 1
    panels = len(grafana.dashboards["overview"]["panels"])
    for line in (
        "version: 9.5.1 (expected 11.0 or newer); set GRAFANA_IMAGE",
        "data source prometheus: is of type loki (expected prometheus); docker compose restart grafana provisions it",
        "data source alertmanager: not healthy: HTTP 400: connection refused",
        "dashboard jobs: is not there; docker compose restart grafana provisions it",
        "dashboard stores: title is 'My stores' (expected 'Stores'); "
        "docker compose restart grafana reads the files again",
        f"dashboard overview: panels is a list of {panels} (expected a list of {panels - 1}); "
        "docker compose restart grafana reads the files again",
        "dashboard monitoring: panels[1].targets[0].expr is 'up' (expected 'sum(up == bool 0)'); "
        "docker compose restart grafana reads the files again",
    ):
        assert line in said.err
    assert "dashboard assets" in said.out


def test_a_query_that_is_refused_or_says_nothing_is_told(command: Any, grafana: Any, root: Path) -> None:
    """A Prometheus that scrapes nothing: every query answers, and most with nothing."""
    grafana.answer = nothing_is_scraped(grafana.answer)

    said = command("verify")

    assert said.code == 1
    assert "query of overview: Stale assets: answers with nothing; is what it asks for scraped?" in said.err
    assert 'query of jobs: Jobs whose last run failed: HTTP 400: no such function "wrong"' in said.err


def nothing_is_scraped(answer: Any) -> Any:
    def instead(method: str, target: str, body: Any) -> tuple[int, Any]:
        if target.endswith("/ds/query"):
            if body["queries"][0]["expr"].startswith('sum(dagster_job_last_run_success{code_location=~".*"'):
                return 400, {"results": {"A": {"error": 'no such function "wrong"', "status": 400}}}
            return 200, {"results": {"A": {"status": 200, "frames": []}}}
        return answer(method, target, body)

    return instead


def test_a_grafana_that_is_down_is_one_line_and_another_exit_code(command: Any, grafana: Any) -> None:
    grafana.away = 502

    said = command("verify")

    assert (said.code, said.out) == (2, [])
    assert said.err == [f"grafana at {grafana.address}: Grafana does not answer.; scripts/millrace status"]


def test_a_wrong_password_and_a_closed_port_are_told_apart(command: Any, grafana: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")

    said = command("verify")
    closed = command("verify", address="http://127.0.0.1:9/grafana")

    assert said.code == 2
    assert said.err == [
        f"grafana at {grafana.address}: refuses the user and password (HTTP 401); scripts/millrace credentials"
    ]
    assert closed.code == 2
    assert closed.err == [
        "grafana at http://127.0.0.1:9/grafana: [Errno 111] Connection refused; scripts/millrace status"
    ]


def test_another_service_at_that_address_is_told(command: Any, prometheus: str) -> None:
    said = command("verify", address=prometheus)

    assert said.code == 2
    assert len(said.err) == 1
    assert said.err[0].startswith(f"grafana at {prometheus}: what answers there is no Grafana (HTTP 404")
