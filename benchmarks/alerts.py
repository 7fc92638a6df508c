"""A run that failed, until somebody is told: from its failure event to the notification at a webhook.

Needs the images (`docker compose build`, or `scripts/images all` with COMPOSE_FILE set as docs/operations.md says). It
brings up a project of its own, with the intervals that are the default, and takes it down again. In between come a poll
of the exporter, a scrape, an evaluation of the rules and the wait for others of the group, each of up to ten seconds.

Each round ends when the failure's end was told and Alertmanager has forgotten its group: what is new in a group that it
still knows waits for the group's next minute.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from containers import FEW_ROWS, ROOT, compose, docker, free_port
from figures import Figure
from millrace.compose.dagster_client import ENDED, Client
from millrace.compose.project import Project
from millrace.testing.sinks import Sinks, http_sink

ROUNDS = 5
PROJECT = "millrace-bench-alerts"
_PATIENCE_SECONDS = 600
_FORGOTTEN_SECONDS = 35  # Alertmanager looks for empty groups every 30 s: maintenance in its dispatch/dispatch.go
_FAILED_AT = """query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  __typename ... on RunFailureEvent { timestamp } } } } }"""


def figures() -> Iterator[Figure]:
    """Median seconds from a run's failure to the arrival of its notification."""
    sinks = Sinks()
    # Containers reach this process by the machine's address on Docker's default bridge.
    bridge = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with tempfile.TemporaryDirectory() as name, http_sink(sinks, "0.0.0.0") as port:  # noqa: S104
        folder = Path(name)
        folder.chmod(0o755)
        webhook = folder / "webhook_url"
        webhook.write_text(f"http://{bridge}:{port}/webhook\n")
        webhook.chmod(0o644)
        os.environ |= {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "MILLRACE_PORT": str(free_port()),
            "MILLRACE_ALERT_WEBHOOK_URL_FILE": str(webhook),
        }
        os.environ.setdefault("COMPOSE_FILE", "compose.yaml")
        try:
            compose("down", "--volumes")
            compose("up", "--detach", "--wait")
            seconds = [_round(Project(ROOT), sinks, folder) for _ in range(ROUNDS)]
        finally:
            compose("down", "--volumes")
    data = f"harvest_job of the museum, median of {ROUNDS}; {min(seconds):.0f} to {max(seconds):.0f} s"
    yield Figure("failure_to_notification_seconds", statistics.median(seconds), "s", 60.0, "≤ 60 s", 1.0, data)


def _round(project: Project, sinks: Sinks, folder: Path) -> float:
    """Let a run fail, wait until that is told; let one succeed, wait until that is."""
    sign_in = project.sign_in()
    client = Client(sign_in.address, "operator", sign_in.passwords["operator"])
    told, ended = len(sinks.told("JobFailed")), len(sinks.resolved("JobFailed"))
    nothing = folder / "nothing"
    nothing.mkdir(exist_ok=True)
    (nothing / "notes.txt").write_text("no collection\n")
    project.put_source("museum", nothing)
    failed = _run(client, "FAILURE")
    arrived = _awaited(lambda: len(sinks.told("JobFailed")) > told)
    (moment,) = [
        float(event["timestamp"]) / 1000
        for event in client.ask(_FAILED_AT, {"run": failed})["logsForRun"]["events"]
        if event["__typename"] == "RunFailureEvent"
    ]
    project.put_sample("museum", FEW_ROWS)
    _run(client, "SUCCESS")
    _awaited(lambda: len(sinks.resolved("JobFailed")) > ended)
    time.sleep(_FORGOTTEN_SECONDS)
    return arrived - moment


def _run(client: Client, expected: str) -> str:
    run_id = client.launch(client.find_job("harvest_job", "museum"))
    _awaited(lambda: client.status(run_id) in ENDED)
    if (status := client.status(run_id)) != expected:
        raise SystemExit(f"bench: run {run_id} ended as {status} (expected {expected})")
    return run_id


def _awaited(come: Callable[[], bool]) -> float:
    """When it had come, in seconds since 1970."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not come():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: waited {_PATIENCE_SECONDS} s for a run or a notification that did not come")
        time.sleep(0.05)
    return time.time()
