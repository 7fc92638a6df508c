"""What stands after `docker compose up -d --wait`: all of it healthy, seen by its monitoring, small."""

import json

from tests.integration.platform.conftest import DOMAINS, Platform, eventually


def test_status_says_that_nothing_is_wrong_and_where_things_are(platform: Platform) -> None:
    shown = platform.millrace("status", "--json")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    status = json.loads(shown.stdout)
    assert status["fine"]
    assert set(status["services"].values()) == {"healthy", "running", "done"}
    for page in ("Dagster", "Prometheus", "Alertmanager"):
        code, _ = platform.get(status["addresses"][page].removeprefix(platform.sign_in.address))
        assert code == 200, page


def test_no_service_had_to_start_twice(platform: Platform) -> None:
    assert platform.restarts == {}


def test_prometheus_reaches_all_that_it_asks(platform: Platform) -> None:
    def targets() -> dict[str, str]:
        _, body = platform.get("/prometheus/api/v1/targets")
        found = {one["labels"]["job"]: one["health"] for one in json.loads(body)["data"]["activeTargets"]}
        assert set(found.values()) == {"up"}, found
        return found

    assert set(eventually(targets, 90)) == {
        "prometheus",
        "alertmanager",
        "node",
        "postgres",
        "object-store",
        "exporter",
    }


def test_postgres_is_measured_and_not_only_its_exporter(platform: Platform) -> None:
    def measured() -> str:
        _, body = platform.get("/prometheus/api/v1/query?query=pg_up")
        (series,) = json.loads(body)["data"]["result"]
        return series["value"][1]

    assert eventually(measured, 90) == "1"


def test_the_watchdog_reaches_alertmanager(platform: Platform) -> None:
    def alerts() -> None:
        _, body = platform.get("/alertmanager/api/v2/alerts")
        assert "Watchdog" in [alert["labels"]["alertname"] for alert in json.loads(body)]

    eventually(alerts, 120)


def test_the_page_of_health_is_behind_the_sign_in_and_could_ask_everything(platform: Platform) -> None:
    assert platform.get("/reports", None)[0] == 401

    def asked() -> None:
        code, body = platform.get("/reports", "viewer")
        assert code == 200
        page = body.decode()
        assert "pruned_runs" in page, "an asset with a freshness policy, which Prometheus knows"
        assert "could not be asked" not in page
        assert "not everything could be asked" not in page

    eventually(asked, 180)


def test_every_code_location_loads(platform: Platform) -> None:
    assert platform.locations() == dict.fromkeys(DOMAINS, "RepositoryLocation")


def test_all_of_it_idles_in_a_gibibyte_and_a_half_and_what_each_further_domain_takes(platform: Platform) -> None:
    further = len(set(DOMAINS) - {"museum", "platform"})

    assert platform.idle_bytes < 1.5 * 2**30 + further * 160 * 2**20
