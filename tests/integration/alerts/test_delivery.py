"""From a metric to a person: what happens between the platform's own rules and the sinks of each channel.

The tests stand in the order in which they run: one world, and each leaves it without alerts of its own.
"""

from datetime import timedelta

import pytest
from tests.integration.alerts.conftest import GATEWAY, World, docker, eventually

from millrace.alerts.silences import Silences
from millrace.compose.dagster_client import Client

pytestmark = pytest.mark.compose


def failures(location: str, job: str) -> str:
    return f'dagster_job_consecutive_failures{{code_location="{location}",job_name="{job}"}}'


def test_the_watchdog_comes_to_its_own_address_and_nowhere_else(world: World) -> None:
    eventually(lambda: world.told("Watchdog", "/dead-man"), 30)

    assert world.told("Watchdog", "/webhook") == []


def test_two_failed_jobs_of_a_location_come_in_one_notification_on_every_channel(world: World) -> None:
    exporter = world.series["exporter"]
    exporter |= {failures("orchard", "daily_job"): 1, failures("orchard", "hourly_job"): 1}

    (notification,) = eventually(lambda: world.told("JobFailed", code_location="orchard"), 60)

    assert notification["status"] == "firing"
    assert {one["labels"]["job_name"] for one in notification["alerts"]} == {"daily_job", "hourly_job"}
    daily = next(one for one in notification["alerts"] if one["labels"]["job_name"] == "daily_job")
    assert daily["labels"] | {"instance": "", "job": ""} == {
        "alertname": "JobFailed",
        "severity": "error",
        "owner": "domain",
        "area": "runs",
        "source": "exporter",
        "code_location": "orchard",
        "job_name": "daily_job",
        "instance": "",
        "job": "",
    }
    assert daily["annotations"]["summary"] == "Job daily_job of orchard failed"
    assert daily["annotations"]["runbook_url"] == f"{GATEWAY}/runbooks/JobFailed"
    path = "locations/__repository__@orchard/jobs/daily_job/runs"
    assert daily["annotations"]["dagster_url"] == f"{GATEWAY}/{path}"

    mail = eventually(lambda: [one for one in world.mails if "JobFailed" in str(one["Subject"])], 30)[0]
    assert str(mail["Subject"]) == "ERROR JobFailed: 2 firing in orchard"
    assert str(mail["To"]) == "people@example.org"
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    for text in (parts["text/plain"], parts["text/html"]):
        assert isinstance(text, bytes)
        assert b"Job daily_job of orchard failed" in text
        assert f"{GATEWAY}/{path}".encode() in text
        assert b"/alertmanager/#/silences/new?filter=%7Balertname%3D%22JobFailed%22%2C" in text

    slack = eventually(lambda: [one for one in world.received.get("/slack", []) if "JobFailed" in str(one)], 30)[0]
    (attachment,) = slack["attachments"]
    assert attachment["title"] == "ERROR JobFailed: 2 firing in orchard"
    assert f"<{GATEWAY}/{path}|Dagster>" in attachment["text"]


def test_a_failed_scrape_resolves_nothing(world: World) -> None:
    exporter = world.series.pop("exporter")
    eventually(lambda: '"0"' in query(world, 'up{job="exporter"}'), 20)
    world.series["exporter"] = exporter

    assert [one for one in world.told("JobFailed") if one["status"] == "resolved"] == []
    assert world.alerts("JobFailed", code_location="orchard")


def test_the_third_failure_is_critical_and_mutes_the_error_beside_it(world: World) -> None:
    world.series["exporter"][failures("orchard", "daily_job")] = 3

    (notification,) = eventually(lambda: world.told("JobFailed", severity="critical"), 60)

    assert [one["labels"]["job_name"] for one in notification["alerts"]] == ["daily_job"]
    (critical,) = world.alerts("JobFailed", job_name="daily_job", severity="critical")
    (error,) = world.alerts("JobFailed", job_name="daily_job", severity="error")
    assert error["status"]["inhibitedBy"] == [critical["fingerprint"]]
    (other,) = world.alerts("JobFailed", job_name="hourly_job")
    assert other["status"]["inhibitedBy"] == []


