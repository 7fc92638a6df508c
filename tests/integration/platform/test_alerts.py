"""What goes wrong on a platform in containers is told by webhook and by mail, once, and its end too.

Every alert is caused for real, with the platform's own intervals and rules. The tests stand in the order in which they
run. What mutes nothing goes wrong at the same time; then the daemon stands still, and while it does Postgres goes down;
then all of it is mended. Who mutes others is mended before them: Alertmanager never tells the end of an alert that was
muted when it ended.
"""

import signal
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.platform.conftest import DOMAINS, eventually, processes, send_signal
from tests.integration.platform.orchard_platform import Disk, Orchard, orchard_platform, small_disk

from millrace.testing.fixtures import not_here

pytestmark = [pytest.mark.waits, pytest.mark.timeout(1800)]

SOON = 300  # seconds, on a machine that is busy; benchmarks/alerts.py measures how long it takes
BY_RUNS = {  # by alert, with labels
    "JobFailed": {"job_name": "picking_job", "severity": "error"},
    "CheckFailed": {"asset_key": "sorted_apples", "check_name": "sorted_apples_rot_check"},
    "ContainerOutOfMemory": {"service": "orchard-run", "run_job": "pressing_job"},
    "TickFailing": {"name": "windfall_sensor", "type": "sensor"},
}
LATER = {
    "CheckWarns": {"asset_key": "weighed_apples", "check_name": "weighed_apples_size_check"},
    "CodeLocationBroken": {"code_location": "orchard"},
    "AssetStale": {"asset_key": "stored_apples"},
}


