"""Whatever is killed in the midst of a run: the right outputs, or a failure with its reason, without a hand.

Processes are killed by their number on the host: `docker kill` would count as a stop by hand, after which no restart
policy acts.
"""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.integration.platform.conftest import DOMAINS, ROOT, Platform, eventually, outcome, processes, send_signal

from millrace.testing import seeded_part

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def undisturbed(sampled: Platform) -> dict[str, str]:
    """What an undisturbed run of the sample publishes."""
    assert sampled.ended(sampled.launch()) == "SUCCESS"
    return published(sampled)


def published(platform: Platform) -> dict[str, str]:
    """The current publication and its pointer; the change report compares with what was before."""
    return {name: digest for name, digest in platform.digests().items() if not name.endswith("change_report.json")}


def test_a_killed_run_container_is_noticed_told_and_retried_to_the_same_outputs(
    sampled: Platform, undisturbed: dict[str, str]
) -> None:
    command = [ROOT / "scripts/millrace", "launch", "nightly_job"]
    with subprocess.Popen(command, env=sampled.environment, stdout=subprocess.PIPE, text=True) as launch:
        assert launch.stdout is not None
        run = launch.stdout.readline().strip().rpartition("/")[2]
        sampled.wait_for_step(run, "reshaped_objects")
        send_signal(sampled.run_container(run)["State"]["Pid"], signal.SIGKILL)

        eventually(lambda: ended(sampled, run, "FAILURE"), 60)
        assert "was killed (SIGKILL)" in sampled.text(run)
        assert "The last it printed" in sampled.text(run)
        assert outcome(sampled, run) == "SUCCESS"
        assert published(sampled) == undisturbed
        told = launch.stdout.read()
    assert launch.returncode == 0, told
    assert f"failure\nit is retried: {sampled.sign_in.address}/runs/" in told
    assert told.endswith("\nsuccess\n")


def test_a_run_whose_limits_are_none_fails_at_once_with_the_reason(sampled: Platform) -> None:
    refused = sampled.millrace("launch", "nightly_job", "--tag", "millrace/memory=much")

    assert refused.returncode == 1
    assert "millrace/memory='much' is no quantity above 0; write them as 2GiB" in refused.stdout
    assert "it is retried" not in refused.stdout


def test_runs_of_one_job_follow_each_other(sampled: Platform) -> None:
    runs = [sampled.launch() for _ in range(2)]

    assert [sampled.ended(run) for run in runs] == ["SUCCESS", "SUCCESS"]
    first, second = (sampled.run(run) for run in runs)
    assert second["startTime"] >= first["endTime"]


def ended(platform: Platform, run: str, *states: str) -> None:
    assert platform.run(run)["status"] in states


def test_a_permanent_failure_is_told_and_not_retried(sampled: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no collection\n")
    assert sampled.millrace("source", "museum", str(tmp_path)).returncode == 0
    try:
        run = sampled.launch()

        assert sampled.ended(run) == "FAILURE"
        eventually(lambda: told_that_nothing_follows(sampled, run), 20)
        kinds = [event["__typename"] for event in sampled.events(run)]
        assert kinds.count("ExecutionStepFailureEvent") == kinds.count("ExecutionStepStartEvent") == 2, "both readers"
        assert "ExecutionStepUpForRetryEvent" not in kinds
    finally:
        assert sampled.millrace("source", "museum", "--rows", "20000").returncode == 0


def told_that_nothing_follows(platform: Platform, run: str) -> None:
    assert {"key": "dagster/will_retry", "value": "false"} in platform.run(run)["tags"]


def test_a_run_that_eats_more_than_its_limit_fails_in_plain_words(sampled: Platform) -> None:
    run = sampled.launch(**{"millrace/memory": "150MiB", "dagster/max_retries": "0"})

    assert sampled.ended(run) == "FAILURE"
    assert "ran out of memory: it reached its limit of 0.15 GiB" in sampled.text(run)


def run_while_killed(sampled: Platform, service: str, *states: str) -> str:
    """A run in whose midst a service is killed; within a minute of the kill it has ended in one of the states."""
    run = sampled.launch()
    sampled.wait_for_step(run, "reshaped_objects")
    deadline = time.monotonic() + 60
    sampled.kill(service)
    eventually(lambda: ended(sampled, run, *states), deadline - time.monotonic())
    return run


@pytest.mark.parametrize("service", seeded_part(["dagster-daemon", "museum", "docker-gate"], 1))
def test_a_killed_service_that_a_run_can_do_without_leaves_it_alone(
    sampled: Platform, undisturbed: dict[str, str], service: str
) -> None:
    run_while_killed(sampled, service, "SUCCESS")

    assert published(sampled) == undisturbed
    assert_works_again(sampled, undisturbed)


@pytest.mark.parametrize("store", seeded_part(["postgres", "object-store"], 1, seed=1))
def test_a_killed_store_comes_back_and_the_run_ends_right_or_fails_with_its_name(
    sampled: Platform, undisturbed: dict[str, str], store: str
) -> None:
    run = run_while_killed(sampled, store, "SUCCESS", "FAILURE")

    if sampled.run(run)["status"] == "FAILURE":
        assert store in sampled.text(run)
    if outcome(sampled, run) == "SUCCESS":
        assert published(sampled) == undisturbed
    assert_works_again(sampled, undisturbed)


def assert_works_again(sampled: Platform, undisturbed: dict[str, str]) -> None:
    """A run launched after the fault gives what an undisturbed one does."""
    assert outcome(sampled, sampled.launch()) == "SUCCESS"
    assert published(sampled) == undisturbed


def test_a_location_that_was_down_is_seen_and_is_used_again_without_a_click(sampled: Platform) -> None:
    sampled.compose("stop", "museum")
    sampled.compose("restart", "dagster-webserver", "dagster-webserver-readonly")
    for user in ("operator", "viewer"):
        eventually(lambda user=user: down(sampled, user), 120)  # a minute of it the viewer's waits for the location
    sampled.compose("start", "museum")

    def up() -> None:
        for user in ("operator", "viewer"):
            assert sampled.locations(user) == dict.fromkeys(DOMAINS, "RepositoryLocation"), user

    eventually(up, 90)
    assert sampled.ended(sampled.launch("harvest_job")) == "SUCCESS"


def down(platform: Platform, user: str) -> None:
    assert platform.locations(user) == {**dict.fromkeys(DOMAINS, "RepositoryLocation"), "museum": "PythonError"}


@pytest.mark.parametrize("deaf", [False, True], ids=["that_listens", "that_ignores_the_signal"])
def test_terminating_ends_the_container(sampled: Platform, *, deaf: bool) -> None:
    run = sampled.launch()
    sampled.wait_for_step(run, "reshaped_objects")
    container = sampled.run_container(run)
    if deaf:
        for pid in processes(container["Id"]):
            send_signal(pid, signal.SIGSTOP)

    assert sampled.terminate(run) == "TerminateRunSuccess"

    assert sampled.ended(run, 60) == "CANCELED"
    assert not sampled.run_container(run)["State"]["Running"]