def test_the_next_success_resolves_it(world: World) -> None:
    exporter = world.series["exporter"]
    exporter |= {failures("orchard", "daily_job"): 0, failures("orchard", "hourly_job"): 0}

    def resolved() -> list[dict[str, object]]:
        return [one for one in world.told("JobFailed", severity="critical") if one["status"] == "resolved"]

    eventually(resolved, 90)
    eventually(lambda: [one for one in world.mails if str(one["Subject"]).startswith("RESOLVED JobFailed")], 30)


def test_an_alert_in_a_maintenance_window_is_seen_and_not_sent(world: World) -> None:
    exporter = world.series["exporter"]
    exporter |= {failures("walled", "daily_job"): 3, failures("free", "daily_job"): 3}

    eventually(lambda: world.told("JobFailed", code_location="free", severity="critical"), 60)

    assert world.alerts("JobFailed", code_location="walled", severity="critical")
    assert world.told("JobFailed", code_location="walled") == []
    exporter |= {failures("walled", "daily_job"): 0, failures("free", "daily_job"): 0}


def test_postgres_down_mutes_what_follows_from_it(world: World) -> None:
    world.series["postgres"]["pg_up"] = 0
    eventually(lambda: world.told("PostgresDown"), 90)
    world.series["exporter"][failures("muted", "daily_job")] = 3

    (alert,) = eventually(lambda: world.alerts("JobFailed", code_location="muted", severity="critical"), 30)

    assert eventually(lambda: world.alerts("JobFailed", code_location="muted")[0]["status"]["inhibitedBy"], 10)
    assert alert["labels"]["source"] == "exporter"
    assert world.told("JobFailed", code_location="muted") == []
    world.series["exporter"][failures("muted", "daily_job")] = 0
    world.series["postgres"]["pg_up"] = 1
    eventually(lambda: not world.alerts("PostgresDown") or [None], 90)


def test_a_sink_that_answers_500_gets_it_later(world: World) -> None:
    refused = len(world.refused)
    world.broken.add("/webhook")
    world.series["exporter"][failures("patient", "daily_job")] = 3
    eventually(lambda: len(world.refused) > refused, 60)
    assert world.told("JobFailed", code_location="patient") == []

    world.broken.clear()

    eventually(lambda: world.told("JobFailed", code_location="patient"), 90)
    world.series["exporter"][failures("patient", "daily_job")] = 0


def test_a_silence_survives_alertmanagers_restart(world: World) -> None:
    silences = Silences(Client(world.alertmanager, "operator", "unused"))
    made = silences.add(["alertname=JobFailed", "code_location=~quiet.*"], timedelta(hours=1), "a test")
    docker("restart", "--time", "20", world.container)

    (silence,) = eventually(silences.all, 60)

    assert (silence.id, silence.state, silence.author, silence.comment) == (made, "active", "operator", "a test")
    assert silence.matchers == 'alertname="JobFailed", code_location=~"quiet.*"'
    exporter = world.series["exporter"]
    exporter |= {failures("quiet_one", "daily_job"): 3, failures("loud", "daily_job"): 3}
    eventually(lambda: world.told("JobFailed", code_location="loud"), 90)
    (alert,) = world.alerts("JobFailed", code_location="quiet_one", severity="critical")
    assert alert["status"]["silencedBy"] == [made]
    assert world.told("JobFailed", code_location="quiet_one") == []
    silences.end(made)
    assert silences.all() == []


def test_the_exporters_silence_mutes_what_is_measured_by_it(world: World) -> None:
    del world.series["exporter"]

    eventually(lambda: world.told("ExporterDown"), 120)

    (job,) = world.alerts("JobFailed", code_location="loud", severity="critical")
    assert job["status"]["inhibitedBy"]
    assert [one for one in world.told("JobFailed", code_location="loud") if one["status"] == "resolved"] == []


def query(world: World, expression: str) -> str:
    import urllib.parse
    import urllib.request

    address = f"{world.prometheus}/prometheus/api/v1/query?query={urllib.parse.quote(expression)}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.read().decode()