@pytest.fixture(scope="module")
def disk() -> Generator[Disk | str]:
    """A small one, mounted before node-exporter is there to see it."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to node-exporter's user
        folder = Path(name)
        folder.chmod(0o755)
        with small_disk(folder) as disk:
            yield disk


@pytest.fixture(scope="module")
def orchard(disk: Disk | str, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Orchard]:
    """The platform, and nothing wrong yet: what was told of a slow start has ended, and is forgotten."""
    folder = tmp_path_factory.mktemp("orchard")
    folder.chmod(0o755)
    with orchard_platform(checkout, folder) as orchard:
        eventually(lambda: is_quiet(orchard), SOON)
        orchard.sinks.received.clear()
        orchard.sinks.mails.clear()
        yield orchard


def is_quiet(orchard: Orchard) -> None:
    """Everything is loaded, nothing but the machine is troubled, and nobody waits to be told that something ended."""
    assert orchard.value("count(dagster_code_location_loaded == 1)") == len({*DOMAINS, "orchard"})
    assert {one["labels"]["alertname"] for one in orchard.held()} - {"DiskFull"} == {"Watchdog"}
    last = {body["groupKey"]: body for body in orchard.sinks.received.get("/webhook", [])}
    firing = {body["groupLabels"]["alertname"] for body in last.values() if body["status"] == "firing"}
    assert firing <= {"DiskFull"}


@pytest.fixture(scope="module")
def troubled(orchard: Orchard, disk: Disk | str) -> None:
    """Runs, a check and a sensor fail, and a disk is full, all at once; the webhook refuses everything at first."""
    orchard.sinks.broken.add("/webhook")
    if isinstance(disk, Disk):
        disk.fill()
    orchard.source("storm", "rot", "wasps")
    orchard.platform.launch("picking_job")
    orchard.platform.launch("sorting_job")
    orchard.platform.launch("pressing_job", **{"millrace/memory": "300MiB", "dagster/max_retries": "0"})


@pytest.fixture(scope="module")
def standing(orchard: Orchard, troubled: None) -> float:
    """The daemon stands still when an asset is about to be stale, and the location breaks; when that was."""
    platform = orchard.platform
    orchard.source("storm", "rot", "wasps", "small")
    assert platform.ended(platform.launch("storing_job")) == "SUCCESS"
    deadline = eventually(
        lambda: orchard.value('dagster_asset_freshness_deadline_timestamp_seconds{asset_key="stored_apples"}')
    )
    until(deadline - 35)  # a warning's end is told at full five minutes after it: they shall be over after the mend
    assert platform.ended(platform.launch("weighing_job")) == "SUCCESS"
    until(deadline - 5)
    daemon = platform.container("dagster-daemon")["Id"]
    stopped = processes(daemon)
    for pid in stopped:
        send_signal(pid, signal.SIGSTOP)
    moment = time.time()
    orchard.source("storm", "rot", "wasps", "small", "frost")
    platform.compose("restart", "orchard")
    return moment


@pytest.fixture(scope="module")
def mended(orchard: Orchard, disk: Disk | str, standing: float) -> None:
    """Everything, the daemon first."""
    platform = orchard.platform
    for pid in processes(platform.container("dagster-daemon")["Id"]):
        send_signal(pid, signal.SIGCONT)
    if isinstance(disk, Disk):
        disk.empty()
    eventually(lambda: none(orchard.alerts("DaemonStale")), SOON)
    orchard.source()
    platform.compose("restart", "orchard")
    eventually(lambda: platform.client().find_job("picking_job", "orchard"), SOON)
    jobs = ("picking_job", "sorting_job", "weighing_job", "pressing_job", "storing_job")
    # At a first request the webserver notices that its connections to Postgres are gone.
    runs = [eventually(lambda job=job: platform.launch(job), SOON) for job in jobs]
    assert [platform.ended(run) for run in runs] == ["SUCCESS"] * len(runs)


def until(moment: float) -> None:
    """Wait for a moment, in seconds since 1970."""
    time.sleep(max(0.0, moment - time.time()))


def none(found: list[Any]) -> None:
    assert found == []


def one_at_least(found: list[Any]) -> list[Any]:
    assert found
    return found


def told(orchard: Orchard, alertname: str, **labels: str) -> dict[str, Any]:
    """The alert as the webhook got it, once it came there and by mail."""
    bodies = eventually(lambda: one_at_least(orchard.sinks.told(alertname, **labels)), SOON)
    alert = next(
        one
        for one in bodies[0]["alerts"]
        if one["labels"]["alertname"] == alertname and labels.items() <= one["labels"].items()
    )
    text = f"{alert['labels']['severity'].upper()} {alert['annotations']['summary']}"
    eventually(lambda: one_at_least(orchard.mails(text)), SOON)
    return alert


def told_that_it_ended(orchard: Orchard, alertname: str, **labels: str) -> None:
    # A warning's group is looked at every five minutes.
    bodies = eventually(lambda: one_at_least(orchard.sinks.resolved(alertname, **labels)), 2 * 300 + SOON)
    summaries = [one["annotations"]["summary"] for one in bodies[-1]["alerts"] if one["status"] == "resolved"]
    for summary in summaries:
        eventually(lambda summary=summary: one_at_least(orchard.mails(f"RESOLVED {summary}")), SOON)


@pytest.mark.usefixtures("troubled")
def test_a_webhook_that_answers_500_gets_it_later(orchard: Orchard) -> None:
    refused = eventually(lambda: one_at_least(orchard.sinks.refused), SOON)
    assert orchard.sinks.received == {}

    orchard.sinks.broken.clear()

    for alert in refused[0]["alerts"]:
        told(orchard, **alert["labels"])


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("alertname", BY_RUNS)
def test_it_is_told_by_webhook_and_by_mail(orchard: Orchard, alertname: str) -> None:
    alert = told(orchard, alertname, **BY_RUNS[alertname])

    assert alert["status"] == "firing"
    assert alert["annotations"]["runbook_url"] == f"{orchard.platform.sign_in.address}/runbooks/{alertname}"


@pytest.mark.usefixtures("troubled")
def test_a_disk_that_is_full_is_told(orchard: Orchard, disk: Disk | str) -> None:
    if isinstance(disk, str):
        not_here(disk)

    told(orchard, "DiskFull", severity="critical", device=disk.device)


@pytest.mark.usefixtures("troubled")
def test_jobs_that_fail_in_one_location_come_in_one_notification(orchard: Orchard) -> None:
    def together() -> None:
        jobs = [{one["labels"]["job_name"] for one in body["alerts"]} for body in orchard.sinks.told("JobFailed")]
        assert {"picking_job", "pressing_job"} in jobs

    eventually(together, SOON)


def test_an_asset_that_turns_stale_is_told_though_the_daemon_stands_still(orchard: Orchard, standing: float) -> None:
    alert = told(orchard, "AssetStale", **LATER["AssetStale"])

    assert alert["startsAt"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(standing))


@pytest.mark.usefixtures("standing")
@pytest.mark.parametrize("alertname", ["CodeLocationBroken", "CheckWarns"])
def test_it_is_told_while_the_daemon_stands_still(orchard: Orchard, alertname: str) -> None:
    told(orchard, alertname, **LATER[alertname])


@pytest.mark.usefixtures("standing")
def test_postgres_that_is_down_is_told_and_mutes_what_follows_from_it(orchard: Orchard) -> None:
    orchard.platform.compose("stop", "postgres")
    try:
        told(orchard, "PostgresDown")
        before = len(orchard.sinks.received["/webhook"])
        (down,) = orchard.alerts("PostgresDown")
        muted = ["JobFailed", "CheckFailed", "CheckWarns", "CodeLocationBroken", "DaemonStale"]
        for alertname in muted:  # the last one fires within three minutes of the daemon's last heartbeat
            found = eventually(lambda name=alertname: one_at_least(orchard.alerts(name)), SOON)
            assert all(down["fingerprint"] in one["status"]["inhibitedBy"] for one in found), alertname
        meanwhile = orchard.sinks.received["/webhook"][before:]
        assert [body for body in meanwhile if body["groupLabels"]["alertname"] in muted] == []
    finally:
        orchard.platform.compose("start", "postgres")
    told_that_it_ended(orchard, "PostgresDown")


@pytest.mark.usefixtures("standing")
def test_a_daemon_that_stands_still_is_told_and_explains_what_is_stale(orchard: Orchard) -> None:
    told(orchard, "DaemonStale", severity="critical")

    daemons = {one["fingerprint"] for one in orchard.alerts("DaemonStale")}
    (stale,) = orchard.alerts("AssetStale")
    assert set(stale["status"]["inhibitedBy"]) & daemons


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize(
    "alertname", ["DaemonStale", *(one for one in BY_RUNS if one != "ContainerOutOfMemory"), *LATER]
)
def test_the_end_of_what_was_mended_is_told(orchard: Orchard, alertname: str) -> None:
    told_that_it_ended(orchard, alertname, **(BY_RUNS | LATER).get(alertname, {}))


@pytest.mark.usefixtures("mended")
def test_the_end_of_a_disk_that_was_full_is_told(orchard: Orchard, disk: Disk | str) -> None:
    if isinstance(disk, str):
        not_here(disk)

    told_that_it_ended(orchard, "DiskFull", device=disk.device)
